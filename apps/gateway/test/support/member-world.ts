// The rooms of one connection with a real replay and real revocations. Events are in the chat stream of the replay's world.
import { eventCatalog } from '@millrace/contract';
import { MemberConnections } from '../../src/membership/member-connections.js';
import { Revocations } from '../../src/membership/revocations.js';
import { NO_PRESENCE } from '../../src/presence/connection-presence.js';
import { ConnectionRooms } from '../../src/rooms/connection-rooms.js';
import { LaggingConnections } from '../../src/rooms/lagging-connections.js';
import { createReplayWorld } from './replay-world.js';
import { openConnection, roomsDependencies } from './room-connection.js';
import type { UnguardedRooms } from './unguarded.js';

const me = 'me-or-somebody';
const streams = eventCatalog.streams.map(({ name }) => name);
const CHAT = 'events:chat';

/** Describes a message to the client: the content of an event, or the removal. */
function lineOf(target: string, argument: unknown): string {
  const { content, room_id, reason } = argument as Readonly<Record<string, string>>;
  return target === 'removed' ? `removed from ${room_id}: ${reason}` : (content ?? target);
}

/** Creates the world. `log` has what the client was sent. */
export function openMemberWorld() {
  const world = createReplayWorld();
  const log: string[] = [];
  const left: string[] = [];
  const laggingConnections = new LaggingConnections();
  const memberConnections = new MemberConnections();
  const revocations = new Revocations({
    streamsOf: () => streams,
    brokerTimeMs: () => 1_000,
    onRemoved: (roomId, userId) => memberConnections.expel(roomId, userId),
    onSignedOut: (userId) => memberConnections.signOut(userId),
  });
  const rooms: UnguardedRooms = new ConnectionRooms(
    roomsDependencies(world, {
      presence: { ...NO_PRESENCE, left: (_, roomId) => left.push(roomId) },
      currentPosition: () => 'now',
      positionOfEveryRoom: () => 'now',
      laggingConnections,
      revocations,
      memberConnections,
    }),
  );
  const { connection, groups, read, isAborted } = openConnection({ userId: me }, (target, argument) =>
    log.push(lineOf(target, argument)),
  );
  rooms.begin(connection);
  const change = (state: 'revoked' | 'restored', roomId: string | undefined, userId: string): void => {
    // The control entry takes a place in the chat stream. No event is ever in the other streams.
    world.deliver('control', 'nowhere');
    for (const { cursor, stream } of world
      .position()
      .map((part, index) => ({ ...part, stream: streams[index] ?? CHAT })))
      revocations.apply({ userId, roomId }, stream, {
        state,
        id: cursor,
        changedMs: 50_000,
        endsMs: 1_000_000,
      });
  };
  return {
    ...world,
    rooms,
    connection,
    groups,
    laggingConnections,
    revocations,
    log,
    /** The rooms in which presence was told that the user is gone. */
    left,
    /** Delivers an event as the gateway does: first to memory, then to the connection if it is in the room's group. */
    deliver(content: string, roomId = 'room'): void {
      world.deliver(content, roomId);
      if (groups.has(roomId)) log.push(content);
    },
    remove: (roomId: string, userId = me) => change('revoked', roomId, userId),
    add: (roomId: string, userId = me) => change('restored', roomId, userId),
    signOut: () => change('revoked', undefined, me),
    isAborted,
    setIssuedAtMs: (issuedAtMs: number) => {
      Object.assign(connection.user, { issuedAtMs });
    },
    read,
  };
}
