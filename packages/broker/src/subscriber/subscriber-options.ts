// What a member is told, with the defaults.
import { type Clock, systemClock } from '@millrace/internal';
import { checkCount, checkName, invalid } from '../arguments.js';
import type { BrokerError } from '../errors.js';
import type { Entry, EntryId, StreamStart, TickResult, TrimResult } from '../port/broker.js';
import type { StreamTrouble, StreamTroubleKind } from './stream-health.js';

/** Where an error came from. `entry`: `onEntry` threw. The others are loops that go on by themselves. */
export type MemberErrorSource = 'entry' | 'tail' | 'heartbeat' | 'ledger' | 'stop';

/**
 * `idle` → `registering` → `tailing` ⇄ `recovering` → `stopping` → `stopped`.
 * Only in `tailing` is everything read that was published.
 */
export type MemberState = 'idle' | 'registering' | 'tailing' | 'recovering' | 'stopping' | 'stopped';

/** Options of `createMember`. */
export interface MemberOptions {
  /**
   * Unique among all members of the broker, restarts included: 1 to 256 characters. Two processes with one name would
   * acknowledge for each other, so put something random into it.
   */
  readonly name: string;
  /** Name that stays over restarts: under it a member takes its slot again. @defaultValue none */
  readonly instance?: string;
  /**
   * Called once for each entry, in stream order. Synchronous: when it returned, the entry counts as handled. When it
   * throws, the error goes to `onError` and the entry counts as handled too. `member.position()` includes the entry.
   */
  readonly onEntry: (stream: string, entry: Entry) => void;
  /**
   * Awaited between registering and the first read; heartbeats run already. For filling a cache from the streams. Called again
   * with the start of a stream that the broker refused at first.
   */
  readonly warmUp?: (starts: readonly StreamStart[]) => Promise<void>;
  /**
   * The stream was lost or rewound; all of it that is left will be read again, in another epoch. `lastId`: its newest
   * entry at this moment.
   */
  readonly onReset?: (stream: string, lastId: EntryId) => void;
  /** Another server serves the stream and has all that was read: reading goes on from the cursor, in another epoch. */
  readonly onMove?: (stream: string) => void;
  /**
   * Entries were removed from the stream before they were read; what is handed over from `firstId` on comes from behind the gap.
   * `onGap` counts them later. Called for a gap that is met with a backlog or after a standstill; any other is found by counting alone.
   */
  readonly onOvertaken?: (stream: string, firstId: EntryId) => void;
  /**
   * This many entries were removed from the stream before they were read: known when the next known tip is passed. `isKnown`:
   * `onOvertaken` was called for them.
   */
  readonly onGap?: (stream: string, lost: number, isKnown: boolean) => void;
  /** After each read that brought something: the cursors of these streams have moved. */
  readonly onAdvance?: (streams: ReadonlySet<string>) => void;
  /** The broker has said how the stream stands; see `Member.told`. */
  readonly onHeartbeat?: (stream: string) => void;
  /** Called after every change, once. */
  readonly onStateChange?: (state: MemberState, cause?: Error) => void;
  /** Every throw of `onEntry`; of each loop the first failure after a success. */
  readonly onError?: (error: Error, source: MemberErrorSource) => void;
  /** Something is wrong with one stream; the others go on. Called once when it begins. */
  readonly onTrouble?: (trouble: StreamTrouble) => void;
  /** Called once when it is over. */
  readonly onTroubleOver?: (stream: string, kind: StreamTroubleKind) => void;
  /** After each tick that did something. */
  readonly onTick?: (stream: string, result: Extract<TickResult, { status: 'ticked' }>) => void;
  /** After each trim that removed something. */
  readonly onTrim?: (stream: string, result: Extract<TrimResult, { status: 'trimmed' }>) => void;
  /** @defaultValue systemClock */
  readonly clock?: Clock;
  /** Entries per stream and read. @defaultValue 500 */
  readonly readCount?: number;
  /** How long one read waits for news. @defaultValue 1000 */
  readonly readBlockMs?: number;
  /** Entries consumed, and acknowledged, by one tick of the ledger. @defaultValue 200 */
  readonly tickCount?: number;
  /** Wait after a tick that was full. @defaultValue 5 */
  readonly fullTickMs?: number;
  /** Wait after a tick that did something. @defaultValue 100 */
  readonly busyTickMs?: number;
  /** Longest wait between ticks that do nothing; the wait doubles until there. @defaultValue 1000 */
  readonly idleTickMs?: number;
  /** How often a stream is trimmed while this member accounts for it. @defaultValue 1000 */
  readonly trimIntervalMs?: number;
}

/** `MemberOptions` with every default filled in. */
export type ResolvedMemberOptions = Required<Omit<MemberOptions, 'instance'>> &
  Pick<MemberOptions, 'instance'>;

/** @throws BrokerError `invalid_argument` naming the option that is wrong */
export function resolveMemberOptions(options: MemberOptions): ResolvedMemberOptions {
  checkName('name', options.name);
  const resolved: ResolvedMemberOptions = {
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
    onTick: () => {},
    onTrim: () => {},
    clock: systemClock,
    readCount: 500,
    readBlockMs: 1_000,
    tickCount: 200,
    fullTickMs: 5,
    busyTickMs: 100,
    idleTickMs: 1_000,
    trimIntervalMs: 1_000,
    ...options,
  };
  checkCount(resolved.readCount);
  checkCount(resolved.tickCount);
  for (const option of ['readBlockMs', 'fullTickMs', 'busyTickMs', 'idleTickMs', 'trimIntervalMs'] as const) {
    if (!Number.isSafeInteger(resolved[option]) || resolved[option] < 1)
      throw invalid(`${option} must be at least 1`);
  }
  return Object.freeze(resolved);
}

/** What a loop tells its member: whether it works. Every call counts; the member sees the changes. */
export interface LoopReport {
  readonly onSuccess: () => void;
  readonly onFailure: (error: BrokerError) => void;
}
