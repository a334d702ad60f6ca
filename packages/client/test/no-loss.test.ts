// The rules of positions against a model of the gateway. Events are published at random, replayed in slices, and mixed with
// events of other rooms. The connection breaks at any moment. Every room must get every event once and in order.
import { fakeClock } from '@millrace/testkit';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createClient } from '../src/index.js';
import { type FakeCall, FakeGateway } from './support/fake-gateway.js';

const ROOMS = ['a', 'b', 'user:u1'] as const;
type Message = () => void;

/**
 * One gateway with one client. A position is the number of events in the log. A join notes the length of the log, and replays
 * the missed events of its room one at a time, between live events of other rooms. New events of the room wait until the join
 * completes.
 *
 * The personal room receives live events even before its join is handled. Messages that were sent but not received are lost
 * when the connection breaks.
 */
class ModelGateway {
  readonly log: string[] = [];
  readonly fake = new FakeGateway();
  /** Messages that were sent but not received yet. */
  #wire: Message[] = [];
  #live = new Set<string>(['user:u1']);
  /** Open joins, oldest first. One join is handled at a time, because the hub handles calls in their order. */
  #joins: { roomId: string; replay: number[]; waiting: number[]; call: FakeCall; place: number }[] = [];

  constructor() {
    this.fake.isAnswering = false;
  }

  publish(roomId: string): void {
    this.log.push(roomId);
    const position = this.log.length;
    if (this.#live.has(roomId)) this.#send(roomId, position);
    else this.#joins.find((join) => join.roomId === roomId)?.waiting.push(position);
  }

  /** Does one step of the oldest open join. */
  work(): void {
    this.#takeCalls();
    const [join] = this.#joins;
    if (join === undefined) return;
    const position = join.replay.shift();
    if (position !== undefined) {
      this.#send(join.roomId, position);
      return;
    }
    this.#joins.shift();
    const { call, place, waiting, roomId } = join;
    const answer = { roomId, position: `p${place}`, recovered: true, replayed: 0, typing: [] };
    this.#wire.push(() => call.answer(answer));
    this.#live.add(roomId);
    for (const late of waiting) this.#send(roomId, late);
  }

  receive(): void {
    this.#wire.shift()?.();
  }

  cut(): void {
    this.#wire = [];
    this.#joins = [];
    this.#live = new Set(['user:u1']);
    this.fake.connections.at(-1)?.close();
  }

  get isBusy(): boolean {
    return this.#wire.length > 0 || this.#joins.length > 0 || this.fake.connection.calls.length > 0;
  }

  #takeCalls(): void {
    const { calls } = this.fake.connection;
    for (const call of calls) {
      if (this.#joins.some((join) => join.call === call) || this.#taken.has(call)) continue;
      this.#taken.add(call);
      const [given, after] = call.args as [string, string | undefined];
      const roomId = given === 'user:me' ? 'user:u1' : given;
      const place = this.log.length;
      const seen = after === undefined ? place : Number(after.slice(1));
      const replay = this.log.flatMap((room, index) => (room === roomId && index >= seen ? [index + 1] : []));
      this.#live.delete(roomId);
      this.#joins.push({ roomId, replay, waiting: [], call, place });
    }
  }

  readonly #taken = new Set<FakeCall>();

  #send(roomId: string, position: number): void {
    const { connection } = this.fake;
    this.#wire.push(() => connection.event(roomId, position));
  }
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...ROOMS).map((roomId) => ({ kind: 'publish', roomId }) as const) },
  { weight: 6, arbitrary: fc.constant({ kind: 'work' } as const) },
  { weight: 6, arbitrary: fc.constant({ kind: 'receive' } as const) },
  { weight: 2, arbitrary: fc.constant({ kind: 'cut' } as const) },
);

test('a connection that breaks at any moment loses no event, repeats no event and keeps the order', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 120 }), async (steps) => {
      const gateway = new ModelGateway();
      const clock = fakeClock();
      const client = createClient({
        url: 'http://gateway.test',
        createConnection: gateway.fake.createConnection,
        clock,
        random: () => 0,
      });
      const got = new Map<string, number[]>(ROOMS.map((roomId) => [roomId, []]));
      client.onAny((event) => void got.get(event.room_id)?.push(Number(event.position.slice(1))));
      for (const roomId of ROOMS.slice(0, 2)) client.join(roomId);
      await client.connect();
      // Joins every room, so that the client is in every room to which events are published.
      while (client.room('b')?.status !== 'live') {
        gateway.work();
        gateway.receive();
        await clock.advance(0);
      }

      for (const { kind, ...more } of steps) {
        if (kind === 'publish' && 'roomId' in more) gateway.publish(more.roomId);
        if (kind === 'work') gateway.work();
        if (kind === 'receive') gateway.receive();
        if (kind === 'cut') {
          gateway.cut();
          // Waits for the shortest delay before the next attempt to connect.
          await clock.advance(1);
          await clock.advance(1);
        }
      }
      for (let left = 10_000; gateway.isBusy && left > 0; left--) {
        gateway.work();
        gateway.receive();
      }

      for (const roomId of ROOMS) {
        const published = gateway.log.flatMap((room, index) => (room === roomId ? [index + 1] : []));
        expect([roomId, got.get(roomId)]).toEqual([roomId, published]);
      }
      expect(client.state).toBe('live');
      await client.close();
    }),
    { numRuns: 400 },
  );
});
