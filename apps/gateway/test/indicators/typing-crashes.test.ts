// Typing with random sequences of events. Publishers crash and have wrong clocks.
import { randomUUID } from 'node:crypto';
import { createMemoryBroker } from '@millrace/broker';
import { eventCatalog, type StreamEvent } from '@millrace/contract';
import { createPublisher } from '@millrace/publisher';
import { append, mortalBroker } from '@millrace/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ana, bob, createTypingWorld, messageOf } from '../support/typing-world.js';

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

    it('the gate keeps the order of events, and passes one typing event per user and 100 ms', async () => {
      await fc.assert(
        fc.asyncProperty(skews, steps, async (skewsMs, actions) => {
          await using world = await setUpPublishers(coalescing, skewsMs);
          for (const action of actions) {
            if (action.kind === 'wait') await world.pass(action.ms);
            else if (action.kind === 'die') await world.die(action);
            else await world.take(action);
          }
          await world.pass(1_500);
          for (const userId of [ana, bob]) world.judge(userId);
        }),
        { numRuns: 60 },
      );
    });
  },
);

/** An event in the list `made`, which is in the order in which the events were made. */
interface MadeEvent {
  readonly eventId: string;
  readonly userId: string;
  readonly shows: boolean;
  /** The window in which the event waited. Events leave a window in the order in which they were made. */
  readonly window: string | undefined;
  /** True when the event is in its stream or its window, so that no crash can lose it. */
  isSafe: boolean;
}

type Making =
  | { readonly kind: 'type'; readonly publisher: number; readonly user: string; readonly isTyping: boolean }
  | { readonly kind: 'say'; readonly publisher: number; readonly user: string }
  | { readonly kind: 'say by xadd'; readonly user: string }
  | { readonly kind: 'xadd'; readonly user: string; readonly isTyping: boolean };

/** Creates three publishers over one broker, each with a different clock, and a gateway that reads the broker. */
async function setUpPublishers(coalescing: 'local' | 'redis', skewsMs: readonly number[]) {
  const world = createTypingWorld();
  const { clock } = world;
  const broker = createMemoryBroker({ streams: eventCatalog.streams, clock });
  await broker.open();
  const made: MadeEvent[] = [];
  let hasDied = false;
  let cursor = '0-0';
  /** Waits until all calls so far have been carried out, then reads new entries as the tail of a gateway does. */
  const tail = async (): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve));
    const entries = await broker.readRange('events:chat', { after: cursor, count: 1_000 });
    for (const entry of entries) world.dispatcher.dispatch('events:chat', entry);
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
    // Each publisher has a different clock, which makes its timestamps wrong.
    const own = { ...clock, wallMs: () => clock.wallMs() + skewMs };
    const publisher = createPublisher({ broker: view.broker, catalog: eventCatalog, clock: own, coalescing });
    // The publisher learns the time of the stream from its first receipt.
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
    const user = { user_id: action.user, username: 'U' };
    if (action.kind === 'say by xadd') return xadd('chat_message', eventId, messageOf(action.user));
    if (action.kind === 'xadd')
      return xadd(action.isTyping ? 'typing_start' : 'typing_stop', eventId, {
        ...user,
        is_typing: action.isTyping,
      });
    const by = processes[action.publisher]?.publisher;
    const options = { eventId };
    if (action.kind === 'say') return by?.publish('chat_message', 'room', messageOf(action.user), options);
    return action.isTyping
      ? by?.publish('typing_start', 'room', { ...user, is_typing: true }, options)
      : by?.publish('typing_stop', 'room', { ...user, is_typing: false }, options);
  };
  return {
    pass,
    async take(action: Making): Promise<void> {
      // A publisher that coalesces locally knows the broker's time only to the millisecond. Therefore each action happens in
      // its own millisecond.
      if (coalescing === 'local') await pass(1);
      const eventId = randomUUID();
      const shows = (action.kind === 'type' || action.kind === 'xadd') && action.isTyping;
      const own = coalescing === 'redis' ? 'shared' : `of ${'publisher' in action ? action.publisher : ''}`;
      const window = action.kind === 'type' ? own : undefined;
      const event: MadeEvent = { eventId, userId: action.user, shows, window, isSafe: false };
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
    /** Checks the events of one user that were sent to the clients in the room. */
    judge(userId: string): void {
      const orderOf = (event: StreamEvent): number =>
        made.findIndex(({ eventId }) => eventId === event.event_id);
      const own = world.sent.filter(({ event }) => {
        const { user_id, sender_id } = event.payload as Record<string, unknown>;
        return event.room_id === 'room' && (user_id === userId || sender_id === userId);
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
      const all = made.filter((event) => event.userId === userId);
      const last = all.at(-1);
      // A process that crashes loses events that it has not written yet. With local coalescing, it also loses events that it
      // has accepted.
      if (last === undefined || !last.isSafe || (hasDied && coalescing === 'local')) return;
      // A stop always passes, even if a start from another window has overtaken it.
      const hasStopElsewhere = all.some(
        ({ window, shows }) => window !== undefined && !shows && window !== last.window,
      );
      if (last.shows && hasStopElsewhere) return;
      expect(own.at(-1)?.event.event_type === 'typing_start').toBe(last.shows);
    },
    [Symbol.asyncDispose]: () => broker.close(),
  };
}
