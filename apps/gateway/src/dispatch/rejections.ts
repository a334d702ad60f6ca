// Makes dead letters of entries that can never be delivered, unless another gateway knows their event type.

import type { Broker, Entry } from '@millrace/broker';
import { systemClock } from '@millrace/internal';
import type { ResolvedGatewayOptions } from '../settings/options.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Rejected } from './decide.js';
import { KnownTypes } from './known-types.js';

// Types of other gateways that are logged by name.
const maxForeignTypes = 100;

/** Dependencies of {@link Rejections}. */
export interface RejectionsParts {
  readonly options: Pick<ResolvedGatewayOptions, 'catalog' | 'instance'>;
  readonly broker: Broker;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Name of this gateway among the broker's members. */
  readonly name: string;
}

/** Takes rejected entries and counts them. Started once, stopped once. */
export class Rejections {
  readonly #parts: RejectionsParts;
  readonly #knownTypes: KnownTypes;
  /** Types of other gateways that were logged; at most `maxForeignTypes`. */
  readonly #foreignTypes = new Set<string>();

  constructor(parts: RejectionsParts) {
    const { broker, name, options } = parts;
    this.#parts = parts;
    const types = options.catalog.eventTypes.map((type) => type.name);
    this.#knownTypes = new KnownTypes({ broker, clock: systemClock, name, types });
  }

  /** Tells the other gateways which types this one delivers. Resolves when they may know. */
  start(): Promise<void> {
    return this.#knownTypes.start();
  }

  /** Never rejects. */
  stop(): Promise<void> {
    return this.#knownTypes.stop();
  }

  take(stream: string, entry: Entry, { reason, unknownType }: Rejected): void {
    if (unknownType === undefined) this.#bury(stream, entry, reason);
    else void this.#buryUnlessKnown(stream, entry, reason, unknownType);
  }

  /** A type that another live gateway knows is delivered there; this one has nobody who could be sent it. */
  async #buryUnlessKnown(stream: string, entry: Entry, reason: string, type: string): Promise<void> {
    const { logger, metrics } = this.#parts;
    // A broker that cannot be asked takes no dead letter either, and that is logged.
    const isKnown = await this.#knownTypes.isKnown(type).catch(() => false);
    if (!isKnown) return this.#bury(stream, entry, reason);
    metrics.dropped.inc({ reason: 'unknown_type' });
    if (this.#foreignTypes.has(type) || this.#foreignTypes.size >= maxForeignTypes) return;
    this.#foreignTypes.add(type);
    logger.warn(
      { stream, eventType: type },
      'another gateway knows this event type and this one does not: its clients are not sent it until this gateway is updated',
    );
  }

  #bury(stream: string, entry: Entry, reason: string): void {
    const { broker, logger, metrics, options } = this.#parts;
    metrics.dropped.inc({ reason: 'invalid' });
    broker.deadLetter({ stream, entry, reason, rejectedBy: options.instance }).then(
      (isFirst) => {
        if (isFirst) logger.warn({ stream, entryId: entry.id, reason }, 'dead letter');
      },
      (error: unknown) => logger.error({ err: error, stream, entryId: entry.id }, 'dead letter not stored'),
    );
  }
}
