// Stores a dead letter for each entry that can never be delivered, unless another gateway has the entry's event type in its
// catalog.
import { type Broker, type Entry, type EntryId, previousEntryId } from '@millrace/broker';
import { CONTROL_EVENT_TYPE } from '@millrace/contract';
import { systemClock } from '@millrace/internal';
import { originalOf, ruleOf } from '../intake/intake.js';
import type { ResolvedGatewayOptions } from '../settings/options.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import { DeadLetterWriter } from './dead-letter-writer.js';
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
  readonly #writer: DeadLetterWriter;
  /** Questions whether another gateway has a type. Bounded by the entries of the present read. */
  readonly #asking = new Set<Promise<void>>();
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
        const entry = await this.#read(stream, id);
        if (entry !== undefined) this.#store(stream, entry, { action: 'reject', reason });
      },
    });
    this.#writer = new DeadLetterWriter({
      clock: systemClock,
      read: (stream, id) => this.#read(stream, id),
      write: (stream, entry, reason) => this.#write(stream, entry, reason),
      onFailure: ({ stream, id }, error) =>
        dependencies.logger.error({ err: error, stream, entryId: id }, 'a dead letter could not be stored'),
    });
  }

  /** Returns what an operator should correct. */
  get details(): readonly string[] {
    return this.#writer.waitingStreams.map(
      (stream) =>
        `Dead letters of ${stream} cannot be stored, and wait: the log has the reason, and docs/streams-in-trouble.md the remedy.`,
    );
  }

  /** Announces this gateway's event types to the other gateways. Resolves after the first announcement. */
  start(): Promise<void> {
    return this.#knownTypes.start();
  }

  /** Stores the dead letters that are not stored yet, and withdraws the announcement. Never rejects. */
  async stop(): Promise<void> {
    this.#foreignEntries.stop();
    await Promise.all(this.#asking);
    await this.#writer.stop();
    await this.#knownTypes.stop();
  }

  reject(stream: string, entry: Entry, rejected: Rejected): void {
    const { unknownType } = rejected;
    if (unknownType === undefined) return this.#store(stream, entry, rejected);
    const asking = this.#storeUnlessKnown(stream, entry, rejected, unknownType).finally(() =>
      this.#asking.delete(asking),
    );
    this.#asking.add(asking);
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

  #store(stream: string, entry: Entry, { reason, step }: Rejected): void {
    const { metrics } = this.#dependencies;
    metrics.dropped.inc({ reason: 'invalid' });
    const rule = ruleOf(entry);
    if (rule !== undefined) metrics.intakeRejected.inc({ rule, step: step ?? 'event' });
    this.#writer.store(stream, entry, reason);
  }

  async #read(stream: string, id: EntryId): Promise<Entry | undefined> {
    const range = { after: previousEntryId(id), upTo: id, count: 1 };
    return (await this.#dependencies.broker.readRange(stream, range))[0];
  }

  /** Stores the entry as its writer wrote it, so that it can be taken in again after the stream's rule was corrected. */
  async #write(stream: string, entry: Entry, reason: string): Promise<void> {
    const { broker, logger, options } = this.#dependencies;
    const rejected = { stream, entry: originalOf(entry), reason, rejectedBy: options.instance };
    if (await broker.deadLetter(rejected))
      logger.warn({ stream, entryId: entry.id, reason }, 'entry rejected: stored as a dead letter');
  }
}
