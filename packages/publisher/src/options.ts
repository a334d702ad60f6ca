// The options of a publisher, with their defaults.
import { hostname } from 'node:os';
import type { Broker, Entry, PublishReceipt } from '@millrace/broker';
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

/** Callbacks for the outcomes of events, for metrics and logs. They must not throw. @beta */
export interface PublisherObserver {
  /**
   * Called when an event is in its stream. `durationMs` is the time since the call of the publisher. For a coalesced event,
   * it is the time since the flush of its window.
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
   * - `invalid`: another program put an input that is not an event of this catalog into a shared window, or the merged event
   *   cannot be written as JSON.
   */
  dropped?(drop: {
    readonly reason: 'ended' | 'unavailable' | 'too_large' | 'invalid';
    readonly count: number;
    readonly cause?: unknown;
  }): void;
  /**
   * Called when the broker permanently refuses to flush the windows of a slot, for example because the Redis user lacks a right: at most
   * once per minute and slot. The accepted events wait in the broker, which forgets them ten minutes after their window was opened.
   */
  flushRefused?(slot: string, cause: Error): void;
}

/** The streams into which other programs write entries of a form of their own, for a publisher of the same streams. @beta */
export interface EntryIntake {
  /** Names of the streams. The events that the publisher stores there are marked, so that gateways use them as they are. */
  readonly streams: readonly string[];
  /**
   * Returns an entry with the fields of an event, for the search of events to erase.
   * @defaultValue entries are used as they are
   */
  readEntry?(stream: string, entry: Entry): Entry;
}

/** Options of {@link createPublisher}. @public */
export interface PublisherOptions<C extends AnyCatalog> {
  /** An open broker. The caller owns the broker: `close` of the publisher does not close it. @beta */
  readonly broker: Broker;
  /** The event types to publish. */
  readonly catalog: C;
  /**
   * The value of `metadata.source_instance` in events that `publish` and `publishMany` create.
   * @defaultValue host name and process ID
   */
  readonly sourceInstance?: string;
  /** @beta */
  readonly observer?: PublisherObserver;
  /** @defaultValue the system clock @beta */
  readonly clock?: Clock;
  /**
   * Where coalesced events wait for the end of their window.
   *
   * - `redis`: in the broker. All publishers share a window, and its events survive a publisher that dies. In the memory
   *   broker, the events survive only as long as the broker itself.
   * - `local`: in this process. Windows in this process are cheaper, but a crash loses the events in them.
   * @defaultValue 'redis' on a Redis broker, else 'local'
   * @beta
   */
  readonly coalescing?: 'local' | 'redis';
  /**
   * Maximum number of events that wait for the broker. Above it, a new event replaces the oldest waiting event of the lane
   * `low`. It is refused if no such event waits.
   * @defaultValue 10_000
   */
  readonly maxQueuedEvents?: number;
  /** Maximum number of characters in all events that wait for the broker. @defaultValue 67_108_864 */
  readonly maxQueuedChars?: number;
  /** Time after which an event that waits for the broker is refused. @defaultValue 5_000 */
  readonly maxQueueWaitMs?: number;
  /**
   * Maximum number of coalescing windows that are open at the same time. Above it, the oldest window is flushed early.
   * @defaultValue 10_000
   * @beta
   */
  readonly maxOpenWindows?: number;
  /** The streams for which the gateways have an intake rule. @defaultValue none @beta */
  readonly intake?: EntryIntake;
  /**
   * Time for which removals and sign-outs are kept, in milliseconds: the longest lifetime of a token. A token that is valid for longer
   * gives its user access again after this time.
   * @defaultValue 2_592_000_000 (30 days)
   * @beta
   */
  readonly revocationKeepMs?: number;
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
  intake: {
    mustBe: 'an object with the list `streams` and, if needed, the function readEntry()',
    isMet: (value) => {
      const { streams, readEntry } = Object(value) as Partial<EntryIntake>; // Its parts are checked here.
      const areNames = Array.isArray(streams) && streams.every((name) => typeof name === 'string');
      return areNames && (readEntry === undefined || typeof readEntry === 'function');
    },
  },
  revocationKeepMs: wholeNumber(1, 315_576_000_000),
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
    revocationKeepMs: 2_592_000_000,
    intake: { streams: [] },
    coalescing: given.broker.kind === 'redis' ? ('redis' as const) : ('local' as const),
    ...given,
  });
}
