// Registers a subscriber at the streams when it starts. Registers it later at the streams that the broker refused then.
import { backOffDelayMs, pause } from '@millrace/internal';
import { toBrokerError } from '../errors.js';
import type { Broker } from '../port/broker.js';
import type { StreamStart } from '../port/subscriber-registry.js';
import type { BrokerClock } from './broker-clock.js';
import type { StreamHealth } from './stream-health.js';
import type { LoopReport, ResolvedSubscriberOptions } from './subscriber-options.js';

/** Time after which a refused stream is tried again, in milliseconds. */
const LATE_RETRY_MS = 1_000;

/** Dependencies of {@link Registration}. */
export interface RegistrationDependencies {
  readonly broker: Broker;
  readonly options: ResolvedSubscriberOptions;
  readonly brokerClock: BrokerClock;
  readonly health: StreamHealth;
  readonly report: LoopReport;
  /** Called when the subscriber was registered at a stream that the broker had refused. Reading begins at `start`. */
  readonly onLateStart: (start: StreamStart) => void;
  /** Called when the subscriber begins to read a stream that the broker had refused. */
  readonly onServed: () => void;
}

/** Keeps the state of each stream: registered at the start, or refused → registered → read. The broker's streams bound it. */
export class Registration {
  readonly #dependencies: RegistrationDependencies;
  /** Streams at which the subscriber is not registered, because the broker refused them. */
  readonly #unregistered = new Set<string>();
  /** Streams that are not read yet: unregistered, or registered late and warming up. */
  readonly #unread = new Set<string>();

  constructor(dependencies: RegistrationDependencies) {
    this.#dependencies = dependencies;
  }

  isRegistered(stream: string): boolean {
    return !this.#unregistered.has(stream);
  }

  /** True when the subscriber is registered at the stream and has warmed up for it. */
  mayRead(stream: string): boolean {
    return !this.#unread.has(stream);
  }

  /** Records that the broker refused a stream when the subscriber started. */
  noteRefused(stream: string): void {
    this.#unregistered.add(stream);
    this.#unread.add(stream);
  }

  /**
   * Registers at every stream. Retries with back-off while the broker is unavailable. Resolves to `undefined` if `signal`
   * fires first.
   */
  async start(signal: AbortSignal): Promise<readonly StreamStart[] | undefined> {
    const { broker, options, brokerClock, report } = this.#dependencies;
    const { clock, name } = options;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        const sentMs = clock.monotonicMs();
        const starts = await broker.register(name);
        const receivedMs = clock.monotonicMs();
        for (const { timeMs } of starts) brokerClock.learn(sentMs, receivedMs, timeMs);
        report.onSuccess();
        return starts;
      } catch (error) {
        const failure = toBrokerError(error, 'unavailable');
        if (!failure.isTransient) throw failure;
        report.onFailure(failure);
        await pause(clock, backOffDelayMs(attempt), signal);
      }
    }
    return undefined;
  }

  /** Tries the refused streams again, once a second, until all of them are read. */
  async runLate(signal: AbortSignal): Promise<void> {
    const { clock } = this.#dependencies.options;
    while (this.#unread.size > 0) {
      await pause(clock, LATE_RETRY_MS, signal);
      if (signal.aborted) return;
      await this.tryRefused();
    }
  }

  /** Tries each refused stream once. */
  async tryRefused(): Promise<void> {
    for (const stream of this.#unread) await this.#registerOne(stream);
  }

  async #registerOne(stream: string): Promise<void> {
    const { broker, options, health, onLateStart, onServed } = this.#dependencies;
    try {
      const starts = await broker.register(options.name, [stream]);
      for (const start of starts) onLateStart(start);
      this.#unregistered.delete(stream);
      await options.warmUp(starts);
      this.#unread.delete(stream);
      health.note(stream, 'register', undefined);
      onServed();
    } catch (error) {
      const failure = toBrokerError(error, 'unavailable');
      if (!failure.isTransient && failure.code !== 'closed') health.refuse(stream, 'register', failure);
    }
  }
}
