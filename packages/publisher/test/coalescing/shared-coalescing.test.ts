// Several publishers share their windows and die at any moment.
import { randomUUID } from 'node:crypto';
import { createMemoryBroker } from '@millrace/broker';
import { eventCatalog, type StreamEvent } from '@millrace/contract';
import { fakeClock, type MortalBroker, mortalBroker } from '@millrace/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createPublisher, type Publisher } from '../../src/index.js';
import { ana, bob, chat, typing } from '../set-up.js';

type Catalog = typeof eventCatalog;

/**
 * Creates a broker in memory and several publishers. Each publisher has its own view of the broker. A test can make a view
 * die.
 */
async function setUpMany() {
  const clock = fakeClock();
  const broker = createMemoryBroker({ streams: eventCatalog.streams, clock });
  await broker.open();
  const live = new Map<string, { readonly publisher: Publisher<Catalog>; readonly view: MortalBroker }>();
  const start = (name: string): Publisher<Catalog> => {
    const view = mortalBroker(broker);
    const publisher = createPublisher({
      broker: view.broker,
      catalog: eventCatalog,
      clock,
      coalescing: 'redis',
    });
    live.set(name, { publisher, view });
    return publisher;
  };
  return {
    clock,
    broker,
    start,
    kill(name: string, death?: Parameters<MortalBroker['die']>[0]) {
      live.get(name)?.view.die(death);
    },
    /**
     * Returns the events that clients receive. Each event ID appears once, because every gateway drops an event whose ID it
     * has seen.
     */
    async events(): Promise<StreamEvent[]> {
      const entries = await broker.readRange('events:chat', { count: 1_000 });
      const events = new Map<string, StreamEvent>();
      for (const { fields } of entries) {
        const parsed = eventCatalog.parseEntry(fields);
        if (!parsed.ok) throw new Error('a publisher wrote an invalid entry');
        const { event } = parsed.value;
        if (!events.has(event.event_id)) events.set(event.event_id, event);
      }
      return [...events.values()];
    },
    [Symbol.asyncDispose]: () => broker.close(),
  };
}

const countOf = (event: StreamEvent): number => event.metadata?.coalesced_count ?? 0;
const sumOf = (events: readonly StreamEvent[]): number =>
  events.reduce((sum, event) => sum + countOf(event), 0);

describe('publishers that share their windows', () => {
  it('a publisher adds its events to a window that another publisher opened', async () => {
    await using system = await setUpMany();
    const [a, b] = [system.start('a'), system.start('b')];
    await a.publish('typing_start', 'room', typing(ana, true));
    await system.clock.advance(70);
    await b.publish('typing_start', 'room', typing(bob, true));
    const last = await b.publish('typing_stop', 'room', typing(ana, false));
    await system.clock.advance(30);
    const events = await system.events();
    expect(events.map(({ event_id, event_type }) => [event_id === last.eventId, event_type])).toEqual([
      [true, 'typing_stop'],
      [false, 'typing_start'],
    ]);
    expect(events.map(countOf)).toEqual([2, 1]);
  });

  it('a waiting typing event is dropped when another publisher publishes a message of the same user', async () => {
    await using system = await setUpMany();
    const [a, b] = [system.start('a'), system.start('b')];
    await a.publish('typing_start', 'room', typing(ana, true));
    await b.publish('chat_message', 'room', chat(ana));
    await system.clock.advance(1_000);
    expect((await system.events()).map(({ event_type }) => event_type)).toEqual(['chat_message']);
  });

  it('a publisher takes over the pending window of a dead publisher within 400 ms', async () => {
    await using system = await setUpMany();
    const a = system.start('a');
    system.start('b');
    await a.publish('typing_start', 'room', typing(ana, true));
    await a.publish('read_receipt', 'room', { user_id: ana, message_ids: [randomUUID()] });
    system.kill('a');
    await system.clock.advance(400);
    expect((await system.events()).map(countOf)).toEqual([1, 1]);
  });

  it.each([
    ['before its event is stored', { afterCalls: 1 }],
    ['after its event is stored, without the reply', { afterCalls: 1, isLastCallDone: true }],
    ['after the reply, before the commit', { afterCalls: 2 }],
    ['after the commit, without the reply', { afterCalls: 2, isLastCallDone: true }],
  ])(
    'clients receive a window’s event exactly once within 400 ms if its publisher dies during the flush: %s',
    async (_, death) => {
      await using system = await setUpMany();
      const a = system.start('a');
      await a.publish('typing_stop', 'room', typing(ana, false));
      await system.clock.advance(99.5);
      // The limit on calls is set as late as possible, because each check for overdue windows uses one call.
      system.kill('a', death);
      system.start('b');
      await system.clock.advance(400);
      expect((await system.events()).map(countOf)).toEqual([1]);
    },
  );

  it('publishers that die at any call lose no accepted event and publish no message ID twice', async () => {
    const publisher = fc.constantFrom('a', 'b', 'c');
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ kind: fc.constant('type' as const), publisher, isTyping: fc.boolean() }),
      },
      {
        weight: 6,
        arbitrary: fc.record({ kind: fc.constant('read' as const), publisher, twice: fc.boolean() }),
      },
      {
        weight: 4,
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
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 50 }), async (steps) => {
        await using system = await setUpMany();
        const publishers = new Map(['a', 'b', 'c'].map((name) => [name, system.start(name)]));
        const ids = { accepted: new Set<string>(), begun: new Set<string>() };
        let [accepted, begun] = [0, 0];
        const send = (publishing: Promise<unknown>, messageId?: string): void => {
          begun++;
          if (messageId !== undefined) ids.begun.add(messageId);
          void publishing.then(() => {
            accepted++;
            if (messageId !== undefined) ids.accepted.add(messageId);
          });
        };
        for (const action of steps) {
          if (action.kind === 'wait') {
            await system.clock.advance(action.ms);
          } else if (action.kind === 'die') {
            system.kill(action.publisher, action);
            await system.clock.advance(20);
            system.kill(action.publisher);
            publishers.set(action.publisher, system.start(action.publisher));
          } else if (action.kind === 'type') {
            const by = publishers.get(action.publisher);
            if (by === undefined) throw new Error('there are three publishers');
            send(
              action.isTyping
                ? by.publish('typing_start', 'room', typing(ana, true))
                : by.publish('typing_stop', 'room', typing(ana, false)),
            );
          } else {
            const by = publishers.get(action.publisher);
            if (by === undefined) throw new Error('there are three publishers');
            const messageId = randomUUID();
            const eventId = randomUUID();
            const receipt = { user_id: bob, message_ids: [messageId] };
            send(by.publish('read_receipt', 'room', receipt, { eventId }), messageId);
            if (action.twice) void by.publish('read_receipt', 'room', receipt, { eventId });
          }
        }
        await system.clock.advance(2_000);
        const events = await system.events();
        expect(sumOf(events)).toBeGreaterThanOrEqual(accepted);
        expect(sumOf(events)).toBeLessThanOrEqual(begun);
        const read = events.flatMap(
          ({ payload }) => (payload as { message_ids?: string[] }).message_ids ?? [],
        );
        expect(new Set(read).size).toBe(read.length);
        expect([...ids.accepted].filter((id) => !read.includes(id))).toEqual([]);
        expect(read.filter((id) => !ids.begun.has(id))).toEqual([]);
        expect(await system.broker.windows.overdue('typing', { graceMs: 0, count: 10 })).toEqual([]);
        expect(await system.broker.windows.overdue('read_receipt', { graceMs: 0, count: 10 })).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});
