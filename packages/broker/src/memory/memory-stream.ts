// One stream in memory, with its group, subscribers, dedupe IDs and dead letters. Its methods do what the Lua scripts do on Redis.
import { toDeadLetter } from '../entries/dead-letter.js';
import {
  compareEntryIds,
  type EntryId,
  entryIdMs,
  FIRST_ENTRY_ID,
  maxEntryId,
  minEntryId,
  nextEntryId,
} from '../entries/entry-id.js';
import type { ResolvedBrokerOptions, StreamOptions } from '../options.js';
import type {
  Lease,
  LedgerPass,
  LedgerPassResult,
  StreamInspection,
  TrimResult,
} from '../port/acknowledgement-ledger.js';
import type { DeadLetter, RejectedEntry, RequeueResult } from '../port/dead-letter-store.js';
import type { Entry, OutgoingEntry, PublishReceipt, RangeOptions } from '../port/entry-log.js';
import type { ErasedRemoval, Erasure } from '../port/erasure-store.js';
import type { HeartbeatReply, ReadProgress, StreamStart } from '../port/subscriber-registry.js';
import { newEpoch } from '../positions/epoch.js';
import { ExpiringMap } from './expiring-map.js';
import { LeaseBook } from './lease-book.js';
import { MemoryErasures } from './memory-erasures.js';
import { RetainedEntries } from './retained-entries.js';
import { Roster } from './roster.js';

/**
 * Maximum number of dedupe IDs, and of IDs of rejected entries, per stream. Above it, the oldest IDs are forgotten early. So
 * many IDs need about 100 MB.
 */
const MAX_REMEMBERED = 1_000_000;

/** One stream in memory. Every method is atomic, because it is synchronous. */
export class MemoryStream {
  readonly #name: string;
  readonly #options: ResolvedBrokerOptions;
  readonly #maxLength: number;
  readonly #hardCap: number;
  readonly #log = new RetainedEntries();
  readonly #deadLog = new RetainedEntries();
  #epoch: string;
  readonly #lease = new LeaseBook();
  readonly #roster: Roster;
  readonly #dedupe: ExpiringMap<EntryId>;
  readonly #deadMarks: ExpiringMap<true>;
  /**
   * Pending entries, the oldest first: entry ID → consumer. Above the hard cap, the oldest pending entries are forgotten. The
   * hard cap has removed them from the stream and counted them as expired.
   */
  readonly #pending = new Map<EntryId, string>();
  /**
   * ID of the last entry that the group has consumed. `undefined` until a subscriber registers or a pass
   * runs.
   */
  #lastDelivered: EntryId | undefined;
  #expired = 0;
  readonly #erasures = new MemoryErasures(this.#log);
  /**
   * IDs that are ahead of the clock do not show the age of their entries, so the stream remembers when it saw them. `seenId`
   * was the newest ID at `seenMs`. `agedId` is the newest ID that is known to be at least `minAgeMs` old.
   */
  #ahead:
    | { readonly seenId: EntryId; readonly seenMs: number; readonly agedId?: EntryId | undefined }
    | undefined;

  constructor({ name, maxLength }: StreamOptions, options: ResolvedBrokerOptions) {
    this.#name = name;
    this.#epoch = newEpoch(name);
    this.#options = options;
    this.#maxLength = maxLength;
    this.#hardCap = maxLength * options.hardCapFactor;
    this.#roster = new Roster(options.livenessMs);
    this.#dedupe = new ExpiringMap(options.dedupeWindowMs, MAX_REMEMBERED);
    this.#deadMarks = new ExpiringMap(options.deadMarkMs, MAX_REMEMBERED);
  }

  append({ dedupeId, isNew, fields }: OutgoingEntry, nowMs: number): PublishReceipt {
    const known = dedupeId === undefined || isNew === true ? undefined : this.#dedupe.get(dedupeId, nowMs);
    if (known !== undefined) return { id: known, isDuplicate: true };
    const id = this.#log.append(copyFields(fields), Math.floor(nowMs));
    if (dedupeId !== undefined) this.#dedupe.set(dedupeId, id, nowMs);
    this.#expireBeyondHardCap();
    return { id, isDuplicate: false };
  }

  /** Returns the ID that an entry would get now. */
  nextId(nowMs: number): EntryId {
    const byTime = `${Math.floor(nowMs)}-0`;
    const { lastId } = this.#log;
    return compareEntryIds(lastId, byTime) < 0 ? byTime : nextEntryId(lastId);
  }

  register(subscriber: string, nowMs: number): StreamStart {
    this.#lastDelivered ??= FIRST_ENTRY_ID;
    this.#roster.beatPulse(nowMs);
    const cursor = this.#roster.isAnyOtherLive(subscriber, nowMs)
      ? this.#log.lastId
      : this.#lastAcknowledged();
    this.#roster.register(subscriber, cursor, nowMs);
    return this.#start(cursor, nowMs);
  }

  unregister(subscriber: string): void {
    this.#roster.remove(subscriber);
  }

  heartbeat(subscriber: string, progress: ReadProgress, nowMs: number): HeartbeatReply {
    this.#roster.beatPulse(nowMs);
    const { cursor } = progress;
    const knowsMore =
      compareEntryIds(cursor, this.#log.lastId) > 0 || progress.entriesAdded > this.#log.entriesAdded;
    if (progress.epoch === this.#epoch && knowsMore) this.#epoch = newEpoch(this.#name);
    if (progress.epoch !== this.#epoch) {
      this.#roster.register(subscriber, FIRST_ENTRY_ID, nowMs);
      return { ...this.#start(FIRST_ENTRY_ID, nowMs), status: 'reset' };
    }
    const status = this.#roster.has(subscriber) ? 'alive' : 'revived';
    this.#roster.beat(subscriber, cursor, cursor === this.#log.lastId, nowMs);
    return { ...this.#start(cursor, nowMs), status };
  }

  /** Returns up to `count` entries after `cursor`. */
  readAfter(cursor: EntryId, count: number): Entry[] {
    return this.#log.range(cursor, undefined, count);
  }

  readRange(options: RangeOptions): Entry[] {
    return rangeOf(this.#log, options);
  }

  acquireLease(owner: string, nowMs: number): Lease | undefined {
    return this.#lease.acquire(this.#name, owner, nowMs, this.#options.leaseMs);
  }

  releaseLease(lease: Lease): void {
    this.#lease.release(lease);
  }

  runLedgerPass(lease: Lease, pass: LedgerPass, nowMs: number): LedgerPassResult {
    if (!this.#lease.isHeldBy(lease, nowMs)) return { status: 'fenced' };
    this.#roster.beatPulse(nowMs);
    if (pass.cursor !== undefined) this.#roster.advance(lease.owner, pass.cursor, nowMs);
    const declaredDead = this.#roster.removeDead(nowMs);
    const smallest = this.#roster.smallestCursor();
    const consumed = this.#consume(pass.consumer, pass.count, smallest);
    const isOwnerLive = this.#roster.has(lease.owner);
    const acknowledged = isOwnerLive && smallest !== undefined ? this.#acknowledge(smallest, pass.count) : 0;
    return { status: 'done', consumed, acknowledged, declaredDead };
  }

  trim(lease: Lease, nowMs: number): TrimResult {
    if (!this.#lease.isHeldBy(lease, nowMs)) return { status: 'fenced' };
    const limit = this.#options.trimBatchSize;
    const excess = Math.min(this.#log.length - this.#maxLength, limit);
    if (excess <= 0) return { status: 'trimmed', removed: 0, expired: 0 };
    const removed = Math.min(excess, this.#log.countBelow(this.#trimFloor(nowMs)));
    this.#log.removeOldest(removed);
    const cut = this.#expireBeyondHardCap();
    return { status: 'trimmed', removed: removed + cut.removed, expired: cut.expired };
  }

  deadLetter({ entry, reason, rejectedBy }: RejectedEntry, nowMs: number): boolean {
    if (this.#deadMarks.get(entry.id, nowMs) === true || this.#erasures.has(entry.id)) return false;
    this.#deadMarks.set(entry.id, true, nowMs);
    const fields = {
      origin_id: entry.id,
      reason,
      rejected_by: rejectedBy,
      fields: JSON.stringify(entry.fields),
      ...(entry.isUtf8 === false ? { is_utf8: '0' } : {}),
    };
    this.#deadLog.append(fields, Math.floor(nowMs));
    this.#deadLog.removeOldest(Math.max(0, this.#deadLog.length - this.#options.deadLetterMaxLength));
    return true;
  }

  findRejected(ids: readonly EntryId[], nowMs: number): ReadonlySet<EntryId> {
    return new Set(ids.filter((id) => this.#deadMarks.get(id, nowMs) === true));
  }

  listDeadLetters(options: RangeOptions): DeadLetter[] {
    return rangeOf(this.#deadLog, options).map(toDeadLetter);
  }

  readDeadLetter(id: EntryId): DeadLetter | undefined {
    const entry = this.#deadLog.find(id);
    return entry === undefined ? undefined : toDeadLetter(entry);
  }

  requeueDeadLetter(id: EntryId, nowMs: number): RequeueResult {
    const deadLetter = this.readDeadLetter(id);
    if (deadLetter === undefined) return { status: 'not_found' };
    if (!deadLetter.isRequeueable) return { status: 'not_requeueable' };
    const receipt = this.append({ fields: deadLetter.fields }, nowMs);
    this.#deadLog.remove(id);
    return { status: 'requeued', id: receipt.id };
  }

  dropDeadLetters(ids: readonly EntryId[]): number {
    return ids.filter((id) => this.#deadLog.remove(id)).length;
  }

  erase({ control, ids, dedupeIds }: Erasure, nowMs: number): EntryId | undefined {
    const id = control === undefined ? undefined : this.#log.append(copyFields(control), Math.floor(nowMs));
    if (id !== undefined) this.#erasures.add(id, ids);
    this.#expireBeyondHardCap();
    for (const dedupeId of dedupeIds) {
      const known = this.#dedupe.get(dedupeId, nowMs) ?? id ?? FIRST_ENTRY_ID;
      this.#dedupe.set(dedupeId, known, nowMs);
    }
    return id;
  }

  removeErased(nowMs: number): ErasedRemoval {
    if (this.#erasures.isEmpty) return { removed: 0, waiting: 0 };
    this.#roster.beatPulse(nowMs);
    this.#roster.removeDead(nowMs);
    return this.#erasures.remove(this.#roster.smallestCursor(), this.#options.trimBatchSize);
  }

  inspect(nowMs: number): StreamInspection {
    const delivered = this.#lastDelivered ?? FIRST_ENTRY_ID;
    return {
      stream: this.#name,
      length: this.#log.length,
      entriesAdded: this.#log.entriesAdded,
      firstId: this.#log.firstId,
      lastId: this.#log.lastId,
      unconsumed: this.#log.length - this.#log.countBelow(nextEntryId(delivered)),
      pending: this.#pending.size,
      oldestPendingId: this.#oldestPending(),
      expired: this.#expired,
      deadLetters: this.#deadLog.length,
      completeAfter: this.#erasures.completeAfter(),
      timeMs: nowMs,
    };
  }

  #start(cursor: EntryId, timeMs: number): StreamStart {
    const { lastId, entriesAdded } = this.#log;
    return { stream: this.#name, epoch: this.#epoch, cursor, lastId, entriesAdded, timeMs };
  }

  #consume(consumer: string, count: number, smallestCursor: EntryId | undefined): number {
    const after = this.#lastDelivered ?? smallestCursor ?? FIRST_ENTRY_ID;
    const entries = this.#log.range(after, undefined, count);
    for (const { id } of entries) this.#pending.set(id, consumer);
    for (const id of this.#pending.keys()) {
      if (this.#pending.size <= this.#hardCap) break;
      this.#pending.delete(id);
    }
    this.#lastDelivered = entries.at(-1)?.id ?? after;
    return entries.length;
  }

  #acknowledge(upTo: EntryId, count: number): number {
    let acknowledged = 0;
    for (const id of this.#pending.keys()) {
      if (acknowledged === count || compareEntryIds(id, upTo) > 0) break;
      this.#pending.delete(id);
      acknowledged++;
    }
    return acknowledged;
  }

  /** Returns the ID below which the group has acknowledged every entry, and no other entry. */
  #groupFloor(): EntryId {
    if (this.#lastDelivered === undefined) return FIRST_ENTRY_ID;
    return this.#oldestPending() ?? nextEntryId(this.#lastDelivered);
  }

  #lastAcknowledged(): EntryId {
    const oldest = this.#oldestPending();
    if (oldest !== undefined) return this.#log.idBefore(oldest);
    return this.#lastDelivered ?? FIRST_ENTRY_ID;
  }

  #oldestPending(): EntryId | undefined {
    return this.#pending.keys().next().value;
  }

  #trimFloor(nowMs: number): EntryId {
    const byId = `${Math.floor(Math.max(0, nowMs - this.#options.minAgeMs + 1))}-0`;
    const aged = this.#agedId(nowMs);
    const byAge = aged === undefined ? byId : maxEntryId(byId, nextEntryId(aged));
    const smallest = this.#roster.smallestCursor();
    const floor = minEntryId(byAge, this.#groupFloor());
    return smallest === undefined ? floor : minEntryId(floor, smallest);
  }

  /**
   * Returns the newest ID that is known to be at least `minAgeMs` old. Returns `undefined` unless the newest ID of the stream
   * is ahead of the clock, as after the clock went back.
   */
  #agedId(nowMs: number): EntryId | undefined {
    const { lastId } = this.#log;
    if (entryIdMs(lastId) <= nowMs) {
      this.#ahead = undefined;
      return undefined;
    }
    const { seenId, seenMs, agedId } = this.#ahead ?? { seenId: lastId, seenMs: nowMs };
    const isAged = nowMs - seenMs >= this.#options.minAgeMs;
    const look = isAged || seenMs > nowMs ? { seenId: lastId, seenMs: nowMs } : { seenId, seenMs };
    this.#ahead = { ...look, agedId: isAged ? seenId : agedId };
    return this.#ahead.agedId;
  }

  #expireBeyondHardCap(): { readonly removed: number; readonly expired: number } {
    const excess = Math.min(this.#log.length - this.#hardCap, this.#options.trimBatchSize);
    if (excess <= 0) return { removed: 0, expired: 0 };
    const removed = Math.min(excess, this.#log.countBelow(this.#groupFloor()));
    this.#log.removeOldest(excess);
    this.#expired += excess - removed;
    return { removed, expired: excess - removed };
  }
}

function rangeOf(
  log: RetainedEntries,
  { after = FIRST_ENTRY_ID, upTo, count, direction }: RangeOptions,
): Entry[] {
  return direction === 'backward' ? log.rangeBackward(after, upTo, count) : log.range(after, upTo, count);
}

/** Returns a frozen copy, so that the caller cannot change the entry later. */
function copyFields(fields: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.freeze(Object.fromEntries(Object.entries(fields)));
}
