// The members of a room in the form that clients receive, and the messages that describe them. Pure.
import type { PresenceChange, PresentConnection, PresentUser } from '@millrace/broker';

/** One member, with the field names of the protocol. @beta */
export interface RoomMember {
  readonly user_id: string;
  readonly username: string;
  readonly connections: number;
  readonly since: string;
  readonly state: unknown;
}

/** All members of a room, or only their numbers. @beta */
export interface RoomMembers {
  readonly room_id: string;
  readonly version: number;
  readonly users: number;
  readonly connections: number;
  /** Left out in a room with too many members. */
  readonly members?: readonly RoomMember[];
}

/** The argument of the message `presence`. */
export type PresenceMessage =
  | (RoomMembers & { readonly kind: 'snapshot' | 'counts' })
  | (Omit<RoomMembers, 'members'> & {
      readonly kind: 'delta';
      /** The version to which the changes apply. */
      readonly previous: number;
      readonly changed: readonly RoomMember[];
      readonly left: readonly string[];
    });

/** Maximum size of the members in one message, as JSON in bytes. */
export const MAX_SNAPSHOT_BYTES = 65_536;

/** Maximum length of a user's name in presence, in characters. */
const MAX_NAME_CHARS = 256;

/** The last time that a date can express, in milliseconds since 1970. A larger time from another program is limited to it. */
const MAX_DATE_MS = 8.64e15;

/** Returns the text that describes a user in the store. */
export function aboutUser({ userId, name }: { readonly userId: string; readonly name: string }): string {
  return JSON.stringify({ id: userId, name: name.slice(0, MAX_NAME_CHARS).toWellFormed() });
}

/**
 * Converts a change to the form that is announced. For a room with too many members it has only the numbers. `before` is then
 * -1, so that a gateway that lists more members reads the room.
 */
export function announcementOf(change: PresenceChange, maxMembers: number): PresenceChange {
  return change.users > maxMembers ? { ...change, before: -1, present: [], absent: [] } : change;
}

/**
 * Converts a user of the store to a member. Returns `undefined` if none of the user's connections counts.
 * @param hasEnded true for the holder of a lease that has ended
 */
export function memberOf(
  { user, sinceMs, connections }: PresentUser,
  hasEnded: (holder: string) => boolean,
): RoomMember | undefined {
  const live = connections.filter(({ holder }) => !hasEnded(holder));
  const [first] = live;
  if (first === undefined) return undefined;
  const newest = live.reduce((best, next) => (next.stateMs > best.stateMs ? next : best), first);
  const { id = user, name = '' } = readAbout(newest);
  return {
    user_id: id,
    username: name,
    connections: live.length,
    since: new Date(Math.min(sinceMs, MAX_DATE_MS)).toISOString(),
    state: readJson(newest.state) ?? null,
  };
}

function readAbout({ about }: PresentConnection): { readonly id?: string; readonly name?: string } {
  const value = readJson(about);
  if (typeof value !== 'object' || value === null) return {};
  const { id, name } = value as Readonly<Record<string, unknown>>;
  return {
    ...(typeof id === 'string' ? { id } : {}),
    ...(typeof name === 'string' ? { name } : {}),
  };
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Another program wrote an invalid text. The member is shown without it.
    return undefined;
  }
}
