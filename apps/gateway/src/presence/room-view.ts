// The presence of one watched room: what this gateway knows, and what its clients were told. Pure.
import type { PresenceChange, PresentUser, RoomPresence } from '@millrace/broker';
import {
  MAX_SNAPSHOT_BYTES,
  memberOf,
  type PresenceMessage,
  type RoomMember,
  type RoomMembers,
} from './room-members.js';

/** Decides which connections and members count. */
export interface ViewRules {
  readonly maxMembers: number;
  hasEnded(holder: string): boolean;
  /** True while members who are missing in the store are kept. The store may have lost them. */
  isKeepingMissing(): boolean;
}

/** A member and its size as JSON. */
interface Shown {
  readonly member: RoomMember;
  readonly text: string;
}

/**
 * States: stale (not read yet, or a change was missed) → current. In both states, clients see the members that they were last
 * told.
 */
export class RoomView {
  readonly #roomId: string;
  readonly #rules: ViewRules;
  /** The users in the store. `undefined` if there are too many. */
  #present: Map<string, PresentUser> | undefined = new Map();
  #version = 0;
  #stored = { users: 0, connections: 0 };
  readonly #shown = new Map<string, Shown>();
  #shownBytes = 0;
  #shownVersion = 0;
  #toldText = '';
  /** True if the clients have all members, and not only the numbers. */
  #isToldInFull = false;
  /** Users whose members may differ from what the clients were told. */
  readonly #touched = new Set<string>();
  isStale = true;
  wasRead = false;

  constructor(roomId: string, rules: ViewRules) {
    this.#roomId = roomId;
    this.#rules = rules;
  }

  /** Applies an announced change. A change that does not follow the known version makes the view stale. */
  apply({ before, version, users, connections, present, absent }: PresenceChange): void {
    if (this.isStale || version <= this.#version) return;
    const isNext = before === this.#version || (before === 0 && this.#stored.users === 0);
    const hasTooMany = users > this.#rules.maxMembers;
    // The numbers are enough for a room with too many members. If the room has few enough again, it must be read.
    if (!hasTooMany && (!isNext || this.#present === undefined)) {
      this.isStale = true;
      return;
    }
    this.#version = version;
    this.#stored = { users, connections };
    if (hasTooMany) {
      this.#forgetUsers();
      return;
    }
    for (const user of present) this.#put(user);
    for (const user of absent) this.#remove(user);
  }

  /** Takes the state of the room from the store. */
  replace({ version, users, connections, present }: RoomPresence): void {
    this.isStale = false;
    this.wasRead = true;
    this.#version = version;
    this.#stored = { users, connections };
    if (present === undefined) {
      this.#forgetUsers();
      return;
    }
    const before = this.#present;
    this.#present = new Map();
    for (const user of present) this.#put(user);
    for (const [id, user] of before ?? [])
      if (this.#rules.isKeepingMissing() && !this.#present.has(id)) this.#present.set(id, user);
    for (const id of this.#shown.keys()) this.#touched.add(id);
  }

  /** True if a read would remove a member. */
  wouldRemove({ present }: RoomPresence): boolean {
    if (present === undefined || this.#present === undefined) return false;
    const ids = new Set(present.map(({ user }) => user));
    return [...this.#present.keys()].some((id) => !ids.has(id));
  }

  /** Holders of ended leases that still have connections in the room. */
  endedHolders(): ReadonlySet<string> {
    const holders = [...(this.#present?.values() ?? [])].flatMap(({ connections }) =>
      connections.map(({ holder }) => holder),
    );
    return new Set(holders.filter((holder) => this.#rules.hasEnded(holder)));
  }

  /** Decides again which users count, because leases have ended. */
  touchAll(): void {
    for (const user of this.#present?.keys() ?? []) this.#touched.add(user);
    for (const user of this.#shown.keys()) this.#touched.add(user);
  }

  /** Returns the message with all changes since the last call. Returns `undefined` if there are none. */
  takeMessage(): PresenceMessage | undefined {
    const changed: RoomMember[] = [];
    const left: string[] = [];
    for (const user of this.#touched) this.#refresh(user, changed, left);
    this.#touched.clear();
    const isFull = this.#isFull();
    const numbers = this.#numbers();
    const numbersText = `${numbers.users} ${numbers.connections} ${isFull}`;
    if (changed.length + left.length === 0 && numbersText === this.#toldText) return undefined;
    const wasFull = this.#isToldInFull;
    const previous = this.#shownVersion;
    this.#toldText = numbersText;
    this.#isToldInFull = isFull;
    // The version of messages must also rise when members change because a lease ended. The store's version then stays the
    // same.
    this.#shownVersion = Math.max(this.#version, previous + 1);
    const { members, ...head } = this.members();
    if (!isFull) return { kind: 'counts', ...head };
    if (!wasFull && members !== undefined) return { kind: 'snapshot', ...head, members };
    return { kind: 'delta', ...head, previous, changed, left };
  }

  /** Returns the message for a client that begins to watch the room. Call this directly after `takeMessage`. */
  snapshot(): PresenceMessage {
    const { members, ...head } = this.members();
    return members === undefined || !this.#isToldInFull
      ? { kind: 'counts', ...head }
      : { kind: 'snapshot', ...head, members };
  }

  /** Returns the members that the clients were last told. */
  members(): RoomMembers {
    const head = { room_id: this.#roomId, version: this.#shownVersion, ...this.#numbers() };
    if (!this.#isFull()) return head;
    // A user who returned keeps the old time. Therefore this map is not in the order of entering and must be sorted.
    const members = [...this.#shown.values()].map(({ member }) => member);
    return { ...head, members: members.sort((a, b) => (a.since < b.since ? -1 : a.since > b.since ? 1 : 0)) };
  }

  #isFull(): boolean {
    return this.#present !== undefined && this.#shownBytes <= MAX_SNAPSHOT_BYTES;
  }

  #numbers(): { readonly users: number; readonly connections: number } {
    if (this.#present === undefined) return this.#stored;
    let connections = 0;
    for (const { member } of this.#shown.values()) connections += member.connections;
    return { users: this.#shown.size, connections };
  }

  /** Keeps only the numbers, because the room has too many members. */
  #forgetUsers(): void {
    this.#present = undefined;
    for (const user of this.#shown.keys()) this.#touched.add(user);
  }

  #put(user: PresentUser): void {
    this.#present?.set(user.user, user);
    this.#touched.add(user.user);
  }

  #remove(user: string): void {
    this.#present?.delete(user);
    this.#touched.add(user);
  }

  #refresh(user: string, changed: RoomMember[], left: string[]): void {
    const stored = this.#present?.get(user);
    const before = this.#shown.get(user);
    const hasEnded = (holder: string): boolean =>
      !this.#rules.isKeepingMissing() && this.#rules.hasEnded(holder);
    const member = stored === undefined ? undefined : memberOf(stored, hasEnded);
    const text = member === undefined ? '' : JSON.stringify(member);
    if (text === (before?.text ?? '')) return;
    this.#shownBytes += Buffer.byteLength(text) - Buffer.byteLength(before?.text ?? '');
    if (member === undefined) {
      this.#shown.delete(user);
      if (before !== undefined) left.push(before.member.user_id);
      return;
    }
    this.#shown.set(user, { member, text });
    // Clients would see a user whose ID has a new spelling as another member. Therefore the old one is removed.
    if (before !== undefined && before.member.user_id !== member.user_id) left.push(before.member.user_id);
    changed.push(member);
  }
}
