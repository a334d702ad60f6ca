// Tests the rooms of one connection with a real replay. Checks which events are sent to a client that
// reconnects or reads too slowly.
import { eventCatalog, type IndicatedUser, indicatorsOf } from '@millrace/contract';
import type { PreparedCall } from '@millrace/signalr';
import { fakeClock } from '@millrace/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConnectionRooms, type RoomConnection } from '../../src/rooms/connection-rooms.js';
import { LaggingConnections } from '../../src/rooms/lagging-connections.js';
import { LossNotices } from '../../src/rooms/loss-notices.js';
import { at, createReplayWorld } from '../support/replay-world.js';

const indicators = indicatorsOf(eventCatalog.eventTypes);
const me = '3f2504e0-4f89-41d3-9a0c-0305e82c3301';
const ana: IndicatedUser = { user_id: '3f2504e0-4f89-41d3-9a0c-0305e82c3302', username: 'ana' };
const bob: IndicatedUser = { user_id: '3f2504e0-4f89-41d3-9a0c-0305e82c3303', username: 'bob' };

interface Sent {
  readonly content?: string;
  readonly event_type?: string;
  readonly payload?: { readonly username: string };
}

function setUp(maxRoomsPerConnection = 1_000) {
  const world = createReplayWorld();
  const groups = new Set<string>();
  const ending = new AbortController();
  const log: string[] = [];
  const outcomes: string[] = [];
  const laggingConnections = new LaggingConnections();
  const lossNotices = new LossNotices({ clock: fakeClock(), random: Math.random });
  let typing: readonly IndicatedUser[] = [];
  let flush: (() => void)[] = [];
  const rooms = new ConnectionRooms({
    currentPosition: () => 'now',
    catchUp: (target, after) => world.replay.catchUp(target, after),
    deliveryPoint: (roomId) => world.replay.deliveryPoint(roomId),
    catchUpFromMemory: (target, since) => world.replay.catchUpFromMemory(target, since),
    indicators: {
      in: () => new Map([['typing', typing]]),
      find: (name) => indicators.get(name),
    },
    laggingConnections,
    lossNotices,
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
    monotonicMs: () => 0,
    positionOfEveryRoom: () => 'now',
    maxRoomsPerConnection,
    tenantConnections: undefined,
    userRooms: { tryAdd: () => true, remove: () => {} },
    onSlowClientEnded: (outcome) => outcomes.push(outcome),
  });
  const receive = (argument: unknown): void => {
    const { content, event_type, payload } = JSON.parse(JSON.stringify(argument)) as Sent;
    log.push(content ?? `${payload?.username} ${event_type}`);
  };
  const connection = {
    connectionId: 'c1',
    user: { userId: me, name: 'me', rooms: [] },
    groups: {
      add: (name: string) => groups.size < groups.add(name).size,
      remove: (name: string) => groups.delete(name),
      list: () => [...groups],
    },
    clients: {
      caller: {
        send: (_target: string, argument: unknown) => (receive(argument), 1),
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
    log,
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
      // Within three turns of the event loop, the rooms wait for the client again or have finished.
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

describe('a client that reads too slowly', () => {
  it('a slow client first gets no more events, then the missed events in order, and then new events', async () => {
    const { rooms, connection, groups, laggingConnections, log, outcomes, deliver, read } = setUp();
    await rooms.join(connection, 'room', undefined);
    deliver('one');
    const action = rooms.fallBehind(connection);
    expect([...groups]).toEqual([]);
    expect(laggingConnections.has('c1')).toBe(true);
    expect(laggingConnections.countIn('room')).toBe(1);
    deliver('two');
    deliver('elsewhere', 'other');
    deliver('three');
    expect(log).toEqual(['one']);
    await read();
    // The missed events were sent, but the client has not read them yet. Therefore new events wait.
    deliver('four');
    expect(log).toEqual(['one', 'two', 'three']);
    await read();
    await read();
    expect(await action).toBe('keep');
    deliver('five');
    expect(log).toEqual(['one', 'two', 'three', 'four', 'five']);
    expect([laggingConnections.has('c1'), laggingConnections.countIn('room')]).toEqual([false, 0]);
    expect(outcomes).toEqual(['caught_up']);
  });

  it('a slow client catches up in all of its rooms, even in a room in which it lags again', async () => {
    const { rooms, connection, groups, log, deliver, read } = setUp();
    await rooms.join(connection, 'a', undefined);
    await rooms.join(connection, 'b', undefined);
    const action = rooms.fallBehind(connection);
    deliver('b1', 'b');
    await read();
    // In room `a` nothing was missed, so the connection is in the group of `a` again. Room `b` still waits for the client.
    expect([...groups]).toEqual(['a']);
    deliver('a1', 'a');
    expect(await rooms.fallBehind(connection)).toBe('keep');
    deliver('a2', 'a');
    for (let round = 0; round < 4; round += 1) await read();
    expect(await action).toBe('keep');
    expect(log).toEqual(['b1', 'a1', 'a2']);
    expect([...groups].toSorted()).toEqual(['a', 'b']);
  });

  it('a slow client is disconnected when the next events that it must get are no longer in memory', async () => {
    const { rooms, connection, groups, outcomes, deliver, read, replay } = setUp();
    await rooms.join(connection, 'room', undefined);
    const action = rooms.fallBehind(connection);
    deliver('one');
    replay.evict(300_002);
    await read();
    expect(await action).toBe('close');
    // Until its disconnection, the client gets no event that would hide the gap.
    expect([...groups]).toEqual([]);
    expect(outcomes).toEqual(['closed']);
  });

  it('the gateway forgets a slow client whose connection ends while it lags', async () => {
    const { rooms, connection, groups, laggingConnections, outcomes, deliver, end } = setUp();
    await rooms.join(connection, 'room', undefined);
    const action = rooms.fallBehind(connection);
    deliver('one');
    end();
    expect(await action).toBe('keep');
    expect([laggingConnections.has('c1'), laggingConnections.countIn('room'), groups.size]).toEqual([
      false,
      0,
      0,
    ]);
    expect(outcomes).toEqual([]);
  });

  it('a slow client can leave a room, or join a room again, while it lags', async () => {
    const { rooms, connection, groups, log, laggingConnections, deliver, read } = setUp();
    for (const room of ['left', 'rejoined']) await rooms.join(connection, room, undefined);
    const action = rooms.fallBehind(connection);
    deliver('lost', 'left');
    deliver('known', 'rejoined');
    rooms.leave(connection, 'left');
    await rooms.join(connection, 'rejoined', undefined);
    deliver('new', 'rejoined');
    for (let round = 0; round < 3; round += 1) await read();
    expect(await action).toBe('keep');
    expect(log).toEqual(['new']);
    expect([...groups]).toEqual(['rejoined']);
    expect(laggingConnections.has('c1')).toBe(false);
  });

  it('a slow client is sent the typing changes that it missed', async () => {
    const { rooms, connection, log, setTyping, read } = setUp();
    setTyping([ana, { ...bob, user_id: me }]);
    await rooms.join(connection, 'room', undefined);
    const action = rooms.fallBehind(connection);
    setTyping([bob]);
    for (let round = 0; round < 3; round += 1) await read();
    expect(await action).toBe('keep');
    expect(log).toEqual(['ana typing_stop', 'bob typing_start']);
  });
});

describe('a room that is joined', () => {
  it('a join answers with the room’s current state, and the connection lags during its replay', async () => {
    const { rooms, connection, groups, laggingConnections, log, deliver, setTyping } = setUp();
    deliver('one');
    setTyping([ana]);
    const first = await rooms.join(connection, 'room', undefined);
    expect(first).toEqual({ roomId: 'room', position: 'now', recovered: false, replayed: 0, typing: [ana] });
    const again = rooms.join(connection, 'room', at('0-0'));
    expect([...groups]).toEqual([]);
    expect(laggingConnections.has('c1')).toBe(true);
    expect(await again).toMatchObject({ recovered: true, replayed: 1 });
    expect(log).toEqual(['one']);
    expect([...groups]).toEqual(['room']);
    expect(laggingConnections.has('c1')).toBe(false);
  });

  it('a room counts once toward the maximum number of rooms, and the personal room does not count', async () => {
    const { rooms, connection } = setUp(1);
    await rooms.join(connection, `user:${me}`, undefined);
    await rooms.join(connection, 'a', undefined);
    await rooms.join(connection, 'a', undefined);
    await expect(rooms.join(connection, 'b', undefined)).rejects.toThrow('at most 1 rooms');
    rooms.leave(connection, 'a');
    await rooms.join(connection, 'b', undefined);
    expect([rooms.has('a'), rooms.has('b')]).toEqual([false, true]);
  });
});

it('every event of a room is sent once and in order, however slowly the client reads', async () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('deliver'), room: fc.constantFrom('a', 'b') }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('read') }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('slow') }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { rooms, connection, log, groups, deliver, read } = setUp();
      for (const room of ['a', 'b']) await rooms.join(connection, room, undefined);
      const sent: string[] = [];
      const actions: Promise<string>[] = [];
      for (const { kind, ...more } of steps) {
        if (kind === 'read') await read();
        if (kind === 'slow') actions.push(rooms.fallBehind(connection));
        if (!('room' in more)) continue;
        sent.push(`${more.room}${sent.length}`);
        deliver(sent.at(-1) ?? '', more.room);
      }
      for (let round = 0; round < 100 && groups.size < 2; round += 1) await read();
      expect(new Set(await Promise.all(actions))).toEqual(new Set(actions.length === 0 ? [] : ['keep']));
      for (const room of ['a', 'b']) {
        const ofRoom = (contents: readonly string[]) =>
          contents.filter((content) => content.startsWith(room));
        expect(ofRoom(log)).toEqual(ofRoom(sent));
      }
    }),
    { numRuns: 150 },
  );
});
