// Keeps the events of the last minutes, per room. A client that reconnects gets missed events from the ring, without a read from
// the broker. Events are kept as the bytes that were sent to clients, so that they need not be encoded again for JSON clients. Uses
// no timers and no sockets.
import { compareEntryIds, type EntryId, entryIdMs, FIRST_ENTRY_ID } from '@millrace/broker';
import { PreparedCall } from '@millrace/signalr';
import { ByteArena, type ByteReference, viewBytes } from './byte-arena.js';
import { PreparedCallCache } from './prepared-call-cache.js';

/** Limits of {@link ReplayRing}. When one of them is reached, the oldest events are evicted. */
export interface ReplayRingOptions {
  /** Maximum time for which an event is kept. The time is shorter when `maxBytes` is reached. */
  readonly windowMs: number;
  /** Maximum size in bytes: the size of the messages, plus an estimate of the memory for the bookkeeping of each message. */
  readonly maxBytes: number;
}

/** An event for the ring. Events are added in the order of delivery. */
export interface DeliveredEvent {
  readonly stream: string;
  readonly id: EntryId;
  /**
   * Time at which the event was appended, in broker time. The ID of the event may contain a later time. @defaultValue the time in
   * the ID
   */
  readonly atMs?: number;
  readonly roomId: string;
  /** The call that was sent to clients, with the event's position. The ring copies the bytes of the call. */
  readonly call: PreparedCall;
  /**
   * Key of the event. Of all events of a room with the same key, the ring keeps only the newest. Events without a key are all kept.
   */
  readonly latestKey?: string;
}

/** Events of a room after a certain point, and the point at which the next slice continues. */
export interface ReplaySlice {
  readonly events: readonly PreparedCall[];
  /** Sequence number up to which the slice has all events of the room. {@link ReplayRing.eventsSince} continues after it. */
  readonly sequence: number;
}

/** The client's cursor in each stream that may contain events of its room. */
export type Cursors = ReadonlyMap<string, EntryId>;

interface RingEntry {
  readonly stream: string;
  readonly id: EntryId;
  readonly atMs: number;
  readonly roomId: string;
  readonly eventType: string;
  /** `undefined` in an entry that was forgotten (see `isGone`), because a reference keeps a whole slab in memory. */
  reference: ByteReference | undefined;
  readonly bytes: number;
  readonly latestKey: string | undefined;
  /** Increases by one with every event, counted over all rooms and streams. */
  readonly sequence: number;
}

/** The events of one room, oldest first. `goneCount` is the number of entries that were forgotten (see `isGone`). */
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
 * The ring. For every stream it has a *floor*: the entry ID after which the ring holds every event that is to
 * be replayed. If a client's cursor is at the floor or after it, the ring has all events that the client
 * missed.
 */
export class ReplayRing {
  readonly #options: ReplayRingOptions;
  readonly #arena = new ByteArena();
  readonly #calls = new PreparedCallCache(maxSharedBytes);
  readonly #floors = new Map<string, EntryId>();
  /** Time at which the entry at each floor was appended. */
  readonly #floorTimes = new Map<string, number>();
  readonly #rooms = new Map<string, RoomLog>();
  /** All entries in the order of delivery. The entries before the index `#head` were evicted. */
  #queue: RingEntry[] = [];
  #head = 0;
  #bytes = 0;
  #sequence = 0;
  /**
   * Sequence number of the newest evicted event. Events that a newer event of the same key had replaced are
   * not included.
   */
  #evictedSequence = 0;
  /** Number of times that each stream began. */
  readonly #generations = new Map<string, number>();

  constructor(options: ReplayRingOptions) {
    this.#options = options;
  }

  /** Estimated bytes in use, calculated in the same way as for the limit `maxBytes`. */
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

  /**
   * Returns a number that increases when one of these streams begins again. The caller must not combine
   * results from before and after an increase.
   */
  generationOf(streams: readonly string[]): number {
    return streams.reduce((sum, stream) => sum + (this.#generations.get(stream) ?? 0), 0);
  }

  /**
   * Begins a stream at `id` and forgets the events that the ring held of this stream. From now on the caller must add every event
   * after `id`.
   */
  begin(stream: string, id: EntryId): void {
    for (let index = this.#head; index < this.#queue.length; index += 1) {
      const entry = this.#queue[index];
      if (entry?.stream === stream) this.#forget(entry);
    }
    this.#floors.set(stream, id);
    this.#floorTimes.set(stream, entryIdMs(id));
    this.#generations.set(stream, (this.#generations.get(stream) ?? 0) + 1);
  }

  /**
   * Returns the ID after which the ring holds every event of the stream, or `undefined` if `begin` was not called for the stream.
   */
  floor(stream: string): EntryId | undefined {
    return this.#floors.get(stream);
  }

  /**
   * Remembers an event. Events of one stream must be added in the order of their IDs. Events up to the floor
   * are ignored, because a replay reads these events from the stream. If they were also in the ring, the
   * replay would send them twice.
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
      // The older event is forgotten after the push, because `#forget` deletes a room without events.
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
      // A forgotten entry does not raise the floor, because a newer event of the same key has replaced it, or
      // because its stream began again.
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
   * Returns the events of a room after these cursors, in the order of delivery. Returns at most the newest
   * `maxEvents + 1` events, so that the caller notices when there are more than `maxEvents`. Reads the room's
   * entries from the newest backwards, and stops at entries that the client has seen.
   */
  eventsAfter(roomId: string, cursors: Cursors, maxEvents: number): ReplaySlice {
    const entries = this.#rooms.get(roomId)?.entries ?? [];
    // Streams in which the loop has reached an entry that the client has seen. The client has seen all earlier entries of these
    // streams too.
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
   * Returns the events of a room after this sequence number, the oldest first, until their size reaches
   * `maxBytes`. Returns at least one event, even if this event is larger than `maxBytes`. Check
   * {@link ReplayRing.holdsSince} first. Otherwise events may be missing.
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

  /**
   * Returns the length of the period before `brokerTimeMs` for which the ring holds every event of the stream, at most `windowMs`.
   */
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

  /**
   * Removes an entry from its room. No other code removes entries from rooms. The bytes of the entry count
   * until the entry is evicted. Idempotent.
   */
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

/** True for an entry that was forgotten: a newer event of the same key replaced it, its stream began again, or it was evicted. */
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
