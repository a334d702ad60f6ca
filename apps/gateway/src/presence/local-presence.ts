// The connections of this gateway, by room, as the store should contain them. A change makes a room dirty. The writer takes
// the dirty rooms and writes them. Pure: the caller passes the time.
import type { PresenceEdit } from '@millrace/broker';

/** The client of one connection. */
export interface PresenceClient {
  readonly connectionId: string;
  /** The user's ID in the form in which IDs are compared. */
  readonly user: string;
  /** Identifies the client among those of its user. A client that reconnects may keep its key. */
  readonly key: string;
  /** Describes the user as JSON. */
  readonly about: string;
}

/** One client in one room. The states: here ⇄ held (connection lost) → removed; here → removed (left). */
interface Entry {
  readonly room: string;
  /** The entry's key in its room: unique for each client of each user. */
  readonly id: string;
  readonly user: string;
  readonly key: string;
  about: string;
  /** Store time at which the newest connection entered. The newest of two gateways that know the same client wins. */
  enteredMs: number;
  state: string;
  stateMs: number;
  /**
   * Open connections with this key. None if the entry is held or removed. Usually one: an array of exactly this size takes less
   * memory than a set.
   */
  connectionIds: readonly string[];
  /** Monotonic time at which the held entry is removed. Set only while the entry is held. */
  heldUntilMs: number | undefined;
  isRemoved: boolean;
  /** True from the moment when a write of the entry under the present lease is sent. The store may hold the entry before it answers. */
  mayBeStored: boolean;
}

/** The edits of one room. */
export interface RoomEdits {
  readonly room: string;
  /** Each edit with the ID of its entry. */
  readonly items: readonly { readonly id: string; readonly edit: PresenceEdit }[];
}

/** Dependencies of {@link LocalPresence}. */
export interface LocalPresenceDependencies {
  /** Time for which the entry of a lost connection is held. */
  readonly graceMs: number;
  monotonicMs(): number;
  /** Returns the time of the store, in whole milliseconds. */
  storeMs(): number;
}

/** Maximum number of edits in one step. Limits the time of a step in Redis and the size of its announcement. */
const MAX_EDITS = 250;

/** Maximum number of states whose time is remembered, so that a later one of the same user gets a later time. */
const MAX_RECENT_STATES = 10_000;

/** Difference up to which the store times of two gateways may be wrong, in milliseconds. */
const CLOCK_DOUBT_MS = 1_000;

/** At most the rooms that connections of this gateway have joined, or had joined when they were lost within the grace. */
export class LocalPresence {
  readonly #dependencies: LocalPresenceDependencies;
  readonly #rooms = new Map<string, Map<string, Entry>>();
  /** Room and user → time of the user's newest state. Contains only states that are as new as the present millisecond. */
  readonly #recentStates = new Map<string, number>();
  /** Newest time in `#recentStates`, which is cleared when this time is over, or at `MAX_RECENT_STATES`. */
  #recentUntilMs = 0;
  /** The entries of each connection, one for each of its rooms. */
  readonly #entriesOf = new Map<string, readonly Entry[]>();
  /** By room, the IDs of the entries that must be written. */
  readonly #dirty = new Map<string, Set<string>>();
  /** The held entries, in the order in which they expire. */
  #held: { readonly room: string; readonly id: string; readonly untilMs: number }[] = [];
  /** Monotonic time of the last write of each room, oldest first. */
  readonly #writtenMs = new Map<string, number>();

  constructor(dependencies: LocalPresenceDependencies) {
    this.#dependencies = dependencies;
  }

  /** Number of entries in all rooms. */
  get size(): number {
    let size = 0;
    for (const entries of this.#rooms.values()) size += entries.size;
    return size;
  }

  get isDirty(): boolean {
    return this.#dirty.size > 0;
  }

  /** True if this gateway has an entry in the room. An entry counts until it is removed from the store. */
  has(room: string): boolean {
    return this.#rooms.has(room);
  }

  /** Adds a connection to a room. Entering twice is harmless. */
  enter(room: string, { connectionId, user, key, about }: PresenceClient): void {
    const entries = this.#rooms.get(room) ?? new Map<string, Entry>();
    this.#rooms.set(room, entries);
    const id = idOf(user, key);
    const known = entries.get(id);
    const entry = known ?? {
      room,
      id,
      user,
      key,
      about,
      enteredMs: this.#dependencies.storeMs(),
      state: 'null',
      stateMs: 0,
      connectionIds: [],
      heldUntilMs: undefined,
      isRemoved: false,
      mayBeStored: false,
    };
    entries.set(id, entry);
    const isKnown = entry.connectionIds.includes(connectionId);
    if (isKnown && entry.about === about) return;
    if (!isKnown) {
      // The client may have been at another gateway meanwhile, whose entry must not win.
      entry.enteredMs = Math.max(entry.enteredMs, this.#dependencies.storeMs());
      entry.connectionIds = entry.connectionIds.concat(connectionId);
      this.#addTo(connectionId, entry);
    }
    entry.heldUntilMs = undefined;
    entry.isRemoved = false;
    entry.about = about;
    this.#mark(room, id);
  }

  /** Sets the state of a client in a room, as JSON. Does nothing if the connection is not in the room. */
  setState(room: string, { connectionId, user, key }: PresenceClient, state: string): void {
    const id = idOf(user, key);
    const entry = this.#rooms.get(room)?.get(id);
    if (entry === undefined || !entry.connectionIds.includes(connectionId)) return;
    entry.state = state;
    entry.stateMs = this.#nextStateMs(entry);
    this.#mark(room, id);
  }

  /**
   * Returns the time of a new state. Two states of a user with the same millisecond would have no order, whether they are of one
   * client or of two. Therefore a later state gets a later time.
   */
  #nextStateMs({ room, user, stateMs }: Entry): number {
    const timeMs = this.#dependencies.storeMs();
    if (timeMs > this.#recentUntilMs || this.#recentStates.size >= MAX_RECENT_STATES)
      this.#recentStates.clear();
    const key = `${room}\u0000${user}`;
    const nextMs = Math.max(stateMs + 1, (this.#recentStates.get(key) ?? 0) + 1, timeMs);
    this.#recentStates.set(key, nextMs);
    this.#recentUntilMs = Math.max(this.#recentUntilMs, nextMs);
    return nextMs;
  }

  /** Removes a connection that left the room. */
  leave(room: string, connectionId: string): void {
    const entries = this.#entriesOf.get(connectionId);
    const entry = entries?.find((one) => one.room === room);
    if (entries === undefined || entry === undefined) return;
    this.#entriesOf.set(
      connectionId,
      entries.filter((one) => one !== entry),
    );
    if (!this.#takeOut(connectionId, entry)) return;
    entry.isRemoved = true;
    this.#mark(room, entry.id);
  }

  /** Holds the entries of an ended connection in all its rooms. Returns these rooms. */
  lose(connectionId: string): readonly string[] {
    const untilMs = this.#dependencies.monotonicMs() + this.#dependencies.graceMs;
    const entries = this.#entriesOf.get(connectionId) ?? [];
    this.#entriesOf.delete(connectionId);
    for (const entry of entries) {
      if (!this.#takeOut(connectionId, entry)) continue;
      const { room, id } = entry;
      // The store cannot hold an entry whose write was never sent.
      if (entry.mayBeStored) {
        entry.heldUntilMs = untilMs;
        this.#held.push({ room, id, untilMs });
      } else entry.isRemoved = true;
      this.#mark(room, id);
    }
    return entries.map(({ room }) => room);
  }

  /** Removes the entries that were held for the whole grace. */
  expire(): void {
    const nowMs = this.#dependencies.monotonicMs();
    const end = this.#held.findIndex(({ untilMs }) => untilMs > nowMs);
    const ended = this.#held.splice(0, end < 0 ? this.#held.length : end);
    for (const { room, id, untilMs } of ended) {
      const entry = this.#rooms.get(room)?.get(id);
      if (entry?.heldUntilMs !== untilMs) continue;
      entry.heldUntilMs = undefined;
      entry.isRemoved = true;
      this.#mark(room, id);
    }
  }

  /**
   * Marks up to `count` rooms that were not written for `intervalMs`. They are then written again, in case the store has lost
   * entries. Returns these rooms.
   */
  repeat(intervalMs: number, count: number): readonly string[] {
    const dueMs = this.#dependencies.monotonicMs() - intervalMs;
    const rooms: string[] = [];
    for (const [room, writtenMs] of this.#writtenMs) {
      if (writtenMs > dueMs || rooms.length >= count) break;
      rooms.push(room);
      this.#writtenMs.delete(room);
      this.#markRoom(room);
    }
    return rooms;
  }

  /** Marks a room. The store seems to have lost entries of it. */
  repeatRoom(room: string): void {
    this.#markRoom(room);
  }

  /**
   * Prepares for a new lease. Every entry must be written again. Drops the entries of lost connections, because other
   * gateways sweep the entries of the old lease.
   */
  startOver(): void {
    this.#held = [];
    this.#dirty.clear();
    this.#writtenMs.clear();
    for (const [room, entries] of this.#rooms) {
      for (const [id, entry] of entries) {
        entry.mayBeStored = false;
        if (entry.connectionIds.length === 0) entries.delete(id);
        else this.#mark(room, id);
      }
      if (entries.size === 0) this.#rooms.delete(room);
    }
  }

  /** Takes the edits of up to `count` dirty rooms. The caller must report each room as written or failed. */
  take(count: number): readonly RoomEdits[] {
    const taken: RoomEdits[] = [];
    for (const [room, dirtyIds] of this.#dirty) {
      if (taken.length >= count) break;
      const ids = [...dirtyIds].slice(0, MAX_EDITS);
      for (const id of ids) dirtyIds.delete(id);
      if (dirtyIds.size === 0) this.#dirty.delete(room);
      const entries = this.#rooms.get(room);
      const items = ids.flatMap((id) => {
        const entry = entries?.get(id);
        if (entry === undefined) return [];
        if (!entry.isRemoved) entry.mayBeStored = true;
        return [{ id, edit: editOf(entry) }];
      });
      if (items.length > 0) taken.push({ room, items });
    }
    return taken;
  }

  /** Called after edits were written. Returns false if this gateway has no more entries in the room. */
  written({ room, items }: RoomEdits): boolean {
    const entries = this.#rooms.get(room);
    if (entries === undefined) return false;
    for (const { id, edit } of items) {
      const entry = entries.get(id);
      if (entry === undefined) continue;
      if (!('removedKey' in edit)) continue;
      entry.mayBeStored = false;
      // A connection that entered again in the meantime is dirty and stays.
      if (entry.isRemoved) entries.delete(id);
    }
    this.#writtenMs.delete(room);
    if (entries.size === 0) {
      this.#rooms.delete(room);
      return false;
    }
    this.#writtenMs.set(room, this.#dependencies.monotonicMs());
    return true;
  }

  /**
   * Called after a write, if the store has the client of an entry at another gateway, where it entered later. If that was clearly
   * later, the client has moved, and its connection here is dead although nobody has noticed it yet: the entry is dropped. Otherwise
   * the clocks do not tell, and this gateway, which wrote last, wins.
   */
  superseded(room: string, id: string, enteredMs: number): void {
    const entries = this.#rooms.get(room);
    const entry = entries?.get(id);
    if (entries === undefined || entry === undefined || entry.enteredMs >= enteredMs) return;
    if (enteredMs - entry.enteredMs <= CLOCK_DOUBT_MS) {
      entry.enteredMs = enteredMs + 1;
      this.#mark(room, id);
      return;
    }
    entries.delete(id);
    if (entries.size === 0) this.#rooms.delete(room);
  }

  /** Called after edits were not written. They are taken again later. */
  failed({ room, items }: RoomEdits): void {
    for (const { id } of items) if (this.#rooms.get(room)?.has(id) === true) this.#mark(room, id);
  }

  #addTo(connectionId: string, entry: Entry): void {
    // An entry that was superseded is not in its room any longer, and the new one takes its place.
    const others = (this.#entriesOf.get(connectionId) ?? []).filter(({ room }) => room !== entry.room);
    this.#entriesOf.set(connectionId, others.concat(entry));
  }

  /** Removes a connection from an entry. Returns true if the entry is in its room and has no other connection. */
  #takeOut(connectionId: string, entry: Entry): boolean {
    entry.connectionIds = entry.connectionIds.filter((id) => id !== connectionId);
    return entry.connectionIds.length === 0 && this.#rooms.get(entry.room)?.has(entry.id) === true;
  }

  #markRoom(room: string): void {
    for (const id of this.#rooms.get(room)?.keys() ?? []) this.#mark(room, id);
  }

  #mark(room: string, id: string): void {
    const ids = this.#dirty.get(room) ?? new Set();
    this.#dirty.set(room, ids.add(id));
  }
}

function idOf(user: string, key: string): string {
  return `${key}|${user}`;
}

function editOf(entry: Entry): PresenceEdit {
  const { user, key, about, enteredMs, state, stateMs, heldUntilMs, isRemoved } = entry;
  if (isRemoved) return { user, removedKey: key };
  return {
    user,
    connection: { key, about, enteredMs, state, stateMs, isHeld: heldUntilMs !== undefined },
  };
}
