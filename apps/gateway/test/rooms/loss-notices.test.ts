// Every client is notified of a loss once, at a random moment. No position hides the loss before this notice.
import { type Position, parsePosition } from '@millrace/broker';
import { fakeClock } from '@millrace/testkit';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { NO_PRESENCE } from '../../src/presence/connection-presence.js';
import { ConnectionRooms } from '../../src/rooms/connection-rooms.js';
import { LaggingConnections } from '../../src/rooms/lagging-connections.js';
import { LossNotices, pendingNoticeGroup, UNRECOVERABLE_POSITION } from '../../src/rooms/loss-notices.js';
import type { RoomConnection } from '../../src/rooms/room-connection.js';
import { StandingRooms } from '../../src/rooms/standing-rooms.js';
import { createReplayWorld, noRevocations } from '../support/replay-world.js';
import { unguarded } from '../support/unguarded.js';

const before = { epoch: 'a', cursor: '1-0' };

describe('LossNotices', () => {
  function setUp() {
    const clock = fakeClock();
    const lossNotices = new LossNotices({ clock, random: Math.random });
    const toldAtMs = new Map<string, number[]>();
    const connect = (count: number): void => {
      for (let n = 0; n < count; n += 1) {
        const told: number[] = [];
        toldAtMs.set(`c${n}`, told);
        lossNotices.add(`c${n}`, {
          noteLoss: () => true,
          notify: () => void told.push(clock.monotonicMs()),
          tellPosition: () => {},
        });
      }
    };
    return { clock, lossNotices, toldAtMs, connect };
  }

  it('each of ten thousand clients is notified once of several losses, spread over many seconds', async () => {
    const { clock, lossNotices, toldAtMs, connect } = setUp();
    connect(10_000);
    for (const stream of ['chat', 'ticket', 'notification', 'remote']) {
      lossNotices.recordLoss(stream, before, 'reset', () => true);
      await clock.advance(200);
    }
    expect(lossNotices.isEmpty).toBe(false);
    await clock.advance(40_000);
    const times = [...toldAtMs.values()].map((told) => (expect(told).toHaveLength(1), told[0] ?? 0));
    const perSecond = new Map<number, number>();
    for (const ms of times) {
      const second = Math.floor(ms / 1_000);
      perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
    }
    expect(Math.max(...perSecond.values())).toBeLessThan(1_000);
    expect(Math.max(...times)).toBeLessThanOrEqual(31_000);
    expect(lossNotices.isEmpty).toBe(true);
    expect(clock.timerCount).toBe(0);
  });

  it('a few clients are notified within a few seconds, but not all at the same moment', async () => {
    const { clock, lossNotices, toldAtMs, connect } = setUp();
    connect(30);
    lossNotices.recordLoss('chat', before, 'gap', () => true);
    await clock.advance(4_050);
    const times = [...toldAtMs.values()].flat();
    expect(times).toHaveLength(30);
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(1_000);
  });

  it('the position before the first loss is kept until every client is notified', async () => {
    const { clock, lossNotices, toldAtMs, connect } = setUp();
    connect(1);
    lossNotices.recordLoss('chat', before, 'gap', () => true);
    lossNotices.recordLoss('chat', UNRECOVERABLE_POSITION, 'gap', () => true);
    expect(lossNotices.positionBefore('chat')).toEqual(before);
    await clock.advance(5_000);
    expect(lossNotices.positionBefore('chat')).toBeUndefined();
    lossNotices.recordLoss('chat', UNRECOVERABLE_POSITION, 'reset', () => true);
    await clock.advance(5_000);
    expect(toldAtMs.get('c0')).toHaveLength(2);
  });

  it('no notice and no timer are left for a connection that has ended', () => {
    const { clock, lossNotices, connect } = setUp();
    connect(2);
    lossNotices.recordLoss('chat', before, 'gap', () => true);
    lossNotices.remove('c0');
    lossNotices.remove('c1');
    expect(lossNotices.isEmpty).toBe(true);
    expect(clock.timerCount).toBe(0);
  });
});

/** Creates a simulated gateway with real rooms. Tests open connections to it, and make its chat stream lose entries. */
function createLossyWorld() {
  const { replay, deliver, positions, broker, lose } = createReplayWorld();
  // The broker has no entries, so every entry that is not in the ring is lost.
  vi.spyOn(broker, 'readRange').mockResolvedValue([]);
  vi.spyOn(broker, 'inspect').mockImplementation(async (stream) => ({
    stream,
    length: 0,
    entriesAdded: 1_000,
    firstId: undefined,
    lastId: '1000-0',
    unconsumed: 0,
    pending: 0,
    oldestPendingId: undefined,
    expired: 0,
    deadLetters: 0,
    completeAfter: '1000-0',
    timeMs: 0,
  }));
  const clock = fakeClock();
  const lossNotices = new LossNotices({ clock, random: Math.random });
  const groups = new Map<string, Set<Connection>>();
  const groupOf = (name: string): Set<Connection> => {
    const group = groups.get(name) ?? new Set<Connection>();
    groups.set(name, group);
    return group;
  };
  let connections = 0;

  class Connection {
    readonly #rooms: ConnectionRooms;
    readonly #member: RoomConnection;
    readonly #names = new Set<string>();

    constructor(receive: (target: string, argument: unknown) => void) {
      connections += 1;
      this.receive = receive;
      this.#rooms = new ConnectionRooms({
        currentPosition: (roomId) => positions.ofRoom(roomId),
        positionOfEveryRoom: () => positions.ofEveryRoom(),
        catchUp: (target, after) => replay.catchUp(target, after),
        deliveryPoint: (roomId) => replay.deliveryPoint(roomId),
        catchUpFromMemory: (lagging, connection) => replay.catchUpFromMemory(lagging, connection),
        indicators: { in: () => new Map(), find: () => undefined },
        standing: new StandingRooms(undefined),
        laggingConnections: new LaggingConnections(),
        lossNotices,
        presence: NO_PRESENCE,
        replayAttempts: {
          begin: async (userId, room, firstEventId) => ({
            userId,
            roomId: room,
            firstEventId,
            startedMs: 0,
            lastMs: 0,
          }),
          end: () => {},
        },
        revocations: noRevocations,
        memberConnections: { add: () => {}, remove: () => {} },
        monotonicMs: () => 0,
        maxRoomsPerConnection: 100,
        tenantConnections: undefined,
        userRooms: { tryAdd: () => true, remove: () => {} },
        onSlowClientEnded: () => {},
      });
      this.#member = {
        connectionId: `connection ${connections}`,
        protocol: 'json',
        user: { userId: 'u', name: 'u', rooms: [] },
        groups: {
          add: (name: string) => (groupOf(name).add(this), this.#names.add(name), true),
          remove: (name: string) => (groupOf(name).delete(this), this.#names.delete(name)),
          list: () => [...this.#names],
        },
        clients: {
          caller: {
            send: (target: string, argument: unknown) => (
              receive(target, JSON.parse(JSON.stringify(argument))), 1
            ),
          },
        },
        signal: new AbortController().signal,
        flushed: async () => {},
      } as unknown as RoomConnection; // The parts of a context that the rooms use.
      this.#rooms.begin(this.#member);
    }

    readonly receive: (target: string, argument: unknown) => void;

    join(roomId: string, after: Position | undefined) {
      return this.#rooms.join(this.#member, unguarded(roomId), after);
    }

    end(): void {
      for (const name of this.#names) groupOf(name).delete(this);
      this.#rooms.end(this.#member, false);
    }
  }

  return {
    clock,
    Connection,
    /**
     * Publishes an event in the gateway's order: to memory, then to connections without a pending notice, then to those with
     * one.
     */
    publish(content: string, roomId: string): void {
      deliver(content, roomId);
      const send = (group: string, position: string): void => {
        for (const member of groupOf(group)) member.receive('chat_message', { content, position });
      };
      send(roomId, positions.ofRoom(roomId));
      const earlierPositionOf = (stream: string) => lossNotices.positionBefore(stream);
      send(pendingNoticeGroup(roomId), positions.ofRoomAt(roomId, earlierPositionOf));
    },
    loseEntries(): void {
      const place = positions.currentOf('events:chat') ?? UNRECOVERABLE_POSITION;
      lose(() => lossNotices.recordLoss('events:chat', place, 'gap', () => true));
    },
  };
}

/** A client that handles positions and losses as docs/protocol.md describes. */
class Client {
  readonly #world: ReturnType<typeof createLossyWorld>;
  #connection: InstanceType<ReturnType<typeof createLossyWorld>['Connection']> | undefined;
  readonly #positions = new Map<string, string | undefined>();
  readonly handled = new Set<string>();
  /** Rooms that the client was told to reload, in order. */
  readonly reloads: string[] = [];

  constructor(world: ReturnType<typeof createLossyWorld>, roomIds: readonly string[]) {
    this.#world = world;
    for (const roomId of roomIds) this.#positions.set(roomId, undefined);
  }

  async connect(): Promise<void> {
    this.#connection?.end();
    this.#connection = new this.#world.Connection((target, argument) =>
      this.#receive(target, argument as never),
    );
    for (const roomId of this.#positions.keys()) await this.join(roomId);
  }

  async join(roomId: string): Promise<void> {
    const after = this.#positions.get(roomId);
    const answer = await this.#connection?.join(
      roomId,
      after === undefined ? undefined : parsePosition(after),
    );
    this.#positions.set(roomId, answer?.position);
    if (after !== undefined && answer?.recovered === false) this.reloads.push(roomId);
  }

  #receive(
    target: string,
    argument: { readonly content: string; readonly position: string; readonly room_id: string },
  ): void {
    if (target === 'resync') this.reloads.push(argument.room_id);
    else if (target === 'position')
      for (const roomId of this.#positions.keys()) this.#positions.set(roomId, argument.position);
    else {
      // The content has the form `<room>:<number>`, for example `lobby:3`.
      const [roomId = ''] = argument.content.split(':');
      this.handled.add(argument.content);
      this.#positions.set(roomId, argument.position);
    }
  }
}

it('a client is told of a loss during a join before it enters the room, whose events have positions that hide the loss', async () => {
  const world = createLossyWorld();
  const received: string[] = [];
  const connection = new world.Connection((target, argument) => {
    received.push(`${target} ${(argument as { readonly room_id?: string }).room_id ?? ''}`);
  });
  await connection.join('a', undefined);
  const { position } = await connection.join('b', undefined);
  const joining = connection.join('b', parsePosition(position));
  world.loseEntries();
  expect(await joining).toMatchObject({ recovered: false });
  world.publish('b:1', 'b');
  expect(received).toEqual(['resync a', 'chat_message ']);
});

it('every client learns of every loss exactly once, in any order of reconnects, joins and notices', async () => {
  const roomIds = ['a', 'b'];
  const action = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('publish a', 'publish b') },
    { weight: 1, arbitrary: fc.constant('lose') },
    { weight: 3, arbitrary: fc.constantFrom('reconnect 0', 'reconnect 1', 'join 0', 'join 1') },
    { weight: 2, arbitrary: fc.constantFrom('wait 300', 'wait 2000', 'wait 40000') },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(action, { maxLength: 25 }), async (actions) => {
      const world = createLossyWorld();
      const clients = [new Client(world, roomIds), new Client(world, roomIds)];
      for (const client of clients) await client.connect();
      // Number of reloads of each client before the last loss. The last loss must cause one more reload of
      // each room.
      let atLoss: readonly number[] | undefined;
      let losses = 0;
      let published: string[] = [];
      let number = 0;
      for (const step of [
        ...actions,
        'reconnect 0',
        'wait 40000',
        'publish a',
        'publish b',
        'reconnect 0',
        'reconnect 1',
      ]) {
        const [verb, what = ''] = step.split(' ');
        const client = clients[Number(what)];
        if (verb === 'publish') {
          number += 1;
          world.publish(`${what}:${number}`, what);
          published.push(`${what}:${number}`);
        } else if (verb === 'lose') {
          world.loseEntries();
          losses += 1;
          atLoss = clients.map(({ reloads }) => reloads.length);
          published = [];
        } else if (verb === 'reconnect') await client?.connect();
        else if (verb === 'join') await client?.join('b');
        else await world.clock.advance(Number(what));
      }
      for (const [index, { reloads, handled }] of clients.entries()) {
        for (const roomId of roomIds) {
          const told = reloads.filter((id) => id === roomId).length;
          expect(told).toBeLessThanOrEqual(losses);
          if (atLoss !== undefined)
            expect(reloads.slice(atLoss[index]).filter((id) => id === roomId)).toHaveLength(1);
        }
        // The client must also have received every event that was published after the last loss.
        for (const content of published) expect([...handled]).toContain(content);
      }
    }),
    { numRuns: 100 },
  );
});
