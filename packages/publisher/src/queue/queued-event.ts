// An event in the publish queue.
import type { OutgoingEntry, PublishReceipt } from '@millrace/broker';
import type { Lane } from '@millrace/contract';

/** One event for the queue: the entry that it becomes, and callbacks for its outcome. */
export interface OutgoingEvent extends OutgoingEntry {
  readonly eventId: string;
  /** The real stream: a partition where the stream has partitions. */
  readonly stream: string;
  readonly lane: Lane;
  /** True when the event is not sent again after a failed attempt: a shared window holds it too, and another publisher sends it. */
  readonly isTriedOnce: boolean;
  /** The event is in its stream. Either this or `failed` is called, once. */
  stored(receipt: PublishReceipt): void;
  /** PublisherError `outbox_full` or `broker_unavailable`; BrokerError where no attempt can succeed. */
  failed(error: Error): void;
}

/** An event that waits in the queue. */
export interface QueuedEvent {
  readonly event: OutgoingEvent;
  readonly chars: number;
  /** On the time of `ExpiryTimer.runningMs`. */
  readonly queuedAtMs: number;
  /** An attempt was sent and not answered, so the event may be stored. */
  mayBeStored: boolean;
  readonly group: SettlementGroup;
}

/** The events that were put in between two calls of `PublishQueue.settled`. */
export interface SettlementGroup {
  /** Events of the group that are neither stored nor refused. */
  pendingCount: number;
  onSettled: (() => void) | undefined;
}
