// The options of a subscriber, with their defaults.
import { type Clock, systemClock } from '@millrace/internal';
import { checkCount, checkName, invalid } from '../arguments.js';
import type { EntryId } from '../entries/entry-id.js';
import type { BrokerError } from '../errors.js';
import type { LedgerPassResult, TrimResult } from '../port/acknowledgement-ledger.js';
import type { Entry } from '../port/entry-log.js';
import type { StreamStart } from '../port/subscriber-registry.js';
import type { StreamTrouble, StreamTroubleKind } from './stream-health.js';

/** Where an error came from. `entry`: `onEntry` threw. The others are loops, which continue after a failure. */
export type SubscriberErrorSource = 'entry' | 'tail' | 'heartbeat' | 'ledger' | 'stop';

/**
 * `idle` → `registering` → `tailing` ⇄ `recovering` → `stopping` → `stopped`.
 * Only in `tailing` every published entry is read.
 */
export type SubscriberState = 'idle' | 'registering' | 'tailing' | 'recovering' | 'stopping' | 'stopped';

/** Options of `createSubscriber`. */
export interface SubscriberOptions {
  /**
   * Unique among all subscribers of the broker, restarts included: 1 to 256 characters. Two processes with one name would
   * acknowledge for each other, so put something random into it.
   */
  readonly name: string;
  /** Name that stays the same over restarts: by it a subscriber gets its slot again. @defaultValue none */
  readonly instance?: string;
  /**
   * Called once for each entry, in stream order. Synchronous: when it has returned, the entry counts as handled. When it
   * throws, the error goes to `onError` and the entry counts as handled too. `subscriber.position()` includes the entry.
   */
  readonly onEntry: (stream: string, entry: Entry) => void;
  /**
   * Awaited between registering and the first read, while heartbeats run already. Fill a cache from the streams here. Called again
   * with the start of a stream that the broker refused at first.
   */
  readonly warmUp?: (starts: readonly StreamStart[]) => Promise<void>;
  /**
   * The stream was lost or rewound; what is left of it will be read again, in another epoch. `lastId`: its newest
   * entry at this moment.
   */
  readonly onReset?: (stream: string, lastId: EntryId) => void;
  /** Another server serves the stream and has every entry that was read: reading continues from the cursor, in another epoch. */
  readonly onMove?: (stream: string) => void;
  /**
   * Entries were removed from the stream before they were read; the entries from `firstId` on come after the gap.
   * `onGap` counts the removed ones later. Called for a gap that is met with a backlog or after a standstill; any other is found by
   * counting alone.
   */
  readonly onOvertaken?: (stream: string, firstId: EntryId) => void;
  /**
   * This many entries were removed from the stream before they were read: known when the next known tip is passed. `isKnown`:
   * `onOvertaken` was called for them.
   */
  readonly onGap?: (stream: string, lost: number, isKnown: boolean) => void;
  /** Called after each read that brought entries: the cursors of these streams have moved. */
  readonly onAdvance?: (streams: ReadonlySet<string>) => void;
  /** Called after each heartbeat of the stream; see `Subscriber.reportedTip`. */
  readonly onHeartbeat?: (stream: string) => void;
  /** Called after every change, once. */
  readonly onStateChange?: (state: SubscriberState, cause?: Error) => void;
  /** Called for every throw of `onEntry`, and for the first failure of each loop after a success. */
  readonly onError?: (error: Error, source: SubscriberErrorSource) => void;
  /** Called once when something begins to be wrong with one stream; the others continue. */
  readonly onTrouble?: (trouble: StreamTrouble) => void;
  /** Called once when it is over. */
  readonly onTroubleOver?: (stream: string, kind: StreamTroubleKind) => void;
  /** Called after each acknowledgement pass that changed something. */
  readonly onLedgerPass?: (stream: string, result: Extract<LedgerPassResult, { status: 'done' }>) => void;
  /** Called after each trim that removed something. */
  readonly onTrim?: (stream: string, result: Extract<TrimResult, { status: 'trimmed' }>) => void;
  /** @defaultValue systemClock */
  readonly clock?: Clock;
  /** Entries per stream and read. @defaultValue 500 */
  readonly readCount?: number;
  /** How long one read waits for new entries. @defaultValue 1000 */
  readonly readBlockMs?: number;
  /** Entries consumed, and acknowledged, by one acknowledgement pass. @defaultValue 200 */
  readonly passEntryCount?: number;
  /** Delay after an acknowledgement pass that was full. @defaultValue 5 */
  readonly fullPassDelayMs?: number;
  /** Delay after a pass that changed something. @defaultValue 100 */
  readonly busyPassDelayMs?: number;
  /** Longest delay between passes that change nothing; the delay doubles up to it. @defaultValue 1000 */
  readonly idlePassDelayMs?: number;
  /** How often a stream is trimmed while this subscriber accounts for it. @defaultValue 1000 */
  readonly trimIntervalMs?: number;
}

/** `SubscriberOptions` with every default filled in. */
export type ResolvedSubscriberOptions = Required<Omit<SubscriberOptions, 'instance'>> &
  Pick<SubscriberOptions, 'instance'>;

/** @throws BrokerError `invalid_argument` naming the option that is wrong */
export function resolveSubscriberOptions(options: SubscriberOptions): ResolvedSubscriberOptions {
  checkName('name', options.name);
  const resolved: ResolvedSubscriberOptions = {
    warmUp: async () => {},
    onReset: () => {},
    onMove: () => {},
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
    ...options,
  };
  checkCount(resolved.readCount);
  checkCount(resolved.passEntryCount);
  for (const option of [
    'readBlockMs',
    'fullPassDelayMs',
    'busyPassDelayMs',
    'idlePassDelayMs',
    'trimIntervalMs',
  ] as const) {
    if (!Number.isSafeInteger(resolved[option]) || resolved[option] < 1)
      throw invalid(`${option} must be a whole number of at least 1`);
  }
  return Object.freeze(resolved);
}

/** Reports of a loop to its subscriber. The loop reports every round; the subscriber notes the changes. */
export interface LoopReport {
  readonly onSuccess: () => void;
  readonly onFailure: (error: BrokerError) => void;
}
