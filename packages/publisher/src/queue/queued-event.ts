// An event in the outbox, and the bounds it waits under.

import type { Broker, OutgoingEntry, PublishReceipt } from '@millrace/broker';
import type { Lane } from '@millrace/contract';
import type { Clock } from '@millrace/internal';

/** Bounds of an outbox. */
export interface OutboxOptions {
  readonly broker: Pick<Broker, 'append' | 'options' | 'onStateChange'>;
  readonly clock: Clock;
  readonly maxEvents: number;
  /** Characters of all fields that wait. */
  readonly maxChars: number;
  /**
   * An event that has waited this long is refused, unless it is on its way at that moment. Time in which this process did not run is
   * not counted.
   */
  readonly maxWaitMs: number;
}

/** One event for the outbox: the entry that it becomes, and who is told what became of it. */
export interface OutboxEvent extends OutgoingEntry {
  readonly eventId: string;
  /** The real stream, a partition where there are some. */
  readonly stream: string;
  readonly lane: Lane;
  /** A failed attempt is its last one: it waits elsewhere as well, and others try again. */
  readonly isTriedOnce: boolean;
  /** It is in its stream. Called once, or else `failed`. */
  stored(receipt: PublishReceipt): void;
  /** PublisherError `outbox_full` or `broker_unavailable`; BrokerError for what will never work. */
  failed(error: Error): void;
}

/** An event that waits. */
export interface Waiting {
  readonly event: OutboxEvent;
  readonly chars: number;
  /** On the outbox's own time; see `Outbox`. */
  readonly sinceMs: number;
  /** It was sent before, and may be stored. */
  mayBeStored: boolean;
  readonly round: Round;
}

/** Events that were put in between two calls of `settled`. */
export interface Round {
  left: number;
  onSettled: (() => void) | undefined;
}
