// The rooms of one connection with a real replay and real revocations. Events are in the chat stream of the replay's world.
import { eventCatalog } from '@millrace/contract';
import type { PreparedCall } from '@millrace/signalr';
import { fakeClock } from '@millrace/testkit';
import { MemberConnections } from '../../src/membership/member-connections.js';
import { Revocations } from '../../src/membership/revocations.js';
import { NO_PRESENCE } from '../../src/presence/connection-presence.js';
import { ConnectionRooms } from '../../src/rooms/connection-rooms.js';
import { LaggingConnections } from '../../src/rooms/lagging-connections.js';
import { LossNotices } from '../../src/rooms/loss-notices.js';
import type { ConnectionRoomsDependencies, RoomConnection } from '../../src/rooms/room-connection.js';
import { StandingRooms } from '../../src/rooms/standing-rooms.js';
import { createReplayWorld } from './replay-world.js';
import type { UnguardedRooms } from './unguarded.js';

const me = 'me-or-somebody';
const streams = eventCatalog.streams.map(({ name }) => name);
const CHAT = 'events:chat';

type World = ReturnType<typeof createReplayWorld>;

function roomsDependencies(
  { replay }: World,
  revocations: Revocations,
  memberConnections: MemberConnections,
  laggingConnections: LaggingConnections,
  left: string[],
): ConnectionRoomsDependencies {
  return {
    presence: { ...NO_PRESENCE, left: (_, roomId) => left.push(roomId) },
    currentPosition: () => 'now',
    catchUp: (target, after) => replay.catchUp(target, after),
    deliveryPoint: (roomId) => replay.deliveryPoint(roomId),
    catchUpFromMemory: (lagging, connection) => replay.catchUpFromMemory(lagging, connection),
    indicators: { in: () => new Map(), find: () => undefined },
    standing: new StandingRooms(undefined),
    laggingConnections,
    lossNotices: new LossNotices({ clock: fakeClock(), random: Math.random }),
    replayAttempts: {
      begin: async (userId, roomId, firstEventId) => ({
        userId,
        roomId,
        firstEventId,
        startedMs: 0,
        lastMs: 0,
      }),
      end: () => {},
    },
    revocations,
    memberConnections,
    monotonicMs: () => 0,
    positionOfEveryRoom: () => 'now',
    maxRoomsPerConnection: 1_000,
    tenantConnections: undefined,
    userRooms: { tryAdd: () => true, remove: () => {} },
    onSlowClientEnded: () => {},
  };
}

/** Describes a message to the client: the content of an event, or the removal. */
function lineOf(target: string, argument: unknown): string {
  const { content, room_id, reason } = argument as Readonly<Record<string, string>>;
  return target === 'removed' ? `removed from ${room_id}: ${reason}` : (content ?? target);
}

/** Creates the world. `log` has what the client was sent. */
export function openMemberWorld() {
  const world = createReplayWorld();
  const groups = new Set<string>();
  const log: string[] = [];
  const left: string[] = [];
  const laggingConnections = new LaggingConnections();
  const memberConnections = new MemberConnections();
  const ending = new AbortController();
  const revocations = new Revocations({
    streamsOf: () => streams,
    brokerTimeMs: () => 1_000,
    onRemoved: (roomId, userId) => memberConnections.expel(roomId, userId),
    onSignedOut: (userId) => memberConnections.signOut(userId),
  });
  const rooms: UnguardedRooms = new ConnectionRooms(
    roomsDependencies(world, revocations, memberConnections, laggingConnections, left),
  );
  let flush: (() => void)[] = [];
  let issuedAtMs: number | undefined;
  const connection = {
    connectionId: 'c1',
    protocol: 'json',
    get user() {
      return { userId: me, name: 'me', rooms: [], ...(issuedAtMs === undefined ? {} : { issuedAtMs }) };
    },
    groups: {
      add: (name: string) => groups.size < groups.add(name).size,
      remove: (name: string) => groups.delete(name),
      list: () => [...groups],
    },
    clients: {
      caller: {
        send: (target: string, argument: unknown) => log.push(lineOf(target, argument)),
        relay: ({ target, text }: PreparedCall) => log.push(lineOf(target, JSON.parse(text))),
      },
    },
    signal: ending.signal,
    abort: () => ending.abort(),
    flushed: () => new Promise<void>((resolve) => flush.push(resolve)),
  } as unknown as RoomConnection; // The parts of a context that the rooms use.
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
    isAborted: () => ending.signal.aborted,
    setIssuedAtMs: (ms: number) => {
      issuedAtMs = ms;
    },
    /** Makes the client read all messages that were sent to it. */
    async read(): Promise<void> {
      const waiting = flush;
      flush = [];
      for (const resolve of waiting) resolve();
      // Within three turns of the event loop, the rooms wait for the client again or have finished.
      for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => void setImmediate(resolve));
    },
  };
}
