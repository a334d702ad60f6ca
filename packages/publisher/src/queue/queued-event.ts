// An event in the publish queue.
import type { OutgoingEntry, PublishReceipt } from '@millrace/broker';
import type { Lane } from '@millrace/contract';

/** One event for the queue: the entry that it becomes, and callbacks for its outcome. */
export interface OutgoingEvent extends OutgoingEntry {
  readonly eventId: string;
  /** Name of the real stream. If the stream has partitions, this is the name of a partition. */
  readonly stream: string;
  readonly lane: Lane;
  /**
   * True when the event is not sent again after a failed attempt. Such an event is still in a shared window, which is flushed again
   * later.
   */
  readonly isTriedOnce: boolean;
  /**
   * True when the event ID was created for this event and was not sent yet. After a failed attempt, the queue
   * sets this field to false.
   */
  isNew: boolean;
  /** Called when the event is in its stream. Exactly one of `stored` and `failed` is called, and only once. */
  stored(receipt: PublishReceipt): void;
  /**
   * Called when the event was refused. The error is a PublisherError `outbox_full` or `broker_unavailable`, or the broker's error
   * if the event is not sent again.
   */
  failed(error: Error): void;
}

/** An event that waits in the queue. */
export interface QueuedEvent {
  readonly event: OutgoingEvent;
  readonly chars: number;
  /** Time when the event was put into the queue, by `ExpiryTimer.runningMs`. */
  readonly queuedAtMs: number;
  /** True when the event may be stored, because an attempt was sent but not answered. */
  mayBeStored: boolean;
  readonly group: SettlementGroup;
}

/** The events that were added between two calls of `PublishQueue.settled`. */
export interface SettlementGroup {
  /** Events of the group that are neither stored nor refused. */
  pendingCount: number;
  onSettled: (() => void) | undefined;
}
