// Shares among the gateways of a broker which event types each has in its catalog, so that none rejects what another delivers.
import type { Broker } from '@millrace/broker';
import type { CancelTimer, Clock } from '@millrace/internal';
import { startRepeatingTimer } from '../repeating-timer.js';

/** Dependencies of {@link KnownTypes}. */
export interface KnownTypesDependencies {
  readonly broker: Pick<Broker, 'announce' | 'announced' | 'state'>;
  readonly clock: Clock;
  /** Name of this gateway among the broker's subscribers. */
  readonly name: string;
  /** The types of this gateway's catalog. */
  readonly types: readonly string[];
}

// A third of the time for which an announcement holds is 3.3 s; two may fail.
const announceIntervalMs = 2_000;

/** Announces this gateway's types until it is stopped, and reads those of the others. */
export class KnownTypes {
  readonly #dependencies: KnownTypesDependencies;
  #cancel: CancelTimer = () => {};
  /** The request that has not been sent yet: all callers until then share its answer. */
  #next: Promise<ReadonlySet<string>> | undefined;
  /** Never rejects. */
  #running: Promise<unknown> = Promise.resolve();

  constructor(dependencies: KnownTypesDependencies) {
    this.#dependencies = dependencies;
  }

  /** Resolves when the others can read this gateway's types. Never rejects: a failed announcement is repeated. */
  async start(): Promise<void> {
    this.#cancel = startRepeatingTimer(
      this.#dependencies.clock,
      announceIntervalMs,
      () => void this.#announce(),
    );
    await this.#announce();
  }

  /** Never rejects: an announcement that cannot be withdrawn expires. */
  async stop(): Promise<void> {
    this.#cancel();
    await this.#dependencies.broker.announce(this.#dependencies.name, []).catch(() => {});
  }

  /**
   * Resolves to true when a live gateway has the type in its catalog. One request is under way at a time; callers meanwhile share the next one, so that
   * its answer is never older than the call.
   *
   * @throws BrokerError when the broker cannot be asked
   */
  async isKnown(type: string): Promise<boolean> {
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      const answer = this.#dependencies.broker.announced();
      this.#running = answer.catch(() => {});
      return answer;
    });
    return (await this.#next).has(type);
  }

  async #announce(): Promise<void> {
    const { broker, name, types } = this.#dependencies;
    if (broker.state !== 'ready') return;
    // A broker that is unavailable reports it itself; the next announcement follows soon.
    await broker.announce(name, types).catch(() => {});
  }
}
