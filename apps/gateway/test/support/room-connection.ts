// A connection and the dependencies of its rooms, with the real replay of a world. A test replaces the parts that it looks at.
import type { PreparedCall, SharedCall } from '@millrace/signalr';
import { fakeClock } from '@millrace/testkit';
import { NO_PRESENCE } from '../../src/presence/connection-presence.js';
import { LaggingConnections } from '../../src/rooms/lagging-connections.js';
import { LossNotices } from '../../src/rooms/loss-notices.js';
import type { ConnectionRoomsDependencies, RoomConnection } from '../../src/rooms/room-connection.js';
import { StandingRooms } from '../../src/rooms/standing-rooms.js';
import { StreamLosses, type StreamLossesDependencies } from '../../src/rooms/stream-losses.js';
import { type createReplayWorld, noRevocations } from './replay-world.js';

/** Returns dependencies of `ConnectionRooms`: nobody has presence, indicators or revocations, and there are no limits. */
export function roomsDependencies(
  { replay, positions }: Pick<ReturnType<typeof createReplayWorld>, 'replay' | 'positions'>,
  replaced: Partial<ConnectionRoomsDependencies> = {},
): ConnectionRoomsDependencies {
  return {
    currentPosition: (roomId) => positions.ofRoom(roomId),
    positionOfEveryRoom: () => positions.ofEveryRoom(),
    catchUp: (target, after) => replay.catchUp(target, after),
    deliveryPoint: (roomId) => replay.deliveryPoint(roomId),
    catchUpFromMemory: (lagging, connection) => replay.catchUpFromMemory(lagging, connection),
    indicators: { in: () => new Map(), find: () => undefined },
    standing: new StandingRooms(undefined),
    laggingConnections: new LaggingConnections(),
    lossNotices: new LossNotices({ clock: fakeClock(), random: Math.random }),
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
    maxRoomsPerConnection: 1_000,
    tenantConnections: undefined,
    userRooms: { tryAdd: () => true, remove: () => {} },
    onSlowClientEnded: () => {},
    ...replaced,
  };
}

/** Returns the handler of losses in the streams of a world. */
export function streamLosses(
  { replay, positions }: Pick<ReturnType<typeof createReplayWorld>, 'replay' | 'positions'>,
  lossNotices: LossNotices,
): StreamLosses {
  const ignored = { inc: () => {} };
  return new StreamLosses({
    rooms: { positions, replay, lossNotices },
    metrics: { gaps: ignored, dropped: ignored },
    logger: { error: () => {}, warn: () => {} },
  } as unknown as StreamLossesDependencies); // The parts that losses use.
}

/** A simulated connection. */
export interface TestConnection {
  readonly connection: RoomConnection;
  /** The groups in which the connection is. */
  readonly groups: Set<string>;
  /** Makes the client read all messages that were sent to it. */
  read(): Promise<void>;
  /** Ends the connection. */
  abort(): void;
  isAborted(): boolean;
}

/**
 * Opens a connection whose client reads only when the test says so, or as soon as `isReading` returns true.
 *
 * @param receive called with each message at the time at which it is sent
 */
export function openConnection(
  {
    connectionId = 'c1',
    userId,
    isReading = () => false,
  }: { readonly connectionId?: string; readonly userId: string; readonly isReading?: () => boolean },
  receive: (target: string, argument: unknown) => void,
): TestConnection {
  const groups = new Set<string>();
  const ending = new AbortController();
  let flush: (() => void)[] = [];
  const readAll = (): void => {
    const waiting = flush;
    flush = [];
    for (const resolve of waiting) resolve();
  };
  const abort = (): void => {
    ending.abort();
    readAll();
  };
  const connection = {
    connectionId,
    protocol: 'json',
    user: { userId, name: userId, rooms: [] },
    groups: {
      add: (name: string) => groups.size < groups.add(name).size,
      remove: (name: string) => groups.delete(name),
      list: () => [...groups],
    },
    clients: {
      caller: {
        send: (target: string, argument: unknown) => (
          receive(target, JSON.parse(JSON.stringify(argument))), 1
        ),
        relay: (call: PreparedCall | SharedCall) => (receive(call.target, argumentOf(call)), 1),
      },
    },
    signal: ending.signal,
    abort,
    flushed: () =>
      new Promise<void>((resolve) => {
        if (ending.signal.aborted || isReading()) resolve();
        else flush.push(resolve);
      }),
  } as unknown as RoomConnection; // The parts of a context that the rooms use.
  return {
    connection,
    groups,
    abort,
    isAborted: () => ending.signal.aborted,
    async read(): Promise<void> {
      readAll();
      // The rooms need at most three turns of the event loop until they wait for the client again or have finished.
      for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => void setImmediate(resolve));
    },
  };
}

function argumentOf(call: PreparedCall | SharedCall): unknown {
  if ('text' in call) return JSON.parse(call.text);
  const message = call.encode().toString().slice(0, -1);
  return (JSON.parse(message) as { readonly arguments: readonly unknown[] }).arguments[0];
}
