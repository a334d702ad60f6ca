// Keeps the events of the last minutes, per room. A client that reconnects gets missed events from the ring,
// without a read from the broker. Events are kept as the bytes that were sent to clients, so that they need
// not be encoded again for JSON clients. The tenants share the memory. When the memory is full, the tenant
// that uses the most memory loses its oldest events. Uses no timers and no sockets.
import { compareEntryIds, type EntryId, entryIdMs, FIRST_ENTRY_ID } from '@millrace/broker';
import { PreparedCall } from '@millrace/signalr';
import { NO_TENANT } from '../tenants/tenant.js';
import { type ByteReference, viewBytes } from './byte-arena.js';
import { PreparedCallCache } from './prepared-call-cache.js';
import { isGone, type ReplayShare, type RingEntry } from './replay-share.js';
import { type ReplayLimits, ReplayShares } from './replay-shares.js';

/** Limits of {@link ReplayRing}, and the tenants that share its memory. */
export interface ReplayRingOptions extends ReplayLimits {
  /**
   * Returns the tenant of a room, or one of the constants in `tenant.ts`. Must return the same tenant for the same room, except
   * that `UNKNOWN_TENANT` may change. @defaultValue `NO_TENANT` for every room
   */
  readonly tenantOf?: ((roomId: string) => string) | undefined;
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

/** The events of one room, oldest first. `goneCount` is the number of entries that were forgotten (see `isGone`). */
interface RoomLog {
  /** The share of the room's tenant. */
  share: ReplayShare;
  entries: RingEntry[];
  goneCount: number;
  readonly latest: Map<string, RingEntry>;
}

// Maximum size of the cached calls: eight times the largest replay of a room with default options.
const maxSharedBytes = 8_388_608;

/**
 * The ring: an index of the events by room. For every stream and tenant it has a *floor*: the entry ID after which the ring holds
 * every event that is to be replayed. If a client's cursor is at or after the floor, the ring has all events that the client
 * missed.
 */
export class ReplayRing {
  readonly #tenantOf: (roomId: string) => string;
  readonly #shares: ReplayShares;
  readonly #calls = new PreparedCallCache(maxSharedBytes);
  readonly #rooms = new Map<string, RoomLog>();
  #sequence = 0;
  /** Number of times that each stream began. */
  readonly #generations = new Map<string, number>();

  constructor({ tenantOf = () => NO_TENANT, ...limits }: ReplayRingOptions) {
    this.#tenantOf = tenantOf;
    this.#shares = new ReplayShares(limits, (entry) => this.#forget(entry));
  }

  /** Estimated bytes in use, calculated in the same way as for the limit `maxBytes`. */
  get bytes(): number {
    return this.#shares.bytes;
  }

  /** Number of events held. */
  get size(): number {
    return this.#shares.size;
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
    this.#shares.begin(stream, id);
    this.#generations.set(stream, (this.#generations.get(stream) ?? 0) + 1);
  }

  /**
   * Returns the ID after which the ring holds every event of the stream. If `roomId` is given, only events of
   * this room count. Returns `undefined` if `begin` was not called for the stream.
   */
  floor(stream: string, roomId?: string): EntryId | undefined {
    if (roomId === undefined) return this.#shares.floor(stream);
    return this.#shares.floorOf(stream, this.#shareOfRoom(roomId));
  }

  /**
   * Remembers an event. Events of one stream must be added in the order of their IDs. Events up to the floor
   * are ignored, because a replay reads these events from the stream. If they were also in the ring, the
   * replay would send them twice.
   */
  add(event: DeliveredEvent): void {
    const { stream, id, atMs = entryIdMs(id), roomId, call, latestKey } = event;
    if (compareEntryIds(id, this.#shares.floor(stream) ?? FIRST_ENTRY_ID) <= 0) return;
    const log = this.#logOf(roomId);
    const { share } = log;
    const reference = share.copy(call.bytes);
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
    log.entries.push(entry);
    if (latestKey !== undefined) {
      const older = log.latest.get(latestKey);
      log.latest.set(latestKey, entry);
      // The older event is forgotten after the push, because `#forget` deletes a room without events.
      if (older !== undefined) this.#forget(older);
    }
    this.#shares.add(share, entry);
  }

  /** Evicts the events that are too old at `brokerTimeMs`. */
  evict(brokerTimeMs: number): void {
    this.#shares.evict(brokerTimeMs);
  }

  /** True when the ring holds everything of a room that a client with these cursors missed. */
  covers(roomId: string, cursors: Cursors): boolean {
    const share = this.#shareOfRoom(roomId);
    for (const [stream, cursor] of cursors) {
      const floor = this.#shares.floorOf(stream, share);
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

  /** True when no event of the room after this sequence number was evicted. */
  holdsSince(roomId: string, sequence: number): boolean {
    return sequence >= this.#shares.evictedSequenceOf(this.#shareOfRoom(roomId));
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
   * Returns the length of the period before `brokerTimeMs` for which the ring holds the stream's events of
   * every tenant. At most `windowMs`.
   */
  coveredMs(stream: string, brokerTimeMs: number): number {
    return this.#shares.coveredMs(stream, brokerTimeMs);
  }

  /**
   * Returns the number of tenants that have lost events because of the memory limits in the last `windowMs`.
   */
  tenantsOverShare(brokerTimeMs: number): number {
    return this.#shares.tenantsOverShare(brokerTimeMs);
  }

  /**
   * Returns the share for the events of a room. `undefined` if this share holds no event and has lost no
   * event.
   */
  #shareOfRoom(roomId: string): ReplayShare | undefined {
    return this.#rooms.get(roomId)?.share ?? this.#shares.find(this.#tenantOf(roomId));
  }

  /** Returns the events of a room. The room keeps its tenant as long as the ring has events of the room. */
  #logOf(roomId: string): RoomLog {
    const known = this.#rooms.get(roomId);
    if (known?.share.isFinal === true) return known;
    // If this call creates a share, it may delete another share, which may contain the room's earlier events.
    const share = this.#shares.of(this.#tenantOf(roomId));
    const log = this.#rooms.get(roomId) ?? { share, entries: [], goneCount: 0, latest: new Map() };
    log.share = share;
    this.#rooms.set(roomId, log);
    return log;
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
