// Tracks how far a subscriber has read one stream, and counts the entries that were removed before they were
// read. Performs no I/O.
import { entryDigest } from '../entries/entry-digest.js';
import { compareEntryIds, type EntryId, FIRST_ENTRY_ID } from '../entries/entry-id.js';
import type { Entry } from '../port/entry-log.js';
import type { PreviousEpoch, ReadProgress, StreamStart } from '../port/subscriber-registry.js';
import { newEpoch } from '../positions/epoch.js';
import { encodeStreamPosition, type ReportedTip } from '../positions/position.js';

/** Returns the start of a subscriber in a stream that the store refused: before every entry, in a new epoch that no stream has. */
export function unknownStart(stream: string, timeMs: number): StreamStart {
  const lastId = FIRST_ENTRY_ID;
  return { stream, epoch: newEpoch(stream), cursor: FIRST_ENTRY_ID, lastId, entriesAdded: 0, timeMs };
}

/** The state of the stream at one moment: `entriesAdded` entries had been appended, and `lastId` was the newest. */
interface Tip {
  readonly lastId: EntryId;
  readonly entriesAdded: number;
}

/** Number of the newest received IDs that are kept. They show a tip that the reader has already passed. */
const RECENT_IDS = 1_024;

/**
 * The progress of a subscriber in one stream. The track finds losses by counting, never by guessing from IDs. Between two
 * tips (reported states of the stream), the numbers of received and of appended entries must be equal. The number received up
 * to a tip is known in three cases: the cursor is at the tip, the cursor passes the tip later, or the tip is among the newest
 * received IDs. The first tip is the baseline. Losses before it cannot be found.
 */
export class StreamTrack {
  readonly stream: string;
  #epoch: string;
  #previousEpoch: PreviousEpoch | undefined;
  #cursor: EntryId;
  /** The entry at the cursor; `undefined` before the first one. */
  #newest: Entry | undefined;
  #entriesAdded: number;
  /** A number that rises with each change of the epoch. A read uses it to recognise entries of the previous epoch. */
  #generation = 0;
  #received = 0;
  #baseline:
    | { readonly received: number; readonly entriesAdded: number; readonly lastId: EntryId }
    | undefined;
  /** Erased entries after the baseline that were not received. They may have been removed before they were read. */
  #erasedUnread: EntryId[] = [];
  /** True if erased entries may still be in the stream. */
  mayHaveErased = true;
  /** The oldest tip ahead of the cursor, which the cursor will pass next. */
  #ahead: Tip | undefined;
  /** Ring buffer of the newest received IDs: ID number `n` is at index `n % RECENT_IDS`. */
  #recent: EntryId[] = [];
  /** ID that the cursor must reach for the stream to be caught up. `undefined` after trouble, until the next tip is known. */
  #target: EntryId | undefined;
  #reportedTip: ReportedTip | undefined;
  /** First entry after a gap that was noticed before its lost entries could be counted. */
  #gapUpTo: EntryId | undefined;
  #isGapKnown = false;
  #segment: string | undefined;

  constructor(start: StreamStart) {
    this.stream = start.stream;
    this.#epoch = start.epoch;
    this.#previousEpoch = start.previousEpoch;
    this.#cursor = start.cursor;
    this.#entriesAdded = start.entriesAdded;
    this.#target = start.lastId;
    this.noteTip(start);
  }

  get cursor(): EntryId {
    return this.#cursor;
  }

  get epoch(): string {
    return this.#epoch;
  }

  /** The stream's previous epoch, if it is known. */
  get previousEpoch(): PreviousEpoch | undefined {
    return this.#previousEpoch;
  }

  /** The newest entry that the last heartbeat reported. */
  get reportedTip(): ReportedTip | undefined {
    return this.#reportedTip;
  }

  get generation(): number {
    return this.#generation;
  }

  get progress(): ReadProgress {
    const progress = { epoch: this.#epoch, cursor: this.#cursor, entriesAdded: this.#entriesAdded };
    // The digest is computed for heartbeats, a few times a second, instead of for every entry.
    return this.#newest === undefined ? progress : { ...progress, digest: entryDigest(this.#newest) };
  }

  /** True if the subscriber has read the entry at its cursor. That entry was then certainly in the stream. */
  get hasRead(): boolean {
    return this.#newest !== undefined;
  }

  /** The stream's part of a position as text. The part is encoded once per move of the cursor. */
  get segment(): string {
    this.#segment ??= encodeStreamPosition({ epoch: this.#epoch, cursor: this.#cursor });
    return this.#segment;
  }

  get isCaughtUp(): boolean {
    return this.#target !== undefined && compareEntryIds(this.#cursor, this.#target) >= 0;
  }

  /**
   * Records that entries before `firstId` may have been removed unread. Lost entries that are later counted up to `firstId`
   * belong to this gap.
   */
  noteGap(firstId: EntryId): void {
    this.#gapUpTo = firstId;
  }

  /** True when `noteGap` had recorded the gap whose entries were counted last. */
  get isGapKnown(): boolean {
    return this.#isGapKnown;
  }

  /** Moves the cursor to a received entry. Returns how many entries before it are newly known to be lost. */
  advance(entry: Entry): number {
    const { id } = entry;
    // The entry at the tip may have been removed. Therefore the first entry after the tip passes it. All entries received
    // before that entry count.
    const isPastTip = this.#ahead !== undefined && compareEntryIds(id, this.#ahead.lastId) > 0;
    const lost = isPastTip ? this.#passTip() : 0;
    this.#recent[this.#received % RECENT_IDS] = id;
    this.#received++;
    this.#cursor = id;
    this.#newest = entry;
    this.#segment = undefined;
    return lost;
  }

  /** Records the state of the stream at one moment. Returns how many entries are newly known to be lost. */
  noteTip(tip: Tip): number {
    this.#entriesAdded = tip.entriesAdded;
    this.#target ??= tip.lastId;
    const order = compareEntryIds(this.#cursor, tip.lastId);
    if (order === 0) {
      this.#ahead = undefined;
      return this.#settle(this.#received, tip);
    }
    if (order < 0) {
      this.#ahead ??= { lastId: tip.lastId, entriesAdded: tip.entriesAdded };
      return 0;
    }
    const received = this.#receivedUpTo(tip.lastId);
    return received === undefined ? 0 : this.#settle(received, tip);
  }

  /**
   * Records that a control entry, which was the last received entry, erases these entries. Erased entries that were not received do
   * not count as lost.
   */
  noteErased(ids: readonly EntryId[]): void {
    this.mayHaveErased = true;
    const from = this.#baseline?.lastId;
    // Losses before the first tip are not counted.
    if (from === undefined) return;
    const isUnread = (id: EntryId): boolean =>
      compareEntryIds(id, from) > 0 && this.#receivedUpTo(id) === undefined;
    this.#erasedUnread.push(...ids.filter(isUnread));
  }

  /**
   * Forgets the tip ahead of the cursor. Called when the subscriber had been declared dead: entries before this tip may have been
   * erased and removed since then, and only the next tip is certainly after their control entries.
   */
  skipTip(): void {
    this.#ahead = undefined;
  }

  /** Starts again at the beginning of the stream in a new epoch, because the stream was lost or rewound. */
  reset(start: Omit<StreamStart, 'cursor'>): void {
    this.begin({ ...start, cursor: FIRST_ENTRY_ID });
  }

  /** Starts to read at `start`, and forgets all earlier records of the stream. */
  begin(start: StreamStart): void {
    this.#cursor = start.cursor;
    this.#newest = undefined;
    this.move(start);
  }

  /** Continues from the cursor in a new epoch and begins to count again, because another server serves the stream. */
  move(start: Omit<StreamStart, 'cursor'>): void {
    this.#epoch = start.epoch;
    this.#previousEpoch = start.previousEpoch;
    this.#segment = undefined;
    this.#generation++;
    this.#received = 0;
    this.#recent = [];
    this.#baseline = undefined;
    this.#ahead = undefined;
    this.#target = undefined;
    this.#gapUpTo = undefined;
    this.#erasedUnread = [];
    this.noteTip(start);
  }

  /** Records the previous epoch of the stream. Its `upTo` may be higher than the known one. */
  notePreviousEpoch(previousEpoch: PreviousEpoch | undefined): void {
    this.#previousEpoch = previousEpoch;
  }

  /**
   * Records the newest entry of the present epoch. `askedAtMs` is the time at which the reporting heartbeat
   * was sent.
   */
  noteReportedTip(lastId: EntryId, askedAtMs: number): void {
    this.#reportedTip = { lastId, askedAtMs };
  }

  /** Marks the stream as not caught up after trouble, until the cursor reaches the next tip. */
  loseTarget(): void {
    this.#target = undefined;
  }

  #passTip(): number {
    const tip = this.#ahead;
    this.#ahead = undefined;
    return tip === undefined ? 0 : this.#settle(this.#received, tip);
  }

  #settle(received: number, { lastId, entriesAdded }: Tip): number {
    this.#isGapKnown = this.#gapUpTo !== undefined;
    if (this.#gapUpTo !== undefined && compareEntryIds(lastId, this.#gapUpTo) >= 0) this.#gapUpTo = undefined;
    const before = this.#baseline;
    this.#baseline = { received, entriesAdded, lastId };
    const erased = this.#takeErased(lastId);
    if (before === undefined) return 0;
    const lost = entriesAdded - before.entriesAdded - (received - before.received) - erased;
    return Math.max(0, lost);
  }

  /** Returns the number of unread erased entries up to `id`, and forgets them. */
  #takeErased(id: EntryId): number {
    if (this.#erasedUnread.length === 0) return 0;
    const later = this.#erasedUnread.filter((erased) => compareEntryIds(erased, id) > 0);
    const taken = this.#erasedUnread.length - later.length;
    this.#erasedUnread = later;
    return taken;
  }

  /** Returns the number of entries received up to `id`, or `undefined` if `id` is not among the newest received IDs. */
  #receivedUpTo(id: EntryId): number | undefined {
    const oldest = Math.max(0, this.#received - RECENT_IDS);
    for (let number = this.#received - 1; number >= oldest; number--) {
      if (this.#recent[number % RECENT_IDS] === id) return number + 1;
    }
    return undefined;
  }
}
