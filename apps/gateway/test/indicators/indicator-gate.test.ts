// What of typing goes on to clients, whatever arrives and in which order.
import { randomUUID } from 'node:crypto';
import { createMemoryBroker } from '@millrace/broker';
import { eventCatalog, type StreamEvent } from '@millrace/contract';
import { createPublisher } from '@millrace/publisher';
import { append, type FakeClock, fakeClock, mortalBroker } from '@millrace/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Router } from '../../src/dispatch/dispatcher.js';
import { RoomIndicators } from '../../src/indicators/room-indicators.js';

const ana = '6b0f3c1e-0d8e-4d5b-9f6c-0c8f1f3d2a10';
const bob = '0f5a2b47-6a55-4be0-8a4e-7a0a8f4f1c22';

interface Sent {
  readonly atMs: number;
  readonly event: StreamEvent;
}

function setUp(clock: FakeClock = fakeClock()) {
  const sent: Sent[] = [];
  const dropped: string[] = [];
  const router = new Router(
    {
      catalog: eventCatalog,
      freshness: 'entry',
      dedupeWindowMs: 300_000,
      maxDedupeIds: 10_000,
      clockSkewLimitMs: 30_000,
    },
    {
      rooms: {
        brokerTimeMs: () => clock.wallMs(),
        indicators: new RoomIndicators(eventCatalog),
        positions: { ofRoom: () => 'p', at: () => 'p', belongs: () => true },
        replay: { remember: () => {} },
      },
      sender: {
        hasMembers: () => true,
        send: ({ event }) => sent.push({ atMs: clock.monotonicMs(), event }),
      },
      rejections: {
        take: (_stream, _entry, { reason }) => {
          throw new Error(reason);
        },
      },
      clock,
      observer: {
        delivered: () => {},
        dropped: (_received, reason) => dropped.push(reason),
        clockSkewed: () => {},
        naive: () => {},
      },
    },
  );
  let sequence = 0;
  /** An event arrives now, by plain XADD or as of an earlier entry, from a producer whose clock is off. Gives the entry's ID. */
  const arrive = (event_type: string, payload: object, { skewMs = 0, asOf }: Made = {}): string => {
    const fields = {
      event_id: randomUUID(),
      event_type,
      timestamp: new Date(clock.wallMs() + skewMs).toISOString(),
      room_id: 'room',
      payload: JSON.stringify(payload),
      ...(asOf === undefined ? {} : { as_of: asOf }),
    };
    const id = `${clock.wallMs()}-${sequence++}`;
    router.route('events:chat', { id, fields });
    return id;
  };
  return {
    clock,
    router,
    sent,
    dropped,
    arrive,
    types: () => sent.map(({ event }) => event.event_type),
    type: (user_id: string, is_typing: boolean, made?: Made) =>
      arrive(is_typing ? 'typing_start' : 'typing_stop', { user_id, username: 'U', is_typing }, made),
    say: (sender_id: string | null, made?: Made) => arrive('chat_message', messageOf(sender_id), made),
  };
}

interface Made {
  readonly skewMs?: number;
  readonly asOf?: string;
}

const messageOf = (sender_id: string | null) => ({
  id: randomUUID(),
  request_id: randomUUID(),
  sender_id,
  content: 'x',
  sequence_number: 1,
  is_screenshot: false,
  created_at: '2026-01-16T10:00:00Z',
});

describe('typing at the gateway', () => {
  it('goes on at once, then at most every 100 ms per user, the last state last', async () => {
    const test = setUp();
    for (let n = 0; n < 1_000; n++) {
      test.type(ana, n % 2 === 0);
      await test.clock.advance(1);
    }
    await test.clock.advance(100);
    const times = test.sent.map(({ atMs }) => atMs);
    expect(times[0]).toBe(0);
    expect(times.length).toBe(11);
    expect(times.slice(1).every((time, at) => time - (times[at] ?? 0) >= 100)).toBe(true);
    expect(test.types().at(-1)).toBe('typing_stop');
    // Each is delivered or counted.
    expect(test.sent.length + test.dropped.length).toBe(1_000);
  });

  it('of one user does not hold up another’s, nor other events', () => {
    const test = setUp();
    test.type(ana, true);
    test.type(ana, false);
    test.type(bob, true);
    test.arrive('read_receipt', { user_id: ana, message_ids: [randomUUID()] });
    test.arrive('read_receipt', { user_id: ana, message_ids: [randomUUID()] });
    expect(test.types()).toEqual(['typing_start', 'typing_start', 'read_receipt', 'read_receipt']);
  });

  it.each([0, -300_000, 300_000])(
    'typing ends with the message that came after it, and starts again after that, with a clock that is off by %d ms',
    async (skewMs) => {
      const test = setUp();
      const earlier = test.type(bob, true);
      const message = test.say(ana, { skewMs: -skewMs });
      // Made before the message, flushed after it.
      test.type(ana, true, { skewMs, asOf: earlier });
      test.type(ana, true, { skewMs, asOf: message });
      await test.clock.advance(200);
      expect(test.types()).toEqual(['typing_start', 'chat_message']);
      expect(test.dropped).toEqual(['ended', 'ended']);
      test.type(ana, true, { skewMs, asOf: message.replace(/\d+$/, (last) => `${Number(last) + 1}`) });
      test.say(ana, { skewMs });
      test.type(ana, true, { skewMs: -skewMs });
      await test.clock.advance(200);
      expect(test.types().slice(2)).toEqual(['typing_start', 'chat_message', 'typing_start']);
    },
  );

  it.each(['', 'soon', '99999999999999-0', '-1-0'])(
    'typing is as of its own entry where it says %j',
    async (asOf) => {
      const test = setUp();
      test.say(ana);
      test.type(ana, true, { asOf });
      await test.clock.advance(200);
      test.say(ana);
      expect(test.types()).toEqual(['chat_message', 'typing_start', 'chat_message']);
    },
  );

  it('a start that was made before a stop is dropped when it arrives after the stop', async () => {
    const test = setUp();
    const earlier = test.type(bob, true);
    test.type(ana, false);
    test.type(ana, true, { asOf: earlier });
    await test.clock.advance(200);
    expect(test.types()).toEqual(['typing_start', 'typing_stop']);
  });

  it('typing shows again soon after a stream that was lost begins anew with lower IDs', async () => {
    const test = setUp();
    const payload = messageOf(ana);
    const fields = { event_id: randomUUID(), event_type: 'chat_message', timestamp: '2026-01-16T10:00:00Z' };
    const entry = { ...fields, room_id: 'room', payload: JSON.stringify(payload) };
    test.router.route('events:chat', { id: `${test.clock.wallMs() + 600_000}-0`, fields: entry });
    for (let seconds = 0; seconds < 11; seconds++) {
      test.type(ana, true);
      await test.clock.advance(1_000);
    }
    expect(test.types().filter((type) => type === 'typing_start')).toHaveLength(1);
  });

  it('that waits is dropped by a message that comes meanwhile, and counted', async () => {
    const test = setUp();
    test.type(ana, false);
    test.type(ana, true);
    await test.clock.advance(50);
    test.say(ana);
    await test.clock.advance(1_000);
    expect(test.types()).toEqual(['typing_stop', 'chat_message']);
    expect(test.dropped).toEqual(['ended']);
  });

  it('starts again after a message, and after a stop', async () => {
    const test = setUp();
    test.say(ana);
    await test.clock.advance(1);
    test.type(ana, true);
    await test.clock.advance(200);
    test.type(ana, false);
    await test.clock.advance(1);
    test.type(ana, true);
    await test.clock.advance(200);
    expect(test.types()).toEqual(['chat_message', 'typing_start', 'typing_stop', 'typing_start']);
  });

  it('that stops is never dropped for being old', async () => {
    const test = setUp();
    test.type(ana, true);
    await test.clock.advance(200);
    // Made by a machine whose clock is behind.
    test.type(ana, false, { skewMs: -5_000, asOf: '1-0' });
    expect(test.types()).toEqual(['typing_start', 'typing_stop']);
  });

  it('knows the messages that were delivered before this gateway came', () => {
    const test = setUp();
    const earlier = test.type(bob, true);
    const fields = {
      event_id: randomUUID(),
      event_type: 'chat_message',
      timestamp: new Date(test.clock.wallMs()).toISOString(),
      room_id: 'room',
      payload: JSON.stringify(messageOf(ana)),
    };
    const place = { epoch: 'epoch', cursor: '0-0' };
    test.router.recall('events:chat', { id: `${test.clock.wallMs()}-0`, fields }, () => place);
    test.type(ana, true, { asOf: earlier });
    expect(test.types()).toEqual(['typing_start']);
  });

  it('that waits goes out when the gateway stops, and nothing is left to wait for', () => {
    const test = setUp();
    test.type(ana, true);
    test.type(ana, false);
    test.router.flush();
    expect(test.types()).toEqual(['typing_start', 'typing_stop']);
    expect(test.clock.timerCount).toBe(0);
  });
});

describe.each(['local', 'redis'] as const)(
  'typing by publishers that crash and have wrong clocks: %s',
  (coalescing) => {
    const publisher = fc.constantFrom(0, 1, 2);
    const user = fc.constantFrom(ana, bob);
    const step = fc.oneof(
      {
        weight: 8,
        arbitrary: fc.record({ kind: fc.constant('type' as const), publisher, user, isTyping: fc.boolean() }),
      },
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('say' as const), publisher, user }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('say by xadd' as const), user }) },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('xadd' as const), user, isTyping: fc.boolean() }),
      },
      {
        weight: 6,
        arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 130 }) }),
      },
    );
    const death = fc.record({
      kind: fc.constant('die' as const),
      publisher,
      afterCalls: fc.integer({ min: 0, max: 6 }),
      isLastCallDone: fc.boolean(),
    });
    const steps = fc.array(fc.oneof({ weight: 12, arbitrary: step }, { weight: 1, arbitrary: death }), {
      minLength: 5,
      maxLength: 60,
    });
    const skews = fc.tuple(...[0, 1, 2].map(() => fc.integer({ min: -300_000, max: 300_000 })));

    it('the gate shows a start after what it came after, not after what came after it, and never more than one per 100 ms', async () => {
      await fc.assert(
        fc.asyncProperty(skews, steps, async (skewsMs, actions) => {
          await using test = await setUpPublishers(coalescing, skewsMs);
          for (const action of actions) {
            if (action.kind === 'wait') await test.pass(action.ms);
            else if (action.kind === 'die') await test.die(action);
            else await test.take(action);
          }
          await test.pass(1_500);
          for (const typist of [ana, bob]) test.judge(typist);
        }),
        { numRuns: 60 },
      );
    });
  },
);

/** One event that was made, in the order of all of them. */
interface MadeEvent {
  readonly eventId: string;
  readonly typist: string;
  readonly shows: boolean;
  /** The window in which it waited: events of one window leave it in their order. */
  readonly window: string | undefined;
  /** True when it is in its stream or its window, which nobody's death undoes. */
  isSafe: boolean;
}

type Making =
  | { readonly kind: 'type'; readonly publisher: number; readonly user: string; readonly isTyping: boolean }
  | { readonly kind: 'say'; readonly publisher: number; readonly user: string }
  | { readonly kind: 'say by xadd'; readonly user: string }
  | { readonly kind: 'xadd'; readonly user: string; readonly isTyping: boolean };

/** Three publishers over one broker, each with a clock of its own, and a gateway that reads it. */
async function setUpPublishers(coalescing: 'local' | 'redis', skewsMs: readonly number[]) {
  const test = setUp();
  const { clock } = test;
  const broker = createMemoryBroker({ streams: eventCatalog.streams, clock });
  await broker.open();
  const made: MadeEvent[] = [];
  let hasDied = false;
  let cursor = '0-0';
  /** Does what a gateway's tail does, once everything that was called has happened. */
  const tail = async (): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve));
    const entries = await broker.readRange('events:chat', { after: cursor, count: 1_000 });
    for (const entry of entries) test.router.route('events:chat', entry);
    cursor = entries.at(-1)?.id ?? cursor;
  };
  const pass = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 10) {
      await clock.advance(Math.min(10, left));
      await tail();
    }
  };
  const start = (skewMs: number) => {
    const view = mortalBroker(broker);
    // Its own clock: what it stamps is as wrong as that.
    const own = { ...clock, wallMs: () => clock.wallMs() + skewMs };
    const publisher = createPublisher({ broker: view.broker, catalog: eventCatalog, clock: own, coalescing });
    // Its first receipt: from then on it knows the time of the stream.
    void publisher.publish('chat_message', 'elsewhere', messageOf(randomUUID()));
    return { view, publisher };
  };
  const processes = skewsMs.map(start);
  await tail();

  const xadd = (event_type: string, eventId: string, payload: object): Promise<unknown> =>
    append(broker, {
      stream: 'events:chat',
      fields: {
        event_id: eventId,
        event_type,
        timestamp: '2020-01-16T10:00:00Z',
        room_id: 'room',
        payload: JSON.stringify(payload),
      },
    });
  const make = (action: Making, eventId: string): Promise<unknown> | undefined => {
    const typist = { user_id: action.user, username: 'U' };
    if (action.kind === 'say by xadd') return xadd('chat_message', eventId, messageOf(action.user));
    if (action.kind === 'xadd')
      return xadd(action.isTyping ? 'typing_start' : 'typing_stop', eventId, {
        ...typist,
        is_typing: action.isTyping,
      });
    const by = processes[action.publisher]?.publisher;
    const options = { eventId };
    if (action.kind === 'say') return by?.publish('chat_message', 'room', messageOf(action.user), options);
    return action.isTyping
      ? by?.publish('typing_start', 'room', { ...typist, is_typing: true }, options)
      : by?.publish('typing_stop', 'room', { ...typist, is_typing: false }, options);
  };
  return {
    pass,
    async take(action: Making): Promise<void> {
      // A publisher that does not ask the broker knows its time to a millisecond.
      if (coalescing === 'local') await pass(1);
      const eventId = randomUUID();
      const shows = (action.kind === 'type' || action.kind === 'xadd') && action.isTyping;
      const own = coalescing === 'redis' ? 'shared' : `of ${'publisher' in action ? action.publisher : ''}`;
      const window = action.kind === 'type' ? own : undefined;
      const event: MadeEvent = { eventId, typist: action.user, shows, window, isSafe: false };
      made.push(event);
      void make(action, eventId)?.then(() => {
        event.isSafe = true;
      });
      await tail();
    },
    async die(action: {
      readonly publisher: number;
      readonly afterCalls: number;
      readonly isLastCallDone: boolean;
    }) {
      hasDied = true;
      processes[action.publisher]?.view.die(action);
      await pass(20);
      processes[action.publisher]?.view.die();
      processes[action.publisher] = start(skewsMs[action.publisher] ?? 0);
      await tail();
    },
    /** Judges what the members of the room saw of one user. */
    judge(typist: string): void {
      const orderOf = (event: StreamEvent): number =>
        made.findIndex(({ eventId }) => eventId === event.event_id);
      const own = test.sent.filter(({ event }) => {
        const { user_id, sender_id } = event.payload as Record<string, unknown>;
        return event.room_id === 'room' && (user_id === typist || sender_id === typist);
      });
      const frames = own.filter(({ event }) => event.event_type !== 'chat_message');
      for (const [at, { atMs }] of frames.entries())
        expect(atMs - (frames[at - 1]?.atMs ?? -100)).toBeGreaterThanOrEqual(100);
      let newest = -1;
      for (const { event } of own) {
        const order = orderOf(event);
        if (event.event_type === 'typing_start') expect(order).toBeGreaterThan(newest);
        else newest = Math.max(newest, order);
      }
      const all = made.filter((event) => event.typist === typist);
      const last = all.at(-1);
      // A process that dies loses what it still had for itself, in memory also what it had accepted.
      if (last === undefined || !last.isSafe || (hasDied && coalescing === 'local')) return;
      // A stop always goes on, also when a start on another way has passed it.
      const hasStopElsewhere = all.some(
        ({ window, shows }) => window !== undefined && !shows && window !== last.window,
      );
      if (last.shows && hasStopElsewhere) return;
      expect(own.at(-1)?.event.event_type === 'typing_start').toBe(last.shows);
    },
    [Symbol.asyncDispose]: () => broker.close(),
  };
}
