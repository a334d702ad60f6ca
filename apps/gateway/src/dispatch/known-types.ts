// Which event types the gateways on this broker know: each says what is in its catalog, so that none rejects what another delivers.

import type { Broker } from '@millrace/broker';
import type { CancelTimer, Clock } from '@millrace/internal';
import { repeat } from '../repeating-timer.js';

/** The broker through which gateways share their types, and the clock. */
export interface KnownTypesOptions {
  readonly broker: Pick<Broker, 'announce' | 'announced' | 'state'>;
  readonly clock: Clock;
  /** Name of this gateway among the broker's members. */
  readonly name: string;
  readonly types: readonly string[];
}

// A third of what an announcement holds is 3.3 s; two may fail.
const announceIntervalMs = 2_000;

/** Announces the own types until it is stopped, and asks for those of others. */
export class KnownTypes {
  readonly #options: KnownTypesOptions;
  #cancel: CancelTimer = () => {};
  /** The question that has not been sent yet: all who ask until then share its answer. */
  #next: Promise<ReadonlySet<string>> | undefined;
  /** Never rejects. */
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: KnownTypesOptions) {
    this.#options = options;
  }

  /** Resolves when the others may know. Never rejects: what fails is repeated. */
  async start(): Promise<void> {
    this.#cancel = repeat(this.#options.clock, announceIntervalMs, () => void this.#announce());
    await this.#announce();
  }

  /** Never rejects: what cannot be taken back runs out. */
  async stop(): Promise<void> {
    this.#cancel();
    await this.#options.broker.announce(this.#options.name, []).catch(() => {});
  }

  /**
   * Resolves to true when a live gateway knows the type. One request is under way at a time; callers meanwhile share the next one, so that its answer
   * is never older than the question.
   *
   * @throws BrokerError when the broker cannot be asked
   */
  async isKnown(type: string): Promise<boolean> {
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      const answer = this.#options.broker.announced();
      this.#running = answer.catch(() => {});
      return answer;
    });
    return (await this.#next).has(type);
  }

  async #announce(): Promise<void> {
    const { broker, name, types } = this.#options;
    if (broker.state !== 'ready') return;
    // A broker that is away says so itself; the next announcement comes soon.
    await broker.announce(name, types).catch(() => {});
  }
}
