// Presence in the memory of one process. Follows the rules of the scripts in `redis/scripts/presence.ts`.
import { randomBytes } from 'node:crypto';
import {
  checkCount,
  checkName,
  checkPresenceEdits,
  checkPresenceRoom,
  checkPresentUser,
  invalid,
} from '../arguments.js';
import {
  type AnnouncedChanges,
  PRESENCE_LIMITS,
  type PresenceChange,
  type PresenceEdit,
  type PresenceLease,
  type PresenceLeases,
  type PresenceStore,
  type PresentConnection,
  type PresentUser,
  type RoomPresence,
} from '../port/presence.js';

/** One room. It exists while a user is in it. */
interface Room {
  version: number;
  readonly users: Map<string, PresentUser>;
}

/** The {@link PresenceStore} of one process. Its rooms do not expire. The gateway's connections limit their number. */
export class MemoryPresence implements PresenceStore {
  readonly #wallMs: () => number;
  readonly #checkReady: () => void;
  readonly #rooms = new Map<string, Room>();
  /** By holder, the end of the holder's lease. */
  readonly #leases = new Map<string, number>();
  readonly #indexes = new Map<string, Set<string>>();
  /** The newest announcements, at most `maxAnnouncements`. */
  readonly #announced: { readonly number: number; readonly changes: readonly PresenceChange[] }[] = [];
  #announcements = 0;
  #fence = 0;
  #version = 0;

  constructor(wallMs: () => number, checkReady: () => void) {
    this.#wallMs = wallMs;
    this.#checkReady = checkReady;
  }

  async renew({
    holder,
    leaseMs,
  }: {
    readonly holder?: string;
    readonly leaseMs: number;
  }): Promise<PresenceLeases> {
    this.#checkReady();
    const timeMs = Math.floor(this.#wallMs());
    const endsMs = timeMs + leaseMs;
    const lease = this.#leaseOf(holder, timeMs, endsMs);
    const isLive = (other: string): boolean => (this.#leases.get(other) ?? 0) > timeMs;
    const holders = [...this.#leases.keys()];
    return {
      lease,
      timeMs,
      live: holders.filter(isLive),
      ended: holders.filter((other) => !isLive(other)),
    };
  }

  async addToIndex(holder: string, rooms: readonly string[]): Promise<void> {
    this.#checkIndex(holder, rooms);
    const index = this.#indexes.get(holder) ?? new Set();
    this.#indexes.set(holder, index);
    for (const room of rooms) index.add(room);
  }

  async removeFromIndex(holder: string, rooms: readonly string[]): Promise<void> {
    this.#checkIndex(holder, rooms);
    const index = this.#indexes.get(holder);
    for (const room of rooms) index?.delete(room);
    if (index?.size === 0) this.#indexes.delete(holder);
  }

  async indexed(holder: string, count: number): Promise<readonly string[]> {
    this.#checkReady();
    checkName('holder', holder);
    checkCount(count);
    return [...(this.#indexes.get(holder) ?? [])].slice(0, count);
  }

  async forget(holder: string): Promise<void> {
    this.#checkReady();
    if (!this.#indexes.has(holder)) this.#leases.delete(holder);
  }

  async write(
    room: string,
    { holder, endsMs }: PresenceLease,
    edits: readonly PresenceEdit[],
  ): Promise<PresenceChange | undefined> {
    this.#checkReady();
    checkPresenceRoom(room);
    checkPresenceEdits(edits);
    if (Math.floor(this.#wallMs()) >= endsMs) return undefined;
    return this.#change(
      room,
      edits.map((edit) => edit.user),
      (user, userId) => {
        let present = user;
        for (const edit of edits) if (edit.user === userId) present = edited(present, edit, holder);
        return present;
      },
    );
  }

  async sweep(
    room: string,
    holder: string,
    _cursor: string,
  ): Promise<{ readonly change: PresenceChange; readonly cursor: string | undefined }> {
    this.#checkReady();
    checkPresenceRoom(room);
    checkName('holder', holder);
    const swept = [...(this.#rooms.get(room)?.users.values() ?? [])]
      .filter(({ connections }) => connections.some((connection) => connection.holder === holder))
      .map(({ user }) => user);
    const change = this.#change(room, swept, (user) => {
      const connections = user?.connections.filter((connection) => connection.holder !== holder) ?? [];
      return user === undefined || connections.length === 0 ? undefined : { ...user, connections };
    });
    return { change, cursor: undefined };
  }

  async read(room: string, maxUsers: number): Promise<RoomPresence> {
    this.#checkReady();
    checkPresenceRoom(room);
    const { version = 0, users = new Map<string, PresentUser>() } = this.#rooms.get(room) ?? {};
    return {
      version,
      users: users.size,
      connections: countConnections(users),
      present: users.size > maxUsers ? undefined : [...users.values()],
    };
  }

  async readUser(room: string, user: string): Promise<PresentUser | undefined> {
    this.#checkReady();
    checkPresenceRoom(room);
    checkPresentUser(user);
    return this.#rooms.get(room)?.users.get(user);
  }

  async announce(changes: readonly PresenceChange[]): Promise<void> {
    this.#checkReady();
    if (changes.length === 0 || changes.length > PRESENCE_LIMITS.maxChanges)
      throw invalid(`an announcement must have 1 to ${PRESENCE_LIMITS.maxChanges} changes`);
    this.#announcements += 1;
    this.#announced.push({ number: this.#announcements, changes });
    if (this.#announced.length > PRESENCE_LIMITS.maxAnnouncements) this.#announced.shift();
  }

  async lastCursor(): Promise<string> {
    this.#checkReady();
    return String(this.#announcements);
  }

  async announcedAfter(cursor: string): Promise<AnnouncedChanges> {
    this.#checkReady();
    const after = Number(cursor);
    const oldest = this.#announced[0]?.number ?? this.#announcements + 1;
    const hasGap = after + 1 < oldest;
    const missed = hasGap ? [] : this.#announced.filter(({ number }) => number > after);
    return {
      cursor: String(this.#announcements),
      changes: missed.flatMap(({ changes }) => changes),
      hasGap,
    };
  }

  #leaseOf(holder: string | undefined, timeMs: number, endsMs: number): PresenceLease | undefined {
    if (holder !== undefined) {
      if ((this.#leases.get(holder) ?? 0) <= timeMs) return undefined;
      this.#leases.set(holder, endsMs);
      return { holder, endsMs };
    }
    this.#fence = Math.max(this.#fence + 1, timeMs);
    const made = `${this.#fence}-${randomBytes(8).toString('hex')}`;
    this.#leases.set(made, endsMs);
    return { holder: made, endsMs };
  }

  #checkIndex(holder: string, rooms: readonly string[]): void {
    this.#checkReady();
    checkName('holder', holder);
    checkCount(rooms.length);
    for (const room of rooms) checkPresenceRoom(room);
  }

  /** Replaces users of a room. Removes those for whom `next` returns `undefined`. */
  #change(
    roomId: string,
    userIds: readonly string[],
    next: (user: PresentUser | undefined, userId: string) => PresentUser | undefined,
  ): PresenceChange {
    const room = this.#rooms.get(roomId) ?? { version: 0, users: new Map<string, PresentUser>() };
    const before = room.version;
    const present: PresentUser[] = [];
    const absent: string[] = [];
    let hasChanged = false;
    for (const userId of new Set(userIds)) {
      const user = room.users.get(userId);
      const changed = next(user, userId);
      hasChanged ||= JSON.stringify(user) !== JSON.stringify(changed);
      if (changed === undefined) {
        room.users.delete(userId);
        absent.push(userId);
      } else {
        room.users.set(userId, changed);
        present.push(changed);
      }
    }
    if (hasChanged) {
      this.#version = Math.max(this.#version + 1, Math.floor(this.#wallMs() * 1_000));
      room.version = this.#version;
    }
    if (room.users.size === 0) this.#rooms.delete(roomId);
    else this.#rooms.set(roomId, room);
    const users = room.users.size;
    const connections = countConnections(room.users);
    return { room: roomId, before, version: room.version, users, connections, present, absent };
  }
}

function countConnections(users: ReadonlyMap<string, PresentUser>): number {
  let count = 0;
  for (const { connections } of users.values()) count += connections.length;
  return count;
}

/** Returns the user after an edit. Returns `undefined` if the user is then no longer in the room. */
function edited(user: PresentUser | undefined, edit: PresenceEdit, holder: string): PresentUser | undefined {
  const connections = [...(user?.connections ?? [])];
  if ('removedKey' in edit) {
    const left = connections.filter(({ key, holder: other }) => key !== edit.removedKey || other !== holder);
    return user === undefined || left.length === 0 ? undefined : { ...user, connections: left };
  }
  const at = placeOf(connections, edit.connection, holder);
  if (at !== undefined) connections[at] = replaced(connections[at], { ...edit.connection, holder });
  if (connections.length === 0) return undefined;
  const sinceMs = Math.min(user?.sinceMs ?? Number.POSITIVE_INFINITY, edit.connection.enteredMs);
  return { user: edit.user, sinceMs, connections };
}

/**
 * Returns the place of a connection among those of its user: its own, that of a held connection, or a new one. Returns
 * `undefined` if the client has come back to another gateway with the same key. The edit then has no effect.
 */
function placeOf(
  connections: readonly PresentConnection[],
  { key, isHeld, enteredMs }: Omit<PresentConnection, 'holder'>,
  holder: string,
): number | undefined {
  const own = connections.findIndex((connection) => connection.key === key);
  const known = connections[own];
  if (known !== undefined)
    return known.holder !== holder && (isHeld || known.enteredMs > enteredMs) ? undefined : own;
  if (isHeld) return undefined;
  const held = connections.findIndex((connection) => connection.isHeld);
  return held < 0 ? connections.length : held;
}

function replaced(known: PresentConnection | undefined, next: PresentConnection): PresentConnection {
  if (known === undefined || known.stateMs <= next.stateMs) return next;
  return { ...next, stateMs: known.stateMs, state: known.state };
}
