// An event in the publish queue.
import type { OutgoingEntry, PublishReceipt } from '@millrace/broker';
import type { Lane } from '@millrace/contract';

/** One event for the queue: the entry that it becomes, and callbacks for its outcome. */
export interface OutgoingEvent extends OutgoingEntry {
  readonly eventId: string;
  /** Name of the real stream, which is a partition if the stream has partitions. */
  readonly stream: string;
  readonly lane: Lane;
  /**
   * True if the event is not sent again after a failed attempt. Such an event is still in a shared window, whose next flush
   * sends it again.
   */
  readonly isTriedOnce: boolean;
  /**
   * True if the event ID was created for this event and was not sent yet. The queue sets it to false after a failed attempt.
   */
  isNew: boolean;
  /** Called when the event is in its stream. Exactly one of `stored` and `failed` is called, once. */
  stored(receipt: PublishReceipt): void;
  /**
   * Called when the event was refused, with a PublisherError `outbox_full` or `broker_unavailable`. An event that is not sent
   * again gets the broker's error.
   */
  failed(error: Error): void;
}

/** An event that waits in the queue. */
export interface QueuedEvent {
  readonly event: OutgoingEvent;
  readonly chars: number;
  /** Time when the event was put into the queue, by `ExpiryTimer.runningMs`. */
  readonly queuedAtMs: number;
  /** True if the event may be stored, because an attempt was sent but not answered. */
  mayBeStored: boolean;
  readonly group: SettlementGroup;
}

/** The events that were added between two calls of `PublishQueue.settled`. */
export interface SettlementGroup {
  /** The events of the group that are neither stored nor refused. */
  pendingCount: number;
  onSettled: (() => void) | undefined;
}
