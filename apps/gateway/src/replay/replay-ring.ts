// Keeps the events of the last minutes, per room, so that a client that was away gets what it missed without a read from the
// broker. Events are kept as the bytes that clients were sent, so that they need not be encoded again for JSON clients. Uses no
// timers and no sockets.
import { compareEntryIds, type EntryId, entryIdMs, FIRST_ENTRY_ID } from '@millrace/broker';
import { PreparedCall } from '@millrace/signalr';
import { ByteArena, type ByteReference, viewBytes } from './byte-arena.js';
import { PreparedCallCache } from './prepared-call-cache.js';

/** Bounds of {@link ReplayRing}. At either bound the oldest events are evicted. */
export interface ReplayRingOptions {
  /** Maximum time for which an event is kept. The time is shorter when `maxBytes` is reached. */
  readonly windowMs: number;
  /** Maximum number of bytes of the messages, plus an estimate for the bookkeeping of each message. */
  readonly maxBytes: number;
}

/** An event to be remembered. Events are added in the order of delivery. */
export interface DeliveredEvent {
  readonly stream: string;
  readonly id: EntryId;
  /** Time at which the event was appended, in broker time. Its ID may contain a later time. @defaultValue the time in the ID */
  readonly atMs?: number;
  readonly roomId: string;
  /** The call that clients were sent, with its position. The ring copies its bytes. */
  readonly call: PreparedCall;
  /** The ring keeps only the newest event of each key. Events without a key are all kept. */
  readonly latestKey?: string;
}

/** Events of a room after some point, and the point at which to continue. */
export interface ReplaySlice {
  readonly events: readonly PreparedCall[];
  /** Sequence number up to which the slice has all events of the room. {@link ReplayRing.eventsSince} continues after it. */
  readonly sequence: number;
}

/** Cursors of a client, in the streams that may hold events of its room. */
export type Cursors = ReadonlyMap<string, EntryId>;

interface RingEntry {
  readonly stream: string;
  readonly id: EntryId;
  readonly atMs: number;
  readonly roomId: string;
  readonly eventType: string;
  /** `undefined` in an entry that is gone, because a reference keeps a whole slab in memory. */
  reference: ByteReference | undefined;
  readonly bytes: number;
  readonly latestKey: string | undefined;
  /** Rises by one with every event, over all rooms and streams. */
  readonly sequence: number;
}

/** The events of one room, oldest first. `goneCount` of the entries are gone, see `isGone`. */
interface RoomLog {
  entries: RingEntry[];
  goneCount: number;
  readonly latest: Map<string, RingEntry>;
}

// Approximate memory for the objects, map slots and array slots of one entry, as measured.
const overheadBytes = 250;
// Maximum size of the cached calls: eight times the largest replay of a room with default options.
const maxSharedBytes = 8_388_608;

/**
 * The ring. It has a *floor* for every stream: the entry ID after which it holds every event that is to be replayed. A client whose
 * cursor is at the floor or beyond can be sent all events that it missed.
 */
export class ReplayRing {
  readonly #options: ReplayRingOptions;
  readonly #arena = new ByteArena();
  readonly #calls = new PreparedCallCache(maxSharedBytes);
  readonly #floors = new Map<string, EntryId>();
  /** Time at which the entry at each floor was appended. */
  readonly #floorTimes = new Map<string, number>();
  readonly #rooms = new Map<string, RoomLog>();
  /** All entries in the order of delivery; those before `#head` were evicted. */
  #queue: RingEntry[] = [];
  #head = 0;
  #bytes = 0;
  #sequence = 0;
  /** Sequence number of the newest evicted event, without events that a newer one of their key had replaced. */
  #evictedSequence = 0;
  /** Number of times that each stream began. */
  readonly #generations = new Map<string, number>();

  constructor(options: ReplayRingOptions) {
    this.#options = options;
  }

  /** Bytes in use, by the same estimate as the bound. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Number of events held. */
  get size(): number {
    return this.#queue.length - this.#head;
  }

  /** Sequence number of the newest event, for {@link ReplayRing.eventsSince}. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Returns a number that rises when one of these streams begins anew. Results with different numbers must not be combined. */
  generationOf(streams: readonly string[]): number {
    return streams.reduce((sum, stream) => sum + (this.#generations.get(stream) ?? 0), 0);
  }

  /** Begins a stream at `id` and forgets its earlier events. From now on the caller must add every event after `id`. */
  begin(stream: string, id: EntryId): void {
    for (let index = this.#head; index < this.#queue.length; index += 1) {
      const entry = this.#queue[index];
      if (entry?.stream === stream) this.#forget(entry);
    }
    this.#floors.set(stream, id);
    this.#floorTimes.set(stream, entryIdMs(id));
    this.#generations.set(stream, (this.#generations.get(stream) ?? 0) + 1);
  }

  /** Returns the ID after which the ring holds every event of the stream. `undefined` for a stream that was not begun. */
  floor(stream: string): EntryId | undefined {
    return this.#floors.get(stream);
  }

  /**
   * Remembers an event. Events of one stream must be added in the order of their IDs. Events up to the floor are ignored, because
   * replays read them from the stream and would otherwise send them twice.
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
      // Forgotten after the push, because `#forget` deletes a room without events.
      if (older !== undefined) this.#forget(older);
    }
    this.#queue.push(entry);
    this.#bytes += sizeOf(entry);
    this.evict(atMs);
  }

  /** Evicts the oldest events while they are too old at `brokerTimeMs` or the ring has more than `maxBytes`. */
  evict(brokerTimeMs: number): void {
    for (let entry = this.#queue[this.#head]; entry !== undefined; entry = this.#queue[this.#head]) {
      const isTooOld = brokerTimeMs - entry.atMs > this.#options.windowMs;
      if (!isTooOld && this.#bytes <= this.#options.maxBytes) break;
      this.#head += 1;
      this.#bytes -= sizeOf(entry);
      // An entry that was gone already does not raise the floor: a newer one of its key replaced it, or its stream began anew.
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

  /** True when the ring holds everything that a client with these cursors missed. */
  covers(cursors: Cursors): boolean {
    for (const [stream, cursor] of cursors) {
      const floor = this.#floors.get(stream);
      if (floor === undefined || compareEntryIds(cursor, floor) < 0) return false;
    }
    return true;
  }

  /**
   * Returns the events of a room after these cursors, in the order of delivery. Returns at most the newest `maxEvents + 1`, so that
   * the caller notices when there are too many. Reads the room backwards, and only as far as the client has not seen the entries.
   */
  eventsAfter(roomId: string, cursors: Cursors, maxEvents: number): ReplaySlice {
    const entries = this.#rooms.get(roomId)?.entries ?? [];
    // Streams in which the loop has reached an entry that the client has seen. The client has also seen all earlier ones.
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

  /** True when no event after this sequence number was evicted. */
  holdsSince(sequence: number): boolean {
    return sequence >= this.#evictedSequence;
  }

  /**
   * Returns the events of a room after this sequence number, the oldest first, until their size reaches `maxBytes`. Returns at
   * least one event, however large it is. Check {@link ReplayRing.holdsSince} first, because events may be missing otherwise.
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

  /** Returns for how long before `brokerTimeMs` the ring holds every event of the stream, at most `windowMs`. */
  coveredMs(stream: string, brokerTimeMs: number): number {
    const floorMs = Math.min(brokerTimeMs, this.#floorTimes.get(stream) ?? brokerTimeMs);
    // A floor that lies in the future is moved to the time of the first call.
    this.#floorTimes.set(stream, floorMs);
    return Math.min(this.#options.windowMs, Math.max(0, brokerTimeMs - floorMs));
  }

  #callOf({ sequence, eventType }: RingEntry, reference: ByteReference): PreparedCall {
    const known = this.#calls.get(sequence);
    if (known !== undefined) return known;
    const call = PreparedCall.fromBytes(eventType, viewBytes(reference));
    this.#calls.add(sequence, call);
    return call;
  }

  /** Removes an entry from its room. No other code does. The bytes of the entry still count until it is evicted. Idempotent. */
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

/** True when a newer event of its key came, its stream began anew, or it was evicted. */
function isGone({ reference }: RingEntry): boolean {
  return reference === undefined;
}

/** Returns the index of the first entry after this sequence number. The entries are sorted by sequence number. */
function firstAfter(entries: readonly RingEntry[], sequence: number): number {
  let low = 0;
  for (let high = entries.length; low < high; ) {
    const middle = (low + high) >>> 1;
    if ((entries[middle]?.sequence ?? 0) > sequence) high = middle;
    else low = middle + 1;
  }
  return low;
}
