// What a publisher can be told, with its defaults.

import { hostname } from 'node:os';
import type { Broker, PublishReceipt } from '@millrace/broker';
import type { AnyCatalog, StreamEvent } from '@millrace/contract';
import { type Clock, systemClock } from '@millrace/internal';

/** Told of what becomes of events, for metrics and logs. Must not throw. */
export interface PublisherObserver {
  /** An event is in its stream. `durationMs` counts from the call (from the flush, for a coalesced one). */
  stored?(event: StreamEvent, receipt: PublishReceipt, durationMs: number): void;
  /** A coalesced event was merged into one that is already waiting. */
  coalesced?(event: StreamEvent): void;
  /**
   * So many coalesced events of a room will never be in a stream: `ended` by a later event (a message ends its sender's
   * typing), the broker was `unavailable` when their window was flushed, together they are `too_large` for one event, or
   * what another program put into a shared window is `invalid`.
   */
  dropped?(drop: {
    readonly reason: 'ended' | 'unavailable' | 'too_large' | 'invalid';
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
  /**
   * Where coalesced events wait out their window. `redis`: in the broker, so that several publishers share a window and what
   * waits survives a publisher that dies (on the broker in memory: as long as that lives). `local`: in this process; cheaper, and a crash loses at most one window.
   * @defaultValue 'redis' on a Redis broker, else 'local'
   */
  readonly coalescing?: 'local' | 'redis';
  /** Events that may wait while the broker is away; then low ones make room and others are refused. @defaultValue 10_000 */
  readonly maxOutboxEvents?: number;
  /** Characters of these events. @defaultValue 67_108_864 */
  readonly maxOutboxChars?: number;
  /** An event that has waited this long is refused. @defaultValue 5_000 */
  readonly maxOutboxWaitMs?: number;
  /** Coalescing windows open at once; at the bound the oldest is flushed early. @defaultValue 10_000 */
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
    maxOutboxEvents: 10_000,
    maxOutboxChars: 67_108_864,
    maxOutboxWaitMs: 5_000,
    maxOpenWindows: 10_000,
    coalescing: broker.kind === 'redis' ? ('redis' as const) : ('local' as const),
    ...options,
  });
}
