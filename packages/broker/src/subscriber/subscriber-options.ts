// The options of a subscriber, with their defaults.
import {
  type Clock,
  callback,
  checkOptions,
  nearestName,
  type OptionRules,
  required,
  systemClock,
  text,
  timerMs,
  wholeNumber,
} from '@millrace/internal';
import { CLOCK_RULE, invalid, MAX_COUNT, MAX_NAME_CHARS } from '../arguments.js';
import type { EntryId } from '../entries/entry-id.js';
import type { BrokerError } from '../errors.js';
import type { LedgerPassResult, TrimResult } from '../port/acknowledgement-ledger.js';
import type { Entry } from '../port/entry-log.js';
import type { StreamStart } from '../port/subscriber-registry.js';
import type { StreamTrouble, StreamTroubleKind } from './stream-health.js';

/**
 * The source of an error. `entry`: `onEntry` threw. `stop`: a lease, slot or cursor could not be released at
 * the stop. The other sources are loops, which continue after a failure.
 * @beta
 */
export type SubscriberErrorSource = 'entry' | 'tail' | 'heartbeat' | 'ledger' | 'stop';

/**
 * State of a subscriber: `idle` → `registering` → `tailing` ⇄ `recovering` → `stopping` → `stopped`. Some published entries
 * may be unread in any state except `tailing`.
 * @beta
 */
export type SubscriberState = 'idle' | 'registering' | 'tailing' | 'recovering' | 'stopping' | 'stopped';

/** Options of `createSubscriber`. @beta */
export interface SubscriberOptions {
  /**
   * Name of the subscriber, with 1 to 256 characters. It must be unique among all subscribers of the broker, even across
   * restarts, so make a part of it random. Two processes with one name would acknowledge entries for each other.
   */
  readonly name: string;
  /** Name that stays the same across restarts, so that the subscriber gets its slot again. @defaultValue none */
  readonly instance?: string;
  /**
   * Called once for each entry, in stream order. It must be synchronous, because the entry counts as handled when it has
   * returned. If it throws, the error goes to `onError`, and the entry still counts as handled. During the call,
   * `subscriber.position()` already includes the entry.
   */
  readonly onEntry: (stream: string, entry: Entry) => void;
  /**
   * Called and awaited after registering and before the first read, for example to fill a cache from the streams. Heartbeats
   * already run. Called again with the start of a stream that the broker refused at first.
   */
  readonly warmUp?: (starts: readonly StreamStart[]) => Promise<void>;
  /**
   * Called when the stream was lost or rewound. The subscriber reads the remaining entries from the beginning, in a new
   * epoch. `lastId` is the newest of them at this moment.
   */
  readonly onReset?: (stream: string, lastId: EntryId) => void;
  /**
   * Called when another server serves the stream and has every entry that was read. Reading continues from the cursor, in a
   * new epoch.
   */
  readonly onMove?: (stream: string) => void;
  /**
   * Called and awaited before `onOvertaken`. Until it resolves, no further entry of the stream, and of the streams that are read
   * together with it, is handled. It must not reject.
   */
  readonly beforeOvertaken?: (stream: string) => Promise<void>;
  /**
   * Called when entries before `firstId`, the next entry, may have been removed from the stream unread. `onGap` reports their
   * number later. Called only if the subscriber had a backlog or was paused. Only `onGap` reports other gaps.
   */
  readonly onOvertaken?: (stream: string, firstId: EntryId) => void;
  /**
   * Called when `lost` entries are known to have been removed from the stream unread. A loss becomes known when the cursor
   * passes an entry that the broker has reported as the newest. `isKnown` is true if `onOvertaken` was called for the gap.
   */
  readonly onGap?: (stream: string, lost: number, isKnown: boolean) => void;
  /** Called after each read that returned entries. The cursors of `streams` have moved. */
  readonly onAdvance?: (streams: ReadonlySet<string>) => void;
  /** Called after each heartbeat of the stream; see `Subscriber.reportedTip`. */
  readonly onHeartbeat?: (stream: string) => void;
  /** Called once after every change of the state. */
  readonly onStateChange?: (state: SubscriberState, cause?: Error) => void;
  /**
   * Called for every error that `onEntry` throws, for a loop's first failure after a success, and for a failure at the stop.
   */
  readonly onError?: (error: Error, source: SubscriberErrorSource) => void;
  /** Called once when a problem with one stream begins. The other streams continue. */
  readonly onTrouble?: (trouble: StreamTrouble) => void;
  /** Called once when a problem is over. */
  readonly onTroubleOver?: (stream: string, kind: StreamTroubleKind) => void;
  /** Called after each acknowledgement pass that changed something. */
  readonly onLedgerPass?: (stream: string, result: Extract<LedgerPassResult, { status: 'done' }>) => void;
  /** Called after each trim that removed something. */
  readonly onTrim?: (stream: string, result: Extract<TrimResult, { status: 'trimmed' }>) => void;
  /** Clock for all times and waits of the subscriber. @defaultValue systemClock */
  readonly clock?: Clock;
  /** Maximum number of entries that one read returns per stream. @defaultValue 500 */
  readonly readCount?: number;
  /** Time that one read waits for new entries, in milliseconds. @defaultValue 1000 */
  readonly readBlockMs?: number;
  /**
   * Maximum number of entries that one acknowledgement pass consumes, and maximum number that it acknowledges. @defaultValue 200
   */
  readonly passEntryCount?: number;
  /** Delay after a pass that reached `passEntryCount`, in milliseconds. @defaultValue 5 */
  readonly fullPassDelayMs?: number;
  /** Delay after a pass that changed something, in milliseconds. @defaultValue 100 */
  readonly busyPassDelayMs?: number;
  /** Maximum delay between passes that change nothing, in milliseconds. The delay doubles up to this value. @defaultValue 1000 */
  readonly idlePassDelayMs?: number;
  /** Interval at which the subscriber trims a stream whose lease it holds, in milliseconds. @defaultValue 1000 */
  readonly trimIntervalMs?: number;
}

/** `SubscriberOptions` with every default filled in. */
export type ResolvedSubscriberOptions = Required<Omit<SubscriberOptions, 'instance'>> &
  Pick<SubscriberOptions, 'instance'>;

const RULES: OptionRules<SubscriberOptions> = {
  name: required(text(1, MAX_NAME_CHARS)),
  instance: text(1, MAX_NAME_CHARS),
  onEntry: required(callback),
  warmUp: callback,
  onReset: callback,
  onMove: callback,
  beforeOvertaken: callback,
  onOvertaken: callback,
  onGap: callback,
  onAdvance: callback,
  onHeartbeat: callback,
  onStateChange: callback,
  onError: callback,
  onTrouble: callback,
  onTroubleOver: callback,
  onLedgerPass: callback,
  onTrim: callback,
  clock: CLOCK_RULE,
  readCount: wholeNumber(1, MAX_COUNT),
  readBlockMs: timerMs(),
  passEntryCount: wholeNumber(1, MAX_COUNT),
  fullPassDelayMs: timerMs(),
  busyPassDelayMs: timerMs(),
  idlePassDelayMs: timerMs(),
  trimIntervalMs: timerMs(),
};

/** Fills in the defaults and checks the values. @throws BrokerError `invalid_argument` for a value that is wrong */
export function resolveSubscriberOptions(options: SubscriberOptions): ResolvedSubscriberOptions {
  return Object.freeze({
    warmUp: async () => {},
    onReset: () => {},
    onMove: () => {},
    beforeOvertaken: async () => {},
    onOvertaken: () => {},
    onGap: () => {},
    onAdvance: () => {},
    onHeartbeat: () => {},
    onStateChange: () => {},
    onError: () => {},
    onTrouble: () => {},
    onTroubleOver: () => {},
    onLedgerPass: () => {},
    onTrim: () => {},
    clock: systemClock,
    readCount: 500,
    readBlockMs: 1_000,
    passEntryCount: 200,
    fullPassDelayMs: 5,
    busyPassDelayMs: 100,
    idlePassDelayMs: 1_000,
    trimIntervalMs: 1_000,
    ...checkOptions(options, RULES, invalid, nearestName),
  });
}

/** Callbacks for the outcome of every round of a loop. The subscriber acts only on changes. */
export interface LoopReport {
  readonly onSuccess: () => void;
  readonly onFailure: (error: BrokerError) => void;
}
