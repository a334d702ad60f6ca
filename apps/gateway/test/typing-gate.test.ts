// What of typing goes on to clients, whatever arrives and in which order.
import { randomUUID } from 'node:crypto';
import { createMemoryBroker } from '@millrace/broker';
import { compareTimestamps, eventCatalog, type StreamEvent } from '@millrace/contract';
import { createPublisher } from '@millrace/publisher';
import { type FakeClock, fakeClock, mortalBroker } from '@millrace/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Router } from '../src/delivery/router.js';

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
      brokerTimeMs: () => clock.nowMs(),
      positionAt: () => 'p',
      belongs: () => true,
      remember: () => {},
      send: ({ event }) => sent.push({ atMs: clock.monotonicMs(), event }),
      reject: (_stream, _entry, reason) => {
        throw new Error(reason);
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
  /** An event made `ageMs` ago arrives now, by plain XADD. */
  const arrive = (event_type: string, payload: object, ageMs = 0): void => {
    const fields = {
      event_id: randomUUID(),
      event_type,
      timestamp: new Date(clock.nowMs() - ageMs).toISOString(),
      room_id: 'room',
      payload: JSON.stringify(payload),
    };
    router.route('events:chat', { id: `${clock.nowMs()}-${sequence++}`, fields });
  };
  return {
    clock,
    router,
    sent,
    dropped,
    arrive,
    types: () => sent.map(({ event }) => event.event_type),
    type: (user_id: string, is_typing: boolean, ageMs = 0) =>
      arrive(is_typing ? 'typing_start' : 'typing_stop', { user_id, username: 'U', is_typing }, ageMs),
    say: (sender_id: string | null, ageMs = 0) => arrive('chat_message', messageOf(sender_id), ageMs),
  };
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

  it('ends with the message of its user, in every order of arrival', async () => {
    for (const order of [
      ['old start', 'message'],
      ['message', 'old start'],
      ['stop', 'old start', 'message'],
      ['stop', 'message', 'old start'],
      ['message', 'old start', 'stop'],
    ]) {
      const test = setUp();
      for (const step of order) {
        if (step === 'message') test.say(ana, 10);
        else if (step === 'stop') test.type(ana, false);
        else test.type(ana, true, 20);
      }
      await test.clock.advance(1_000);
      const types = test.types();
      const last = Math.max(types.lastIndexOf('chat_message'), types.lastIndexOf('typing_stop'));
      expect(types.lastIndexOf('typing_start')).toBeLessThan(last);
    }
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
    test.type(ana, false, 5_000);
    expect(test.types()).toEqual(['typing_start', 'typing_stop']);
  });

  it('knows the messages that were delivered before this gateway came', () => {
    const test = setUp();
    const fields = {
      event_id: randomUUID(),
      event_type: 'chat_message',
      timestamp: new Date(test.clock.nowMs()).toISOString(),
      room_id: 'room',
      payload: JSON.stringify(messageOf(ana)),
    };
    test.router.recall('events:chat', { id: `${test.clock.nowMs()}-0`, fields }, () => 'p');
    test.type(ana, true, 5);
    expect(test.types()).toEqual([]);
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

describe.each(['local', 'redis'] as const)('typing by publishers that crash: %s', (coalescing) => {
  const publisher = fc.constantFrom(0, 1, 2);
  const user = fc.constantFrom(ana, bob);
  const step = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({ kind: fc.constant('type' as const), publisher, user, isTyping: fc.boolean() }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('say' as const), publisher, user }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('xadd' as const), user, isTyping: fc.boolean() }) },
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 130 }) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('die' as const),
        publisher,
        afterCalls: fc.integer({ min: 0, max: 6 }),
        isLastCallDone: fc.boolean(),
      }),
    },
  );
  const skews = fc.tuple(...[0, 1, 2].map(() => fc.integer({ min: -400, max: 400 })));

  it('never shows a start after its stop or after its sender’s message, and never more than one per 100 ms', async () => {
    await fc.assert(
      fc.asyncProperty(skews, fc.array(step, { minLength: 5, maxLength: 60 }), async (skewsMs, steps) => {
        const test = setUp();
        const { clock } = test;
        const broker = createMemoryBroker({ streams: eventCatalog.streams, clock });
        await broker.open();
        const start = (skewMs: number) => {
          const view = mortalBroker(broker);
          // Its own clock: what it stamps is as wrong as that.
          const own = { ...clock, nowMs: () => clock.nowMs() + skewMs };
          const publisher = createPublisher({
            broker: view.broker,
            catalog: eventCatalog,
            clock: own,
            coalescing,
          });
          return { view, publisher };
        };
        const processes = skewsMs.map(start);
        let cursor = '0-0';
        /** What a gateway's tail does. */
        const tail = async (): Promise<void> => {
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
        for (const action of steps) {
          if (action.kind === 'wait') await pass(action.ms);
          else if (action.kind === 'xadd') {
            const payload = { user_id: action.user, username: 'U', is_typing: action.isTyping };
            test.arrive(action.isTyping ? 'typing_start' : 'typing_stop', payload);
          } else if (action.kind === 'die') {
            processes[action.publisher]?.view.die(action);
            await pass(20);
            processes[action.publisher]?.view.die();
            processes[action.publisher] = start(skewsMs[action.publisher] ?? 0);
          } else if (action.kind === 'say') {
            void processes[action.publisher]?.publisher.publish(
              'chat_message',
              'room',
              messageOf(action.user),
            );
          } else {
            const by = processes[action.publisher]?.publisher;
            const typist = { user_id: action.user, username: 'U' };
            if (action.isTyping) void by?.publish('typing_start', 'room', { ...typist, is_typing: true });
            else void by?.publish('typing_stop', 'room', { ...typist, is_typing: false });
          }
          await tail();
        }
        await pass(1_500);
        for (const typist of [ana, bob]) checkNoFlicker(test.sent, typist);
        await broker.close();
      }),
      { numRuns: 60 },
    );
  });
});

/** Judges what the members of the room saw of one user. */
function checkNoFlicker(sent: readonly Sent[], typist: string): void {
  let stop: string | undefined;
  let message: string | undefined;
  let frameAtMs = Number.NEGATIVE_INFINITY;
  for (const { atMs, event } of sent) {
    const { user_id, sender_id, is_typing } = event.payload as Record<string, unknown>;
    if (sender_id === typist) {
      if (message === undefined || compareTimestamps(event.timestamp, message) > 0) message = event.timestamp;
      continue;
    }
    if (user_id !== typist) continue;
    expect(atMs - frameAtMs).toBeGreaterThanOrEqual(100);
    frameAtMs = atMs;
    if (is_typing === true) {
      if (stop !== undefined) expect(compareTimestamps(event.timestamp, stop)).toBeGreaterThanOrEqual(0);
      if (message !== undefined) expect(compareTimestamps(event.timestamp, message)).toBeGreaterThan(0);
    } else if (stop === undefined || compareTimestamps(event.timestamp, stop) > 0) {
      stop = event.timestamp;
    }
  }
}
