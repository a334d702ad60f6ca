// Finds the connections that receive an event, and those that must not.
import type { EntryId } from '@millrace/broker';
import type { ReceivedEvent } from '@millrace/contract';
import { userKey } from '@millrace/internal';
import type { ConnectionSummary, Hub } from '@millrace/signalr';
import type { EventsClient } from '../hub/events-client.js';
import type { Revocations } from '../membership/revocations.js';

/** The entry of an event that is sent. */
export interface SentEntry {
  readonly stream: string;
  readonly id: EntryId;
  /** A user whose connections do not receive the event. */
  readonly exceptUser: string | undefined;
}

/** Connections that a call is sent to. */
export type Receivers = ReturnType<Hub<EventsClient>['clients']['group']>;

/** Returns the users who must not be sent the event: its own, and those who were removed from the room in this stream. */
export function exceptUsersOf(
  revocations: Pick<Revocations, 'forbiddenIn'>,
  roomId: string,
  { stream, id, exceptUser }: SentEntry,
): readonly string[] {
  const removed = revocations.forbiddenIn(roomId, stream, id);
  return exceptUser === undefined ? removed : [...removed, exceptUser];
}

/** Returns the members of a group, except the connections of some users. The hub identifies a user by `userKey`, see `authenticateByToken`. */
export function receiversIn(
  { clients, groups }: Pick<Hub<EventsClient>, 'clients' | 'groups'>,
  group: string,
  exceptUsers: readonly string[],
): Receivers {
  const [first, ...others] = exceptUsers;
  if (first === undefined) return clients.group(group);
  if (others.length === 0) return clients.groupExceptUser(group, userKey(first));
  return clients.clients(membersExcept(groups.members(group), exceptUsers));
}

/** Returns the IDs of these connections, without the connections of some users. */
export function membersExcept(
  members: readonly ConnectionSummary[],
  exceptUsers: readonly string[],
): readonly string[] {
  const except = new Set(exceptUsers.map(userKey));
  return members
    .filter(({ userId }) => userId === null || !except.has(userId))
    .map(({ connectionId }) => connectionId);
}

/**
 * Returns the key of a coalesced event, or `undefined` for any other event. Of several waiting events with one key, a slow
 * client is sent only the newest. A room ID contains no line break, so keys of different rooms differ.
 */
export function coalescingKeyOf({ event, declaration }: ReceivedEvent): string | undefined {
  const { coalescing } = declaration;
  if (coalescing === undefined) return undefined;
  const key = coalescing.key(event.payload);
  if (key === undefined) return undefined;
  return `${event.room_id}\n${coalescing.slot}\n${key}`;
}
