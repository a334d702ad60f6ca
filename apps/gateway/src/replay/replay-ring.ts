// Keeps the events of the last minutes, per room. A client that reconnects gets missed events from the ring, without a read
// from the broker. Events are kept as the bytes that were sent to clients. Therefore they need not be encoded again for JSON
// clients.
//
// The tenants share the memory. When it is full, the tenant that uses the most memory loses its oldest events. Uses no timers
// and no sockets.
import { compareEntryIds, type EntryId, entryIdMs, FIRST_ENTRY_ID } from '@millrace/broker';
import { PreparedCall } from '@millrace/signalr';
import { NO_TENANT } from '../tenants/tenant.js';
import { type ByteReference, viewBytes } from './byte-arena.js';
import { PreparedCallCache } from './prepared-call-cache.js';
import { isGone, type ReplayShare, type RingEntry } from './replay-share.js';
import { type ReplayLimits, ReplayShares } from './replay-shares.js';
import { firstAfter, type MayReceive, UnreadRooms } from './unread-rooms.js';

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
  /** Key of the event. The ring keeps only the newest event of a room with the same key. It keeps all events without a key. */
  readonly latestKey?: string;
}

/** Events of a room after a certain point, and the point at which the next slice continues. */
export interface ReplaySlice {
  readonly events: readonly PreparedCall[];
  /** Sequence number up to which the slice has all events of the room. {@link ReplayRing.eventsSince} continues after it. */
  readonly sequence: number;
}

/** A room whose events a slice must contain. A caller may request the same room several times. */
export interface RoomSince {
  readonly roomId: string;
  /** Sequence number after which the events are wanted. */
  readonly sequence: number;
  /** @defaultValue every event may be sent */
  readonly mayReceive?: MayReceive | undefined;
}

/** Events of several rooms in the order of delivery. A slice can be continued after any of its events. */
export interface MergedSlice extends ReplaySlice {
  /** For each event: its sequence number, and the index of the requested room for which the slice contains it. */
  readonly origins: readonly { readonly sequence: number; readonly room: number }[];
}

const everything: MayReceive = () => true;

/** The client's cursor in each stream that may contain events of its room. */
export type Cursors = ReadonlyMap<string, EntryId>;

/** The greatest size of a page. A page has at least one event, if there is one, however large it is. */
export interface PageLimits {
  readonly maxEvents: number;
  readonly maxBytes: number;
}

/** The oldest events of a room after certain cursors. */
export interface RingPage {
  readonly events: readonly PreparedCall[];
  /** The cursors of a client that has received these events. */
  readonly cursors: Cursors;
  /** False if the ring has more events of the room. */
  readonly isComplete: boolean;
}

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
 * The ring: an index of the events by room. Each stream has a *floor* for each tenant: the entry ID after which the ring has
 * every event that is to be replayed. The ring has all events that a client missed if the client's cursor is at or after the
 * floor.
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
   * Begins a stream at `id` and forgets the ring's events of this stream. The caller must add every event after `id` from now
   * on.
   */
  begin(stream: string, id: EntryId): void {
    this.#shares.begin(stream, id);
    this.#generations.set(stream, (this.#generations.get(stream) ?? 0) + 1);
  }

  /**
   * Returns the ID after which the ring has every event of the stream, or of these rooms in it if `rooms` are given. Returns
   * `undefined` if `begin` was not called for the stream.
   */
  floor(stream: string, rooms?: readonly string[]): EntryId | undefined {
    if (rooms === undefined) return this.#shares.floor(stream);
    const floors = rooms.map((roomId) => this.#shares.floorOf(stream, this.#shareOfRoom(roomId)));
    return floors.reduce((a, b) => (a === undefined || b === undefined || compareEntryIds(a, b) > 0 ? a : b));
  }

  /**
   * Remembers an event. Events of one stream must be added in the order of their IDs. Events up to the floor are ignored: a
   * replay reads them from the stream, and would otherwise send them twice.
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

  /** Forgets the events of a room that have these IDs in the stream. The ring still covers the time of these events. */
  erase(stream: string, roomId: string, ids: ReadonlySet<EntryId>): void {
    const entries = this.#rooms.get(roomId)?.entries ?? [];
    const erased = entries.filter((entry) => entry.stream === stream && ids.has(entry.id));
    for (const entry of erased) this.#forget(entry);
  }

  /** Evicts the events that are too old at `brokerTimeMs`. */
  evict(brokerTimeMs: number): void {
    this.#shares.evict(brokerTimeMs);
  }

  /** True if the ring has everything of the rooms that a client with these cursors missed. */
  covers(rooms: readonly string[], cursors: Cursors): boolean {
    for (const [stream, cursor] of cursors) {
      const floor = this.floor(stream, rooms);
      if (floor === undefined || compareEntryIds(cursor, floor) < 0) return false;
    }
    return true;
  }

  /**
   * Returns the events of the rooms after these cursors, in the order of delivery. Returns at most the newest
   * `maxEvents + 1` events, so that the caller notices when there are more than `maxEvents`. Reads the rooms'
   * entries from the newest backwards, and stops at entries that the client has seen. Leaves out the events that
   * `mayReceive` refuses.
   */
  eventsAfter(
    rooms: readonly string[],
    cursors: Cursors,
    maxEvents: number,
    mayReceive: MayReceive = everything,
  ): ReplaySlice {
    const entries = this.#entriesOf(rooms);
    // Streams in which the loop has reached an entry that the client has seen. The client has seen all earlier entries of
    // these streams, too.
    const finished = new Set<string>();
    const newestFirst: PreparedCall[] = [];
    for (let index = entries.length - 1; index >= 0 && newestFirst.length <= maxEvents; index -= 1) {
      const entry = entries[index];
      if (entry?.reference === undefined || finished.has(entry.stream)) continue;
      const isMissed = compareEntryIds(entry.id, cursors.get(entry.stream) ?? FIRST_ENTRY_ID) > 0;
      if (isMissed) {
        if (mayReceive(entry.stream, entry.id)) newestFirst.push(this.#callOf(entry, entry.reference));
      } else if (finished.add(entry.stream).size === cursors.size) break;
    }
    return { events: newestFirst.toReversed(), sequence: this.#sequence };
  }

  /**
   * Returns the events of the rooms after these cursors, the oldest first, until a limit is reached. Check {@link ReplayRing.covers}
   * first. Otherwise events may be missing. Leaves out the events that `mayReceive` refuses.
   */
  pageAfter(
    rooms: readonly string[],
    cursors: Cursors,
    limits: PageLimits,
    mayReceive: MayReceive = everything,
  ): RingPage {
    const received = new Map(cursors);
    const events: PreparedCall[] = [];
    let bytes = 0;
    for (const entry of this.#entriesOf(rooms)) {
      if (entry.reference === undefined || !mayReceive(entry.stream, entry.id)) continue;
      if (compareEntryIds(entry.id, cursors.get(entry.stream) ?? FIRST_ENTRY_ID) <= 0) continue;
      const isTooLarge = events.length > 0 && bytes + entry.bytes > limits.maxBytes;
      // Calls of one entry stay together, because the cursor can only be before or after all of them.
      const mayCut = received.get(entry.stream) !== entry.id;
      if (mayCut && (isTooLarge || events.length >= limits.maxEvents))
        return { events, cursors: received, isComplete: false };
      events.push(this.#callOf(entry, entry.reference));
      received.set(entry.stream, entry.id);
      bytes += entry.bytes;
    }
    return { events, cursors: received, isComplete: true };
  }

  /** True when no event of the rooms after this sequence number was evicted. */
  holdsSince(rooms: readonly string[], sequence: number): boolean {
    return rooms.every((roomId) => sequence >= this.#shares.evictedSequenceOf(this.#shareOfRoom(roomId)));
  }

  /**
   * Returns the events of the rooms after their sequence numbers, in the order of delivery, until their size reaches
   * `maxBytes`. Returns at least one event, even if this event is larger than `maxBytes`. Check
   * {@link ReplayRing.holdsSince} first. Otherwise events may be missing.
   */
  eventsSince(rooms: readonly RoomSince[], maxBytes: number): MergedSlice {
    const wanted = rooms.map(({ roomId, sequence, mayReceive = everything }, room) => {
      const entries = this.#rooms.get(roomId)?.entries ?? [];
      return { room, entries, index: firstAfter(entries, sequence), mayReceive };
    });
    const unread = new UnreadRooms(wanted);
    const events: PreparedCall[] = [];
    const origins: { sequence: number; room: number }[] = [];
    let bytes = 0;
    for (let next = unread.oldest; next !== undefined; next = unread.oldest) {
      const entry = next.entries[next.index];
      if (entry?.reference !== undefined && next.mayReceive(entry.stream, entry.id)) {
        if (events.length > 0 && bytes >= maxBytes) return { events, origins, sequence: entry.sequence - 1 };
        events.push(this.#callOf(entry, entry.reference));
        origins.push({ sequence: entry.sequence, room: next.room });
        bytes += entry.bytes;
      }
      unread.readOldest();
    }
    return { events, origins, sequence: this.#sequence };
  }

  /**
   * Returns the length of the period before `brokerTimeMs` for which the ring has the stream's events of every tenant. At
   * most `windowMs`.
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

  /** Returns the entries of the rooms in the order of delivery. Copies them only if several of the rooms have entries. */
  #entriesOf(rooms: readonly string[]): readonly RingEntry[] {
    const [first = [], ...others] = rooms.flatMap((roomId) => {
      const entries = this.#rooms.get(roomId)?.entries;
      return entries === undefined ? [] : [entries];
    });
    return others.length === 0 ? first : [first, ...others].flat().sort((a, b) => a.sequence - b.sequence);
  }

  /** Returns the share for the events of a room. `undefined` if the share has no event and has lost none. */
  #shareOfRoom(roomId: string): ReplayShare | undefined {
    return this.#rooms.get(roomId)?.share ?? this.#shares.find(this.#tenantOf(roomId));
  }

  /** Returns the events of a room. The room keeps its tenant as long as the ring has events of it. */
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

  /** Removes an entry from its room. No other code does that. The bytes of the entry count until it is evicted. Idempotent. */
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
