// What a publisher can be told, with its defaults.
import { hostname } from 'node:os';
import type { Broker, Clock, PublishReceipt } from '@millrace/broker';
import { systemClock } from '@millrace/broker';
import type { AnyCatalog, StreamEvent } from '@millrace/contract';

/** Told of what becomes of events, for metrics and logs. Must not throw. */
export interface PublisherObserver {
  /** An event is in its stream. `durationMs` counts from the call (from the flush, for a coalesced one). */
  stored?(event: StreamEvent, receipt: PublishReceipt, durationMs: number): void;
  /** A coalesced event was merged into one that is already waiting. */
  coalesced?(event: StreamEvent): void;
  /**
   * So many coalesced events of a room will never be in a stream: `ended` by a later event (a message ends its sender's
   * typing), the broker was `unavailable` when their window was flushed, or together they are `too_large` for one event.
   */
  dropped?(drop: {
    readonly reason: 'ended' | 'unavailable' | 'too_large';
    readonly count: number;
    readonly cause?: unknown;
  }): void;
}

/** Options of {@link createPublisher}. */
export interface PublisherOptions<C extends AnyCatalog> {
  /** An open broker. It stays the caller's: `close` leaves it open. */
  readonly broker: Broker;
  /** The event types to publish. */
  readonly catalog: C;
  /** Stamped into `metadata.source_instance`. @defaultValue host name and process ID */
  readonly sourceInstance?: string;
  readonly observer?: PublisherObserver;
  /** @defaultValue the system clock */
  readonly clock?: Clock;
  /** Coalescing windows open at once; at the bound the oldest is flushed early. @defaultValue 10_000 */
  readonly maxOpenWindows?: number;
}

/** Options with every default filled in. */
export type ResolvedPublisherOptions<C extends AnyCatalog> = Readonly<Required<PublisherOptions<C>>>;

/** Fills in the defaults and freezes. */
export function resolveOptions<C extends AnyCatalog>(
  options: PublisherOptions<C>,
): ResolvedPublisherOptions<C> {
  return Object.freeze({
    sourceInstance: `${hostname()}-${process.pid}`,
    observer: {},
    clock: systemClock,
    maxOpenWindows: 10_000,
    ...options,
  });
}
