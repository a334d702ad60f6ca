// The public types of a room's members, and functions that read the gateway's `presence` messages. Pure.

/** One user who is in a room. @beta */
export interface RoomMember {
  readonly user_id: string;
  readonly username: string;
  /** Number of the user's connections in the room, on all gateways. */
  readonly connections: number;
  /** Time at which the user entered the room, as an RFC 3339 text. A reconnect within the grace keeps it. */
  readonly since: string;
  /** The state that the user last set with `setPresence`. `null` if the user has set none. */
  readonly state: unknown;
}

/** The members of a room as the gateway last described them. Every change makes a new object. @beta */
export interface RoomMembers {
  /**
   * True if `list` contains every member. False before the gateway's first message, and in a room with more members than the
   * gateway lists. `list` is then empty. The numbers are valid even in a large room.
   */
  readonly isComplete: boolean;
  /** Number of users in the room, including this user. */
  readonly users: number;
  /** Number of connections of all users in the room. */
  readonly connections: number;
  /** The members in the order in which they entered the room, including this user. */
  readonly list: readonly RoomMember[];
}

/** The members of a room that is not watched. */
export const NO_MEMBERS: RoomMembers = Object.freeze({
  isComplete: false,
  users: 0,
  connections: 0,
  list: Object.freeze([]),
});

/** Members, and the version of the room's presence to which they belong. */
export interface VersionedMembers {
  readonly members: RoomMembers;
  readonly version: unknown;
}

/** The argument of a `presence` message. The gateway has checked the fields. */
interface PresenceMessage {
  readonly room_id: string;
  readonly kind: string;
  readonly version: unknown;
  readonly users: number;
  readonly connections: number;
  /** All members, in a `snapshot`. */
  readonly members?: readonly RoomMember[];
  /** The version to which a `delta` applies. */
  readonly previous?: unknown;
  readonly changed?: readonly RoomMember[];
  readonly left?: readonly string[];
}

/**
 * Applies a `presence` message to the known members.
 *
 * @returns `undefined` if the message changes another version than the known one
 */
export function applyPresence(known: VersionedMembers, argument: unknown): VersionedMembers | undefined {
  const { kind, version, users, connections, ...rest } = argument as PresenceMessage;
  const made = (list?: readonly RoomMember[]): VersionedMembers => ({
    version,
    members: { isComplete: list !== undefined, users, connections, list: list ?? NO_MEMBERS.list },
  });
  if (kind !== 'delta') return made(rest.members);
  if (!known.members.isComplete || known.version !== rest.previous) return undefined;
  const byId = new Map(known.members.list.map((member) => [member.user_id, member]));
  for (const userId of rest.left ?? []) byId.delete(userId);
  for (const member of rest.changed ?? []) byId.set(member.user_id, member);
  return made([...byId.values()]);
}
