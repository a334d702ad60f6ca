// Stores a dead letter for each entry that can never be delivered, unless another gateway has the entry's event type in its
// catalog.
import { type Broker, type Entry, previousEntryId } from '@millrace/broker';
import { CONTROL_EVENT_TYPE } from '@millrace/contract';
import { systemClock } from '@millrace/internal';
import { originalOf, ruleOf } from '../intake/intake.js';
import type { ResolvedGatewayOptions } from '../settings/options.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Rejected } from './decide.js';
import { ForeignEntries } from './foreign-entries.js';
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
  readonly #foreignEntries: ForeignEntries;
  /** Event types of other gateways that were already logged. Contains at most `maxForeignTypes`. */
  readonly #foreignTypes = new Set<string>();

  constructor(dependencies: RejectionsDependencies) {
    const { broker, name, options } = dependencies;
    this.#dependencies = dependencies;
    // A gateway of an earlier build whose catalog lacks the type of control entries would reject each of them.
    const types = new Set([...options.catalog.eventTypes.map((type) => type.name), CONTROL_EVENT_TYPE]);
    this.#knownTypes = new KnownTypes({ broker, clock: systemClock, name, types: [...types] });
    this.#foreignEntries = new ForeignEntries({
      clock: systemClock,
      isKnown: (type) => this.#knownTypes.isKnown(type),
      onUnknown: async ({ stream, id, reason }) => {
        const range = { after: previousEntryId(id), upTo: id, count: 1 };
        const [entry] = await broker.readRange(stream, range);
        if (entry !== undefined) this.#store(stream, entry, { action: 'reject', reason });
      },
    });
  }

  /** Announces this gateway's event types to the other gateways. Resolves after the first announcement. */
  start(): Promise<void> {
    return this.#knownTypes.start();
  }

  /** Withdraws the announcement. Never rejects. */
  stop(): Promise<void> {
    this.#foreignEntries.stop();
    return this.#knownTypes.stop();
  }

  reject(stream: string, entry: Entry, rejected: Rejected): void {
    const { unknownType } = rejected;
    if (unknownType === undefined) this.#store(stream, entry, rejected);
    else void this.#storeUnlessKnown(stream, entry, rejected, unknownType);
  }

  /**
   * Stores a dead letter, unless another live gateway has the event type in its catalog. That gateway delivers the entry to its own
   * clients. If no such gateway lives some seconds later, the dead letter is stored after all.
   */
  async #storeUnlessKnown(stream: string, entry: Entry, rejected: Rejected, type: string): Promise<void> {
    const { logger, metrics } = this.#dependencies;
    // A broker that does not answer cannot store the dead letter either. `#store` then logs the failure.
    const isKnown = await this.#knownTypes.isKnown(type).catch(() => false);
    if (!isKnown) return this.#store(stream, entry, rejected);
    metrics.dropped.inc({ reason: 'unknown_type' });
    const { reason } = rejected;
    this.#foreignEntries.add({ stream, id: entry.id, eventType: type, reason });
    if (this.#foreignTypes.has(type) || this.#foreignTypes.size >= maxForeignTypes) return;
    this.#foreignTypes.add(type);
    logger.warn(
      { stream, eventType: type },
      'only another gateway has this event type in its catalog: clients of this gateway are not sent it until it is updated',
    );
  }

  /** Stores the entry as its writer wrote it, so that it can be taken in again after the stream's rule was corrected. */
  #store(stream: string, entry: Entry, { reason, step }: Rejected): void {
    const { broker, logger, metrics, options } = this.#dependencies;
    metrics.dropped.inc({ reason: 'invalid' });
    const rule = ruleOf(entry);
    if (rule !== undefined) metrics.intakeRejected.inc({ rule, step: step ?? 'event' });
    broker.deadLetter({ stream, entry: originalOf(entry), reason, rejectedBy: options.instance }).then(
      (isFirst) => {
        if (isFirst)
          logger.warn({ stream, entryId: entry.id, reason }, 'entry rejected: stored as a dead letter');
      },
      (error: unknown) =>
        logger.error({ err: error, stream, entryId: entry.id }, 'a dead letter could not be stored'),
    );
  }
}
