// The options of a publisher, with their defaults.
import { hostname } from 'node:os';
import type { Broker, PublishReceipt } from '@millrace/broker';
import type { AnyCatalog, StreamEvent } from '@millrace/contract';
import { type Clock, systemClock } from '@millrace/internal';

/** Callbacks for the outcomes of events, for metrics and logs. They must not throw. */
export interface PublisherObserver {
  /** An event is in its stream. `durationMs` counts from the call (from the flush, for a coalesced one). */
  stored?(event: StreamEvent, receipt: PublishReceipt, durationMs: number): void;
  /** A coalesced event was merged into one that is already waiting. */
  coalesced?(event: StreamEvent): void;
  /**
   * `count` coalesced events of a room will never be in a stream. `ended`: a later event ended them (a message ends its sender's
   * typing). `unavailable`: the broker was away when their window was flushed. `too_large`: merged they exceed the size of one event.
   * `invalid`: another program put an input into a shared window that is no event of this catalog.
   */
  dropped?(drop: {
    readonly reason: 'ended' | 'unavailable' | 'too_large' | 'invalid';
    readonly count: number;
    readonly cause?: unknown;
  }): void;
}

/** Options of {@link createPublisher}. */
export interface PublisherOptions<C extends AnyCatalog> {
  /** An open broker. The caller owns it: `close` leaves it open. */
  readonly broker: Broker;
  /** The event types to publish. */
  readonly catalog: C;
  /** Stamped into `metadata.source_instance`. @defaultValue host name and process ID */
  readonly sourceInstance?: string;
  readonly observer?: PublisherObserver;
  /** @defaultValue the system clock */
  readonly clock?: Clock;
  /**
   * Where coalesced events wait for the end of their window. `redis`: in the broker. Several publishers share a window, and the events in
   * it survive a publisher that dies (on the broker in memory: as long as that lives). `local`: in this process. This is cheaper, and a
   * crash loses at most one window.
   * @defaultValue 'redis' on a Redis broker, else 'local'
   */
  readonly coalescing?: 'local' | 'redis';
  /** Most events that wait for the broker; at the bound low ones make room and others are refused. @defaultValue 10_000 */
  readonly maxQueuedEvents?: number;
  /** Most characters of these events. @defaultValue 67_108_864 */
  readonly maxQueuedChars?: number;
  /** An event that has waited this long is refused. @defaultValue 5_000 */
  readonly maxQueueWaitMs?: number;
  /** Most coalescing windows that are open at once; at the bound the oldest is flushed early. @defaultValue 10_000 */
  readonly maxOpenWindows?: number;
}

/** Options with every default filled in. */
export type ResolvedPublisherOptions<C extends AnyCatalog> = Readonly<Required<PublisherOptions<C>>>;

/** Fills in the defaults and freezes. */
export function resolveOptions<C extends AnyCatalog>(
  options: PublisherOptions<C>,
): ResolvedPublisherOptions<C> {
  const { broker } = options;
  return Object.freeze({
    sourceInstance: `${hostname()}-${process.pid}`,
    observer: {},
    clock: systemClock,
    maxQueuedEvents: 10_000,
    maxQueuedChars: 67_108_864,
    maxQueueWaitMs: 5_000,
    maxOpenWindows: 10_000,
    coalescing: broker.kind === 'redis' ? ('redis' as const) : ('local' as const),
    ...options,
  });
}
