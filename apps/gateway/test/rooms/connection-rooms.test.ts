// The rooms of one connection, with a real replay behind them: what a client that comes back, or reads too slowly, is sent.
import { eventCatalog, type IndicatedUser, indicatorsOf } from '@millrace/contract';
import type { PreparedCall } from '@millrace/signalr';
import { fakeClock } from '@millrace/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConnectionRooms, type RoomMember } from '../../src/rooms/connection-rooms.js';
import { Laggards } from '../../src/rooms/lagging-connections.js';
import { Losses } from '../../src/rooms/loss-notices.js';
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
  const connection = new AbortController();
  const log: string[] = [];
  const outcomes: string[] = [];
  const laggards = new Laggards();
  const losses = new Losses({ clock: fakeClock(), random: Math.random });
  let typing: readonly IndicatedUser[] = [];
  let flush: (() => void)[] = [];
  const rooms = new ConnectionRooms({
    currentPosition: () => 'now',
    catchUp: (target, after) => world.replay.catchUp(target, after),
    mark: (roomId) => world.replay.mark(roomId),
    followUp: (target, mark) => world.replay.followUp(target, mark),
    indicators: {
      in: () => new Map([['typing', typing]]),
      find: (name) => indicators.get(name),
    },
    laggards,
    losses,
    rounds: {
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
    slowClientEnded: (outcome) => outcomes.push(outcome),
  });
  const receive = (argument: unknown): void => {
    const { content, event_type, payload } = JSON.parse(JSON.stringify(argument)) as Sent;
    log.push(content ?? `${payload?.username} ${event_type}`);
  };
  const member = {
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
    signal: connection.signal,
    flushed: () =>
      new Promise<void>((resolve) => {
        if (connection.signal.aborted) resolve();
        else flush.push(resolve);
      }),
  } as unknown as RoomMember; // What the rooms use of a context, and no more.
  return {
    ...world,
    rooms,
    member,
    groups,
    laggards,
    log,
    outcomes,
    /** Delivers to the room as the gateway does: memory first, then whoever is in the group. */
    deliver(content: string, roomId = 'room'): void {
      world.deliver(content, roomId);
      if (groups.has(roomId)) log.push(content);
    },
    setTyping: (users: readonly IndicatedUser[]) => {
      typing = users;
    },
    /** The client takes what was sent to it. */
    async read(): Promise<void> {
      const waiting = flush;
      flush = [];
      for (const resolve of waiting) resolve();
      // Until the rooms wait for the client again, or have nothing more to do: a turn of the event loop each.
      for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => void setImmediate(resolve));
    },
    /** The connection ends. */
    end(): void {
      connection.abort();
      for (const resolve of flush) resolve();
      rooms.end(member, false);
    },
  };
}

describe('a client that reads too slowly', () => {
  it('is sent nothing more, then what it missed in order, then what is new', async () => {
    const { rooms, member, groups, laggards, log, outcomes, deliver, read } = setUp();
    await rooms.join(member, 'room', undefined);
    deliver('one');
    const verdict = rooms.fallBehind(member);
    expect([...groups]).toEqual([]);
    expect(laggards.has('c1')).toBe(true);
    expect(laggards.countIn('room')).toBe(1);
    deliver('two');
    deliver('elsewhere', 'other');
    deliver('three');
    expect(log).toEqual(['one']);
    await read();
    // It was sent, and the client has not taken it yet: what comes meanwhile waits.
    deliver('four');
    expect(log).toEqual(['one', 'two', 'three']);
    await read();
    await read();
    expect(await verdict).toBe('keep');
    deliver('five');
    expect(log).toEqual(['one', 'two', 'three', 'four', 'five']);
    expect([laggards.has('c1'), laggards.countIn('room')]).toEqual([false, 0]);
    expect(outcomes).toEqual(['caught_up']);
  });

  it('is brought up to date in all of its rooms, also in one that falls behind again meanwhile', async () => {
    const { rooms, member, groups, log, deliver, read } = setUp();
    await rooms.join(member, 'a', undefined);
    await rooms.join(member, 'b', undefined);
    const verdict = rooms.fallBehind(member);
    deliver('b1', 'b');
    await read();
    // Nothing was missed in `a`, so it is there again, while `b` waits for the client.
    expect([...groups]).toEqual(['a']);
    deliver('a1', 'a');
    expect(await rooms.fallBehind(member)).toBe('keep');
    deliver('a2', 'a');
    for (let round = 0; round < 4; round += 1) await read();
    expect(await verdict).toBe('keep');
    expect(log).toEqual(['b1', 'a1', 'a2']);
    expect([...groups].toSorted()).toEqual(['a', 'b']);
  });

  it('is given up when memory has lost what it would be sent next', async () => {
    const { rooms, member, groups, outcomes, deliver, read, replay } = setUp();
    await rooms.join(member, 'room', undefined);
    const verdict = rooms.fallBehind(member);
    deliver('one');
    replay.evict(300_002);
    await read();
    expect(await verdict).toBe('close');
    // Until it is closed it gets nothing that would hide the hole.
    expect([...groups]).toEqual([]);
    expect(outcomes).toEqual(['closed']);
  });

  it('is forgotten when it goes meanwhile', async () => {
    const { rooms, member, groups, laggards, outcomes, deliver, end } = setUp();
    await rooms.join(member, 'room', undefined);
    const verdict = rooms.fallBehind(member);
    deliver('one');
    end();
    expect(await verdict).toBe('keep');
    expect([laggards.has('c1'), laggards.countIn('room'), groups.size]).toEqual([false, 0, 0]);
    expect(outcomes).toEqual([]);
  });

  it('leaves a room for good, and joins it anew, while it is behind', async () => {
    const { rooms, member, groups, log, laggards, deliver, read } = setUp();
    for (const room of ['left', 'rejoined']) await rooms.join(member, room, undefined);
    const verdict = rooms.fallBehind(member);
    deliver('lost', 'left');
    deliver('known', 'rejoined');
    rooms.leave(member, 'left');
    await rooms.join(member, 'rejoined', undefined);
    deliver('new', 'rejoined');
    for (let round = 0; round < 3; round += 1) await read();
    expect(await verdict).toBe('keep');
    expect(log).toEqual(['new']);
    expect([...groups]).toEqual(['rejoined']);
    expect(laggards.has('c1')).toBe(false);
  });

  it('is told what became of those who were typing', async () => {
    const { rooms, member, log, setTyping, read } = setUp();
    setTyping([ana, { ...bob, user_id: me }]);
    await rooms.join(member, 'room', undefined);
    const verdict = rooms.fallBehind(member);
    setTyping([bob]);
    for (let round = 0; round < 3; round += 1) await read();
    expect(await verdict).toBe('keep');
    expect(log).toEqual(['ana typing_stop', 'bob typing_start']);
  });
});

describe('a room that is joined', () => {
  it('answers with what is there now, and is behind while what was missed is sent', async () => {
    const { rooms, member, groups, laggards, log, deliver, setTyping } = setUp();
    deliver('one');
    setTyping([ana]);
    const first = await rooms.join(member, 'room', undefined);
    expect(first).toEqual({ roomId: 'room', position: 'now', recovered: false, replayed: 0, typing: [ana] });
    const again = rooms.join(member, 'room', at('0-0'));
    expect([...groups]).toEqual([]);
    expect(laggards.has('c1')).toBe(true);
    expect(await again).toMatchObject({ recovered: true, replayed: 1 });
    expect(log).toEqual(['one']);
    expect([...groups]).toEqual(['room']);
    expect(laggards.has('c1')).toBe(false);
  });

  it('counts against the bound once, and the personal room does not', async () => {
    const { rooms, member } = setUp(1);
    await rooms.join(member, `user:${me}`, undefined);
    await rooms.join(member, 'a', undefined);
    await rooms.join(member, 'a', undefined);
    await expect(rooms.join(member, 'b', undefined)).rejects.toThrow('at most 1 rooms');
    rooms.leave(member, 'a');
    await rooms.join(member, 'b', undefined);
    expect([rooms.has('a'), rooms.has('b')]).toEqual([false, true]);
  });
});

it('sends every event of a room once and in order, whatever the pace of the client', async () => {
  const step = fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('deliver'), room: fc.constantFrom('a', 'b') }) },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('read') }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('slow') }) },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { rooms, member, log, groups, deliver, read } = setUp();
      for (const room of ['a', 'b']) await rooms.join(member, room, undefined);
      const sent: string[] = [];
      const verdicts: Promise<string>[] = [];
      for (const { kind, ...more } of steps) {
        if (kind === 'read') await read();
        if (kind === 'slow') verdicts.push(rooms.fallBehind(member));
        if (!('room' in more)) continue;
        sent.push(`${more.room}${sent.length}`);
        deliver(sent.at(-1) ?? '', more.room);
      }
      for (let round = 0; round < 100 && groups.size < 2; round += 1) await read();
      expect(new Set(await Promise.all(verdicts))).toEqual(new Set(verdicts.length === 0 ? [] : ['keep']));
      for (const room of ['a', 'b']) {
        const ofRoom = (contents: readonly string[]) =>
          contents.filter((content) => content.startsWith(room));
        expect(ofRoom(log)).toEqual(ofRoom(sent));
      }
    }),
    { numRuns: 150 },
  );
});
