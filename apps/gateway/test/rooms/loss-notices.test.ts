// A loss is told to every member once, at a moment of its own, and no position hides it until then.
import { type Position, parsePosition } from '@millrace/broker';
import { fakeClock } from '@millrace/testkit';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { ConnectionRooms, type RoomMember } from '../../src/rooms/connection-rooms.js';
import { Laggards } from '../../src/rooms/lagging-connections.js';
import { Losses, NO_PLACE, untoldGroup } from '../../src/rooms/loss-notices.js';
import { createReplayWorld } from '../support/replay-world.js';

const before = { epoch: 'a', cursor: '1-0' };

describe('Losses', () => {
  function setUp() {
    const clock = fakeClock();
    const losses = new Losses({ clock, random: Math.random });
    const toldAtMs = new Map<string, number[]>();
    const connect = (count: number): void => {
      for (let n = 0; n < count; n += 1) {
        const told: number[] = [];
        toldAtMs.set(`c${n}`, told);
        losses.add(`c${n}`, { lose: () => true, tell: () => void told.push(clock.monotonicMs()) });
      }
    };
    return { clock, losses, toldAtMs, connect };
  }

  it('tells ten thousand members once each of what is noticed stream by stream, spread over many seconds', async () => {
    const { clock, losses, toldAtMs, connect } = setUp();
    connect(10_000);
    for (const stream of ['chat', 'ticket', 'notification', 'remote']) {
      losses.note(stream, before, 'reset', () => true);
      await clock.advance(200);
    }
    expect(losses.untold).toHaveLength(10_000);
    await clock.advance(40_000);
    const times = [...toldAtMs.values()].map((told) => (expect(told).toHaveLength(1), told[0] ?? 0));
    const perSecond = new Map<number, number>();
    for (const ms of times) {
      const second = Math.floor(ms / 1_000);
      perSecond.set(second, (perSecond.get(second) ?? 0) + 1);
    }
    expect(Math.max(...perSecond.values())).toBeLessThan(1_000);
    expect(Math.max(...times)).toBeLessThanOrEqual(31_000);
    expect(losses.isEmpty).toBe(true);
    expect(clock.timerCount).toBe(0);
  });

  it('tells a few members within some seconds, and not all at once', async () => {
    const { clock, losses, toldAtMs, connect } = setUp();
    connect(30);
    losses.note('chat', before, 'gap', () => true);
    await clock.advance(4_050);
    const times = [...toldAtMs.values()].flat();
    expect(times).toHaveLength(30);
    expect(Math.max(...times) - Math.min(...times)).toBeGreaterThan(1_000);
  });

  it('keeps the place before the first loss until everybody knows, and tells a later loss again', async () => {
    const { clock, losses, toldAtMs, connect } = setUp();
    connect(1);
    losses.note('chat', before, 'gap', () => true);
    losses.note('chat', NO_PLACE, 'gap', () => true);
    expect(losses.placeBefore('chat')).toEqual(before);
    await clock.advance(5_000);
    expect(losses.placeBefore('chat')).toBeUndefined();
    losses.note('chat', NO_PLACE, 'reset', () => true);
    await clock.advance(5_000);
    expect(toldAtMs.get('c0')).toHaveLength(2);
  });

  it('owes nothing to a connection that has ended, and holds no timer then', () => {
    const { clock, losses, connect } = setUp();
    connect(2);
    losses.note('chat', before, 'gap', () => true);
    losses.remove('c0');
    losses.remove('c1');
    expect(losses.isEmpty).toBe(true);
    expect(clock.timerCount).toBe(0);
  });
});

/** Connections of real rooms to one gateway, whose chat stream loses entries now and then. */
function createLossyWorld() {
  const { replay, deliver, positions, broker, lose } = createReplayWorld();
  // Entries that the ring does not hold are lost.
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
    timeMs: 0,
  }));
  const clock = fakeClock();
  const losses = new Losses({ clock, random: Math.random });
  const groups = new Map<string, Set<Connection>>();
  const groupOf = (name: string): Set<Connection> => {
    const group = groups.get(name) ?? new Set<Connection>();
    groups.set(name, group);
    return group;
  };
  let connections = 0;

  class Connection {
    readonly #rooms: ConnectionRooms;
    readonly #member: RoomMember;
    readonly #names = new Set<string>();

    constructor(receive: (target: string, argument: unknown) => void) {
      connections += 1;
      this.receive = receive;
      this.#rooms = new ConnectionRooms({
        currentPosition: (roomId) => positions.ofRoom(roomId),
        positionOfEveryRoom: () => positions.ofEveryRoom(),
        catchUp: (target, after) => replay.catchUp(target, after),
        mark: (roomId) => replay.mark(roomId),
        followUp: (target, mark) => replay.followUp(target, mark),
        indicators: { in: () => new Map(), find: () => undefined },
        laggards: new Laggards(),
        losses,
        rounds: {
          begin: async (userId, room, firstEventId) => ({
            userId,
            roomId: room,
            firstEventId,
            startedMs: 0,
            lastMs: 0,
          }),
          end: () => {},
        },
        monotonicMs: () => 0,
        maxRoomsPerConnection: 100,
        slowClientEnded: () => {},
      });
      this.#member = {
        connectionId: `connection ${connections}`,
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
      } as unknown as RoomMember; // What the rooms use of a context, and no more.
      this.#rooms.begin(this.#member);
    }

    readonly receive: (target: string, argument: unknown) => void;

    join(roomId: string, after: Position | undefined) {
      return this.#rooms.join(this.#member, roomId, after);
    }

    end(): void {
      for (const name of this.#names) groupOf(name).delete(this);
      this.#rooms.end(this.#member, false);
    }
  }

  return {
    clock,
    Connection,
    /** As the gateway does: memory first, then who knows of all losses, then who does not. */
    publish(content: string, roomId: string): void {
      deliver(content, roomId);
      const send = (group: string, position: string): void => {
        for (const member of groupOf(group)) member.receive('chat_message', { content, position });
      };
      send(roomId, positions.ofRoom(roomId));
      const placeOf = (stream: string) => losses.placeBefore(stream);
      send(untoldGroup(roomId), positions.ofRoomAt(roomId, placeOf));
    },
    loseEntries(): void {
      const place = positions.currentOf('events:chat') ?? NO_PLACE;
      lose(() => losses.note('events:chat', place, 'gap', () => true));
    },
  };
}

/** A client by the documented recipe, in two rooms. */
class Client {
  readonly #world: ReturnType<typeof createLossyWorld>;
  #connection: InstanceType<ReturnType<typeof createLossyWorld>['Connection']> | undefined;
  readonly #positions = new Map<string, string | undefined>();
  readonly handled = new Set<string>();
  /** Rooms it was told to load, in order. */
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
      // `room: number`
      const [roomId = ''] = argument.content.split(':');
      this.handled.add(argument.content);
      this.#positions.set(roomId, argument.position);
    }
  }
}

it('a gateway tells every loss to every client, none twice, whenever clients reconnect, join again and are told', async () => {
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
      // Reloads that each client had been told when the last loss came: since then it must have been told one of each room.
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
        // Nothing that was not lost is missed either.
        for (const content of published) expect([...handled]).toContain(content);
      }
    }),
    { numRuns: 100 },
  );
});
