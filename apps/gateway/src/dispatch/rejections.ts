// Stores a dead letter for each entry that can never be delivered, unless another gateway has the entry's event type in its
// catalog.
import type { Broker, Entry } from '@millrace/broker';
import { systemClock } from '@millrace/internal';
import type { ResolvedGatewayOptions } from '../settings/options.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Rejected } from './decide.js';
import { KnownTypes } from './known-types.js';

// Maximum number of event types of other gateways that are logged by name.
const maxForeignTypes = 100;

/** Dependencies of {@link Rejections}. */
export interface RejectionsDependencies {
  readonly options: Pick<ResolvedGatewayOptions, 'catalog' | 'instance'>;
  readonly broker: Broker;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Name of this gateway among the broker's subscribers. */
  readonly name: string;
}

/** Stores and counts rejected entries. Start it once and stop it once. */
export class Rejections {
  readonly #dependencies: RejectionsDependencies;
  readonly #knownTypes: KnownTypes;
  /** Event types of other gateways that were already logged. Contains at most `maxForeignTypes`. */
  readonly #foreignTypes = new Set<string>();

  constructor(dependencies: RejectionsDependencies) {
    const { broker, name, options } = dependencies;
    this.#dependencies = dependencies;
    const types = options.catalog.eventTypes.map((type) => type.name);
    this.#knownTypes = new KnownTypes({ broker, clock: systemClock, name, types });
  }

  /** Announces this gateway's event types to the other gateways. Resolves after the first announcement. */
  start(): Promise<void> {
    return this.#knownTypes.start();
  }

  /** Withdraws the announcement. Never rejects. */
  stop(): Promise<void> {
    return this.#knownTypes.stop();
  }

  reject(stream: string, entry: Entry, { reason, unknownType }: Rejected): void {
    if (unknownType === undefined) this.#store(stream, entry, reason);
    else void this.#storeUnlessKnown(stream, entry, reason, unknownType);
  }

  /**
   * Stores a dead letter, unless another live gateway has the event type in its catalog. That gateway delivers the entry to its own
   * clients.
   */
  async #storeUnlessKnown(stream: string, entry: Entry, reason: string, type: string): Promise<void> {
    const { logger, metrics } = this.#dependencies;
    // If the broker does not answer, it cannot store the dead letter either. In that case, `#store` logs the
    // failure.
    const isKnown = await this.#knownTypes.isKnown(type).catch(() => false);
    if (!isKnown) return this.#store(stream, entry, reason);
    metrics.dropped.inc({ reason: 'unknown_type' });
    if (this.#foreignTypes.has(type) || this.#foreignTypes.size >= maxForeignTypes) return;
    this.#foreignTypes.add(type);
    logger.warn(
      { stream, eventType: type },
      'only another gateway has this event type in its catalog: clients of this gateway are not sent it until it is updated',
    );
  }

  #store(stream: string, entry: Entry, reason: string): void {
    const { broker, logger, metrics, options } = this.#dependencies;
    metrics.dropped.inc({ reason: 'invalid' });
    broker.deadLetter({ stream, entry, reason, rejectedBy: options.instance }).then(
      (isFirst) => {
        if (isFirst)
          logger.warn({ stream, entryId: entry.id, reason }, 'entry rejected: stored as a dead letter');
      },
      (error: unknown) =>
        logger.error({ err: error, stream, entryId: entry.id }, 'a dead letter could not be stored'),
    );
  }
}
