// The options of a publisher, with their defaults.
import { hostname } from 'node:os';
import type { Broker, PublishReceipt } from '@millrace/broker';
import type { AnyCatalog, StreamEvent } from '@millrace/contract';
import {
  type Clock,
  checkOptions,
  nearestName,
  type OptionRules,
  objectWith,
  oneOf,
  required,
  systemClock,
  text,
  timerMs,
  wholeNumber,
} from '@millrace/internal';
import { invalidOption } from './errors.js';

/** Callbacks for the outcomes of events, for metrics and logs. They must not throw. */
export interface PublisherObserver {
  /**
   * Called when an event is in its stream. `durationMs` is the time since the publisher was called or, for a
   * coalesced event, since the flush of its window.
   */
  stored?(event: StreamEvent, receipt: PublishReceipt, durationMs: number): void;
  /** Called when a coalesced event was merged with an earlier event of its window. */
  coalesced?(event: StreamEvent): void;
  /**
   * Called when `count` coalesced events of a room will never be in a stream.
   *
   * - `ended`: a later event ended them. For example, a message ends its sender's typing.
   * - `unavailable`: the broker was unavailable when their window was flushed.
   * - `too_large`: the merged event exceeds the maximum size of an event.
   * - `invalid`: another program put an input that is not an event of this catalog into a shared window.
   */
  dropped?(drop: {
    readonly reason: 'ended' | 'unavailable' | 'too_large' | 'invalid';
    readonly count: number;
    readonly cause?: unknown;
  }): void;
}

/** Options of {@link createPublisher}. */
export interface PublisherOptions<C extends AnyCatalog> {
  /** An open broker. The caller owns the broker: `close` of the publisher does not close it. */
  readonly broker: Broker;
  /** The event types to publish. */
  readonly catalog: C;
  /**
   * The value of `metadata.source_instance` in events that `publish` and `publishMany` create.
   * @defaultValue host name and process ID
   */
  readonly sourceInstance?: string;
  readonly observer?: PublisherObserver;
  /** @defaultValue the system clock */
  readonly clock?: Clock;
  /**
   * The place where coalesced events wait for the end of their window.
   *
   * - `redis`: in the broker. All publishers share a window, and its events survive a publisher that dies. In
   *   the memory broker, the events survive only as long as the broker itself.
   * - `local`: in this process. Windows in this process are cheaper, but a crash loses the events in them.
   * @defaultValue 'redis' on a Redis broker, else 'local'
   */
  readonly coalescing?: 'local' | 'redis';
  /**
   * Maximum number of events that wait for the broker. At this limit, new events replace the oldest waiting events of the lane
   * `low`. If no such event waits, new events are refused.
   * @defaultValue 10_000
   */
  readonly maxQueuedEvents?: number;
  /** Maximum number of characters in all events that wait for the broker. @defaultValue 67_108_864 */
  readonly maxQueuedChars?: number;
  /** Time after which an event that waits for the broker is refused. @defaultValue 5_000 */
  readonly maxQueueWaitMs?: number;
  /**
   * Maximum number of coalescing windows that are open at the same time. At this limit, the oldest window is
   * flushed early.
   * @defaultValue 10_000
   */
  readonly maxOpenWindows?: number;
}

/** Options with every default filled in. */
export type ResolvedPublisherOptions<C extends AnyCatalog> = Readonly<Required<PublisherOptions<C>>>;

/** The rules of the options that `createPublisher` and `connectPublisher` share. */
export const COMMON_RULES: OptionRules<Omit<PublisherOptions<AnyCatalog>, 'broker' | 'catalog'>> = {
  sourceInstance: text(),
  observer: objectWith([], ['stored', 'coalesced', 'dropped']),
  clock: objectWith(['wallMs', 'monotonicMs', 'startTimer']),
  coalescing: oneOf('local', 'redis'),
  maxQueuedEvents: wholeNumber(),
  maxQueuedChars: wholeNumber(),
  maxQueueWaitMs: timerMs(),
  maxOpenWindows: wholeNumber(),
};

/** The rule for a catalog. */
export const CATALOG_RULE = objectWith(['find', 'assertEvent', 'encodeEntry']);

const RULES: OptionRules<PublisherOptions<AnyCatalog>> = {
  ...COMMON_RULES,
  broker: required(objectWith(['append', 'onStateChange'])),
  catalog: required(CATALOG_RULE),
};

/**
 * Checks the options, fills in the defaults and freezes the result.
 * @throws PublisherError `invalid_option`
 */
export function resolveOptions<C extends AnyCatalog>(
  options: PublisherOptions<C>,
): ResolvedPublisherOptions<C> {
  const given = checkOptions(options, RULES, invalidOption, nearestName);
  return Object.freeze({
    sourceInstance: `${hostname()}-${process.pid}`,
    observer: {},
    clock: systemClock,
    maxQueuedEvents: 10_000,
    maxQueuedChars: 67_108_864,
    maxQueueWaitMs: 5_000,
    maxOpenWindows: 10_000,
    coalescing: given.broker.kind === 'redis' ? ('redis' as const) : ('local' as const),
    ...given,
  });
}
