// The rooms of one connection with a real replay. A test decides when the client reads.
import { eventCatalog, type IndicatedUser, indicatorsOf } from '@millrace/contract';
import type { PreparedCall } from '@millrace/signalr';
import { fakeClock } from '@millrace/testkit';
import { NO_PRESENCE } from '../../src/presence/connection-presence.js';
import { ConnectionRooms } from '../../src/rooms/connection-rooms.js';
import { LaggingConnections } from '../../src/rooms/lagging-connections.js';
import { LossNotices } from '../../src/rooms/loss-notices.js';
import type { RoomConnection } from '../../src/rooms/room-connection.js';
import { StandingRooms } from '../../src/rooms/standing-rooms.js';
import { createReplayWorld, noRevocations } from './replay-world.js';
import type { UnguardedRooms } from './unguarded.js';

const indicators = indicatorsOf(eventCatalog.eventTypes);
export const me = '3f2504e0-4f89-41d3-9a0c-0305e82c3301';
export const ana: IndicatedUser = { user_id: '3f2504e0-4f89-41d3-9a0c-0305e82c3302', username: 'ana' };
export const bob: IndicatedUser = { user_id: '3f2504e0-4f89-41d3-9a0c-0305e82c3303', username: 'bob' };

interface Sent {
  readonly content?: string;
  readonly event_type?: string;
  readonly payload?: { readonly username: string };
  readonly room_id?: string;
  readonly reason?: string;
}

/** Opens a connection of the user {@link me}. */
export function openSlowClient(maxRoomsPerConnection = 1_000, standing = new StandingRooms(undefined)) {
  const world = createReplayWorld();
  const groups = new Set<string>();
  const ending = new AbortController();
  const log: string[] = [];
  const hooks: { onSend?: (() => void) | undefined } = {};
  const outcomes: string[] = [];
  const laggingConnections = new LaggingConnections();
  const lossNotices = new LossNotices({ clock: fakeClock(), random: Math.random });
  let typing: readonly IndicatedUser[] = [];
  let flush: (() => void)[] = [];
  const rooms: UnguardedRooms = new ConnectionRooms({
    currentPosition: () => 'now',
    catchUp: (target, after) => world.replay.catchUp(target, after),
    deliveryPoint: (roomId) => world.replay.deliveryPoint(roomId),
    catchUpFromMemory: (lagging, connection) => world.replay.catchUpFromMemory(lagging, connection),
    indicators: {
      in: () => new Map([['typing', typing]]),
      find: (name) => indicators.get(name),
    },
    standing,
    laggingConnections,
    lossNotices,
    presence: NO_PRESENCE,
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
    revocations: noRevocations,
    memberConnections: { add: () => {}, remove: () => {} },
    monotonicMs: () => 0,
    positionOfEveryRoom: () => 'now',
    maxRoomsPerConnection,
    tenantConnections: undefined,
    userRooms: { tryAdd: () => true, remove: () => {} },
    onSlowClientEnded: (outcome) => outcomes.push(outcome),
  });
  const receive = (argument: unknown): void => {
    const { content, event_type, payload, room_id, reason } = JSON.parse(JSON.stringify(argument)) as Sent;
    if (reason !== undefined) log.push(`${reason} ${room_id}`);
    else log.push(content ?? `${payload?.username} ${event_type}`);
  };
  const connection = {
    connectionId: 'c1',
    protocol: 'json',
    user: { userId: me, name: 'me', rooms: [] },
    groups: {
      add: (name: string) => groups.size < groups.add(name).size,
      remove: (name: string) => groups.delete(name),
      list: () => [...groups],
    },
    clients: {
      caller: {
        send: (_target: string, argument: unknown) => (receive(argument), hooks.onSend?.(), 1),
        relay: ({ text }: PreparedCall) => (receive(JSON.parse(text)), 1),
      },
    },
    signal: ending.signal,
    flushed: () =>
      new Promise<void>((resolve) => {
        if (ending.signal.aborted) resolve();
        else flush.push(resolve);
      }),
  } as unknown as RoomConnection; // The parts of a context that the rooms use.
  return {
    ...world,
    rooms,
    connection,
    groups,
    laggingConnections,
    lossNotices,
    log,
    hooks,
    outcomes,
    /** Delivers an event as the gateway does: first to memory, then to the connection if it is in the room's group. */
    deliver(content: string, roomId = 'room'): void {
      world.deliver(content, roomId);
      if (groups.has(roomId)) log.push(content);
    },
    setTyping: (users: readonly IndicatedUser[]) => {
      typing = users;
    },
    /** Makes the client read all messages that were sent to it. */
    async read(): Promise<void> {
      const waiting = flush;
      flush = [];
      for (const resolve of waiting) resolve();
      // The rooms need at most three turns of the event loop until they wait for the client again or have finished.
      for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => void setImmediate(resolve));
    },
    /** Ends the connection. */
    end(): void {
      ending.abort();
      for (const resolve of flush) resolve();
      rooms.end(connection, false);
    },
  };
}
