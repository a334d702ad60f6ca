// Shares the event types of all catalogs among the gateways of a broker, so that no gateway rejects an event that another gateway
// can deliver.
import type { Broker } from '@millrace/broker';
import type { CancelTimer, Clock } from '@millrace/internal';
import { startRepeatingTimer } from '../repeating-timer.js';

/** Dependencies of {@link KnownTypes}. */
export interface KnownTypesDependencies {
  readonly broker: Pick<Broker, 'announce' | 'announced' | 'state'>;
  readonly clock: Clock;
  /** Name of this gateway among the broker's subscribers. */
  readonly name: string;
  /** The event types of this gateway's catalog, and the type of control entries. */
  readonly types: readonly string[];
}

// An announcement expires after 10 s, so three renewals in a row may fail.
const announceIntervalMs = 2_000;

/** Announces this gateway's event types until it is stopped, and reads the types of the other gateways. */
export class KnownTypes {
  readonly #dependencies: KnownTypesDependencies;
  #cancel: CancelTimer = () => {};
  /** The next request, which was not sent yet. All callers share it until then. */
  #next: Promise<ReadonlySet<string>> | undefined;
  /** The running request. Never rejects. */
  #running: Promise<unknown> = Promise.resolve();

  constructor(dependencies: KnownTypesDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Starts to announce this gateway's types. Resolves after the first announcement. Never rejects, because failures are retried.
   */
  async start(): Promise<void> {
    this.#cancel = startRepeatingTimer(
      this.#dependencies.clock,
      announceIntervalMs,
      () => void this.#announce(),
    );
    await this.#announce();
  }

  /** Withdraws the announcement. Never rejects: an announcement that cannot be withdrawn expires. */
  async stop(): Promise<void> {
    this.#cancel();
    await this.#dependencies.broker.announce(this.#dependencies.name, []).catch(() => {});
  }

  /**
   * Resolves to true if a live gateway has the type in its catalog. Only one request runs at a time. Callers that arrive
   * meanwhile share the next request, so that an answer is never older than its call.
   *
   * @throws BrokerError if the request to the broker fails
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
    // A failure is ignored: the broker itself reports that it is unavailable, and the next announcement follows soon.
    await broker.announce(name, types).catch(() => {});
  }
}
