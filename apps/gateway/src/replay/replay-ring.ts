// What was delivered in the last minutes, per room, so that a client that was away gets what it missed without
// anybody asking the broker. Events are kept as the bytes that clients were sent, so nothing is encoded for JSON clients again. Pure
// memory: no timers, no sockets.
import { compareEntryIds, type EntryId, entryIdMs, FIRST_ENTRY_ID } from '@millrace/broker';
import { PreparedCall } from '@millrace/signalr';
import { ByteArena, type ByteReference, viewBytes } from './byte-arena.js';
import { SharedCalls } from './prepared-call-cache.js';

/** Bounds of {@link ReplayRing}. At either bound the oldest events go, and the window gets shorter. */
export interface ReplayRingOptions {
  readonly windowMs: number;
  /** Messages and an estimate for the bookkeeping of each. */
  readonly maxBytes: number;
}

/** An event to be remembered, in the order of delivery. */
export interface DeliveredEvent {
  readonly stream: string;
  readonly id: EntryId;
  /** When it was appended, in broker time. An ID may lie ahead of it. @defaultValue what the ID says */
  readonly atMs?: number;
  readonly roomId: string;
  /** The call that was sent, with its position. The ring copies its bytes. */
  readonly call: PreparedCall;
  /** The ring keeps the newest event of each key and forgets older ones; left out: it keeps every event. */
  readonly latestKey?: string;
}

/** What a room holds after some point, and where to go on from. */
export interface ReplaySlice {
  readonly events: readonly PreparedCall[];
  /** The place behind the last of them, for {@link ReplayRing.eventsSince}. */
  readonly sequence: number;
}

/** Cursors of a client, in the streams in which events of its room can stand. */
export type Cursors = ReadonlyMap<string, EntryId>;

interface RingEntry {
  readonly stream: string;
  readonly id: EntryId;
  readonly atMs: number;
  readonly roomId: string;
  readonly eventType: string;
  /** Absent in what is gone: whoever holds a reference holds a whole slab. */
  reference: ByteReference | undefined;
  readonly bytes: number;
  readonly latestKey: string | undefined;
  /** Rises by one with every event, over all rooms and streams. */
  readonly sequence: number;
}

/** The events of one room, oldest first, some of them gone. */
interface RoomLog {
  entries: RingEntry[];
  goneCount: number;
  readonly latest: Map<string, RingEntry>;
}

// Objects, map slots and array slots of one entry, measured at about this much.
const overheadBytes = 250;
// A replay of one room is 1 MiB at most by default.
const maxSharedBytes = 8_388_608;

/**
 * The ring. For every stream it has a *floor*: it holds every event after the floor that is to be replayed, so a client whose
 * cursor is at the floor or beyond can be given all it missed.
 */
export class ReplayRing {
  readonly #options: ReplayRingOptions;
  readonly #arena = new ByteArena();
  readonly #calls = new SharedCalls(maxSharedBytes);
  readonly #floors = new Map<string, EntryId>();
  /** When the entry at each floor was appended. */
  readonly #floorTimes = new Map<string, number>();
  readonly #rooms = new Map<string, RoomLog>();
  /** All entries in the order of delivery; those before `#head` were evicted. */
  #queue: RingEntry[] = [];
  #head = 0;
  #bytes = 0;
  #sequence = 0;
  /** Of the newest event that was evicted before a newer one of its key came. */
  #evictedSequence = 0;
  /** How often each stream began. */
  readonly #generations = new Map<string, number>();

  constructor(options: ReplayRingOptions) {
    this.#options = options;
  }

  /** Bytes in use, by the estimate that the bound is held against. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Events held. */
  get size(): number {
    return this.#queue.length - this.#head;
  }

  /** The place behind everything that was remembered so far; for {@link ReplayRing.eventsSince}. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Rises when one of these streams begins anew: what was asked before that is not comparable with what is asked after it. */
  generationOf(streams: readonly string[]): number {
    return streams.reduce((sum, stream) => sum + (this.#generations.get(stream) ?? 0), 0);
  }

  /** Everything after `id` will be told to the ring from now on. Forgets what the stream had before. */
  begin(stream: string, id: EntryId): void {
    for (let index = this.#head; index < this.#queue.length; index += 1) {
      const entry = this.#queue[index];
      if (entry?.stream === stream) this.#forget(entry);
    }
    this.#floors.set(stream, id);
    this.#floorTimes.set(stream, entryIdMs(id));
    this.#generations.set(stream, (this.#generations.get(stream) ?? 0) + 1);
  }

  /** The ID after which everything is known; `undefined` for a stream that was not begun. */
  floor(stream: string): EntryId | undefined {
    return this.#floors.get(stream);
  }

  /**
   * Remembers an event. Events of one stream come in the order of their IDs; up to the floor they are left to the stream,
   * or whoever reads both would get them twice.
   */
  add(event: DeliveredEvent): void {
    const { stream, id, atMs = entryIdMs(id), roomId, call, latestKey } = event;
    if (compareEntryIds(id, this.#floors.get(stream) ?? FIRST_ENTRY_ID) <= 0) return;
    const reference = this.#arena.append(call.bytes);
    this.#sequence += 1;
    const sequence = this.#sequence;
    const entry: RingEntry = {
      stream,
      id,
      atMs,
      roomId,
      eventType: call.target,
      reference,
      bytes: call.bytes.length,
      latestKey,
      sequence,
    };
    const log = this.#rooms.get(roomId) ?? {
      entries: [],
      goneCount: 0,
      latest: new Map<string, RingEntry>(),
    };
    this.#rooms.set(roomId, log);
    log.entries.push(entry);
    if (latestKey !== undefined) {
      const older = log.latest.get(latestKey);
      log.latest.set(latestKey, entry);
      // After the push: a room that were empty in between would be dropped.
      if (older !== undefined) this.#forget(older);
    }
    this.#queue.push(entry);
    this.#bytes += sizeOf(entry);
    this.evict(atMs);
  }

  /** Lets go of what is too old at `nowMs` (broker time), or too much. */
  evict(nowMs: number): void {
    for (let entry = this.#queue[this.#head]; entry !== undefined; entry = this.#queue[this.#head]) {
      const isTooOld = nowMs - entry.atMs > this.#options.windowMs;
      if (!isTooOld && this.#bytes <= this.#options.maxBytes) break;
      this.#head += 1;
      this.#bytes -= sizeOf(entry);
      // What was gone already is not missed: a newer one of its key took its place, or its stream began anew.
      if (!isGone(entry)) {
        this.#floors.set(entry.stream, entry.id);
        this.#floorTimes.set(entry.stream, entry.atMs);
        this.#evictedSequence = entry.sequence;
      }
      this.#forget(entry);
    }
    if (this.#head > 1_024 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
  }

  /** Whether everything that a client with these cursors missed is here. */
  covers(cursors: Cursors): boolean {
    for (const [stream, cursor] of cursors) {
      const floor = this.#floors.get(stream);
      if (floor === undefined || compareEntryIds(cursor, floor) < 0) return false;
    }
    return true;
  }

  /**
   * The events of a room after these cursors, in the order of delivery; the newest `maxEvents + 1` of them, so that a caller
   * can tell that there are too many. Looks at no more of the room than it must.
   */
  eventsAfter(roomId: string, cursors: Cursors, maxEvents: number): ReplaySlice {
    const entries = this.#rooms.get(roomId)?.entries ?? [];
    // Streams whose newest seen entry the client has already: all their earlier ones as well.
    const finished = new Set<string>();
    const newestFirst: PreparedCall[] = [];
    for (let index = entries.length - 1; index >= 0 && newestFirst.length <= maxEvents; index -= 1) {
      const entry = entries[index];
      if (entry?.reference === undefined || finished.has(entry.stream)) continue;
      const isMissed = compareEntryIds(entry.id, cursors.get(entry.stream) ?? FIRST_ENTRY_ID) > 0;
      if (isMissed) newestFirst.push(this.#callOf(entry, entry.reference));
      else if (finished.add(entry.stream).size === cursors.size) break;
    }
    return { events: newestFirst.toReversed(), sequence: this.#sequence };
  }

  /** Whether nothing that came after this place was evicted. */
  holdsSince(sequence: number): boolean {
    return sequence >= this.#evictedSequence;
  }

  /**
   * The events of a room that came after this place, the oldest first, until they have `maxBytes` together; one at the least,
   * however large it is. Ask {@link ReplayRing.holdsSince} before, or there may be holes.
   */
  eventsSince(roomId: string, sequence: number, maxBytes: number): ReplaySlice {
    const entries = this.#rooms.get(roomId)?.entries ?? [];
    const events: PreparedCall[] = [];
    let bytes = 0;
    let last = sequence;
    for (let index = firstAfter(entries, sequence); index < entries.length; index += 1) {
      const entry = entries[index];
      if (entry?.reference === undefined) continue;
      if (events.length > 0 && bytes >= maxBytes) return { events, sequence: last };
      events.push(this.#callOf(entry, entry.reference));
      bytes += entry.bytes;
      last = entry.sequence;
    }
    return { events, sequence: this.#sequence };
  }

  /** How far back the ring reaches for every stream, in milliseconds before `nowMs`; at most the window. */
  coveredMs(stream: string, nowMs: number): number {
    const floorMs = Math.min(nowMs, this.#floorTimes.get(stream) ?? nowMs);
    // A floor that lies ahead is as old as the first look at it.
    this.#floorTimes.set(stream, floorMs);
    return Math.min(this.#options.windowMs, Math.max(0, nowMs - floorMs));
  }

  #callOf({ sequence, eventType }: RingEntry, reference: ByteReference): PreparedCall {
    const known = this.#calls.get(sequence);
    if (known !== undefined) return known;
    const call = PreparedCall.fromBytes(eventType, viewBytes(reference));
    this.#calls.add(sequence, call);
    return call;
  }

  /** The one place where an entry leaves its room. Its memory is in the account until it is evicted. Idempotent. */
  #forget(entry: RingEntry): void {
    if (isGone(entry)) return;
    entry.reference = undefined;
    this.#calls.delete(entry.sequence);
    const log = this.#rooms.get(entry.roomId);
    if (log === undefined) return;
    log.goneCount += 1;
    if (entry.latestKey !== undefined && log.latest.get(entry.latestKey) === entry)
      log.latest.delete(entry.latestKey);
    if (log.goneCount === log.entries.length) this.#rooms.delete(entry.roomId);
    else if (log.goneCount > 32 && log.goneCount * 2 > log.entries.length) {
      log.entries = log.entries.filter((kept) => !isGone(kept));
      log.goneCount = 0;
    }
  }
}

function sizeOf({ bytes }: RingEntry): number {
  return bytes + overheadBytes;
}

/** A newer one of its key came, its stream began anew, or it was evicted. */
function isGone({ reference }: RingEntry): boolean {
  return reference === undefined;
}

/** Index of the first entry behind this place; entries stand in the order of their sequence. */
function firstAfter(entries: readonly RingEntry[], sequence: number): number {
  let low = 0;
  for (let high = entries.length; low < high; ) {
    const middle = (low + high) >>> 1;
    if ((entries[middle]?.sequence ?? 0) > sequence) high = middle;
    else low = middle + 1;
  }
  return low;
}
