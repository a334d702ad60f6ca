// Tracks how far a subscriber has read one stream, and counts the entries that were missing on the way. Pure: values in, values out.
import { entryDigest } from '../entries/entry-digest.js';
import { compareEntryIds, type EntryId, FIRST_ENTRY_ID } from '../entries/entry-id.js';
import type { Entry } from '../port/entry-log.js';
import type { PreviousEpoch, ReadProgress, StreamStart } from '../port/subscriber-registry.js';
import { newEpoch } from '../positions/epoch.js';
import { encodeStreamPosition, type ReportedTip } from '../positions/position.js';

/** The start of a subscriber in a stream that refused it: before every entry, in an epoch that no stream has. */
export function unknownStart(stream: string, timeMs: number): StreamStart {
  const lastId = FIRST_ENTRY_ID;
  return { stream, epoch: newEpoch(stream), cursor: FIRST_ENTRY_ID, lastId, entriesAdded: 0, timeMs };
}

/** The state of the stream at one moment: it had `entriesAdded` entries when the newest was `lastId`. */
interface Tip {
  readonly lastId: EntryId;
  readonly entriesAdded: number;
}

/** How many of the newest IDs are kept, to find a tip that the tail has passed already. */
const RECENT_IDS = 1_024;

/**
 * Loss is found by counting, never by guessing from IDs: between two tips, as many entries must have been received
 * as were added. The count at a tip is known when the cursor stands on it, when the cursor passes it later, or when the tip
 * is among the newest IDs received. The first tip sets the baseline; before it no loss can be found.
 */
export class StreamTrack {
  readonly stream: string;
  #epoch: string;
  #previousEpoch: PreviousEpoch | undefined;
  #cursor: EntryId;
  /** The entry at the cursor; `undefined` before the first one. */
  #newest: Entry | undefined;
  #entriesAdded: number;
  /** Rises with every reset: entries that were read before it can be told apart. */
  #generation = 0;
  #received = 0;
  #baseline: { readonly received: number; readonly entriesAdded: number } | undefined;
  /** A tip ahead of the cursor. The oldest one is kept: it is passed first. */
  #ahead: Tip | undefined;
  /** Ring of the newest IDs; number `n` received stands at `n % RECENT_IDS`. */
  #recent: EntryId[] = [];
  /** The cursor that must be reached for the stream to count as caught up; `undefined`: not known since the last trouble. */
  #target: EntryId | undefined;
  #reportedTip: ReportedTip | undefined;
  /** First entry after a gap that was met before it could be counted. */
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

  /** The stream's previous epoch, where it is known. */
  get previousEpoch(): PreviousEpoch | undefined {
    return this.#previousEpoch;
  }

  /** The newest entry by the last heartbeat. */
  get reportedTip(): ReportedTip | undefined {
    return this.#reportedTip;
  }

  get generation(): number {
    return this.#generation;
  }

  get progress(): ReadProgress {
    const progress = { epoch: this.#epoch, cursor: this.#cursor, entriesAdded: this.#entriesAdded };
    // Computed for a heartbeat, a few times a second, and not for every entry.
    return this.#newest === undefined ? progress : { ...progress, digest: entryDigest(this.#newest) };
  }

  /** True when the entry at the cursor was read in this epoch: then it was in the stream. */
  get hasRead(): boolean {
    return this.#newest !== undefined;
  }

  /** This stream's part of a position; made once per move of the cursor. */
  get segment(): string {
    this.#segment ??= encodeStreamPosition({ epoch: this.#epoch, cursor: this.#cursor });
    return this.#segment;
  }

  get isCaughtUp(): boolean {
    return this.#target !== undefined && compareEntryIds(this.#cursor, this.#target) >= 0;
  }

  /** Notes that entries before this one may be gone unread. Entries counted as missing up to there are the same loss. */
  noteGap(firstId: EntryId): void {
    this.#gapUpTo = firstId;
  }

  /** True when the gap that was counted last had been met before. */
  get isGapKnown(): boolean {
    return this.#isGapKnown;
  }

  /** Moves the cursor onto a received entry. Returns how many entries are now known to be missing before it. */
  advance(entry: Entry): number {
    const { id } = entry;
    // The tip's own entry may be gone, so the first newer one decides: all entries received before it count.
    const isPastTip = this.#ahead !== undefined && compareEntryIds(id, this.#ahead.lastId) > 0;
    const lost = isPastTip ? this.#passTip() : 0;
    this.#recent[this.#received % RECENT_IDS] = id;
    this.#received++;
    this.#cursor = id;
    this.#newest = entry;
    this.#segment = undefined;
    return lost;
  }

  /** Notes the state of the stream at some moment. Returns how many entries are now known to be missing. */
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

  /** The stream was lost or rewound: reading begins anew, in another epoch. */
  reset(start: Omit<StreamStart, 'cursor'>): void {
    this.begin({ ...start, cursor: FIRST_ENTRY_ID });
  }

  /** Reading begins here; everything noted of the stream before is void. */
  begin(start: StreamStart): void {
    this.#cursor = start.cursor;
    this.#newest = undefined;
    this.move(start);
  }

  /** Another server has the stream: reading continues from the cursor, in another epoch, and counting begins anew. */
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
    this.noteTip(start);
  }

  /** Notes that the stream has more of its previous epoch than was known. */
  notePreviousEpoch(previousEpoch: PreviousEpoch | undefined): void {
    this.#previousEpoch = previousEpoch;
  }

  /** Notes the newest entry of the present epoch, by a heartbeat that was sent at `askedAtMs`. */
  noteReportedTip(lastId: EntryId, askedAtMs: number): void {
    this.#reportedTip = { lastId, askedAtMs };
  }

  /** After trouble: not caught up until the next tip is reached. */
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
    this.#baseline = { received, entriesAdded };
    if (before === undefined) return 0;
    const lost = entriesAdded - before.entriesAdded - (received - before.received);
    return Math.max(0, lost);
  }

  /** How many entries had been received when `id` was; `undefined` when it is not among the newest. */
  #receivedUpTo(id: EntryId): number | undefined {
    const oldest = Math.max(0, this.#received - RECENT_IDS);
    for (let number = this.#received - 1; number >= oldest; number--) {
      if (this.#recent[number % RECENT_IDS] === id) return number + 1;
    }
    return undefined;
  }
}
