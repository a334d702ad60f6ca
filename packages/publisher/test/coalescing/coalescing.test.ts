import { randomUUID } from 'node:crypto';
import { BrokerError, compareEntryIds, createMemoryBroker, type OutgoingEntry } from '@millrace/broker';
import { eventCatalog, type StreamEvent } from '@millrace/contract';
import { fakeClock } from '@millrace/testkit';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { ana, bob, chat, setUp as setUpPublisher, typing } from '../set-up.js';

const countOf = (event: StreamEvent): number => event.metadata?.coalesced_count ?? 0;

describe.each(['local', 'redis'] as const)('coalescing: %s', (coalescing) => {
  const setUp = (options: Parameters<typeof setUpPublisher>[0] = {}) =>
    setUpPublisher({ coalescing, ...options });
  // Looking for what others left behind goes on as long as the publisher.
  const timersAtRest = coalescing === 'local' ? 0 : 1;

  it('accepts at once and publishes the last state when the 100 ms window ends', async () => {
    await using test = await setUp();
    const result = await test.publisher.publish('typing_start', 'room', typing(ana, true));
    expect(result.status).toBe('coalesced');
    await test.clock.advance(60);
    const last = await test.publisher.publish('typing_stop', 'room', typing(ana, false));
    await test.clock.advance(39);
    expect(await test.entries('events:chat')).toEqual([]);
    await test.clock.advance(1);
    const events = await test.events('events:chat');
    expect(events).toMatchObject([
      { event_type: 'typing_stop', event_id: last.eventId, metadata: { coalesced_count: 2 } },
    ]);
    expect(test.coalesced).toHaveLength(1);
  });

  it('keeps two users of a room apart, and two rooms', async () => {
    await using test = await setUp();
    await test.publisher.publish('typing_start', 'one', typing(ana, true));
    await test.publisher.publish('typing_start', 'one', typing(bob, true));
    await test.publisher.publish('typing_start', 'two', typing(ana, true));
    await test.clock.advance(100);
    const events = await test.events('events:chat');
    expect(events.map(({ room_id, payload }) => [room_id, (payload as { user_id: string }).user_id])).toEqual(
      [
        ['one', ana],
        ['one', bob],
        ['two', ana],
      ],
    );
  });

  it('unites the message IDs of read receipts', async () => {
    await using test = await setUp();
    const [first, second, third] = [randomUUID(), randomUUID(), randomUUID()];
    await test.publisher.publish('read_receipt', 'room', { user_id: ana, message_ids: [first, second] });
    await test.publisher.publish('read_receipt', 'room', { user_id: ana, message_ids: [second, third] });
    await test.clock.advance(100);
    expect(await test.events('events:chat')).toMatchObject([
      { payload: { user_id: ana, message_ids: [first, second, third] }, metadata: { coalesced_count: 2 } },
    ]);
  });

  it('never unites more receipts than one event can carry, and loses none', async () => {
    await using test = await setUp();
    const lists = Array.from({ length: 20 }, () => Array.from({ length: 300 }, () => randomUUID()));
    for (const message_ids of lists) {
      await test.publisher.publish('read_receipt', 'room', { user_id: ana, message_ids });
    }
    await test.clock.advance(100);
    const events = await test.events('events:chat');
    expect(events.flatMap(({ payload }) => (payload as { message_ids: string[] }).message_ids)).toEqual(
      lists.flat(),
    );
    expect(events.reduce((sum, event) => sum + countOf(event), 0)).toBe(20);
    expect(events).toHaveLength(7);
  });

  it('does not count a repeat of the same ID', async () => {
    await using test = await setUp();
    const eventId = randomUUID();
    await test.publisher.publish('typing_start', 'room', typing(ana, true), { eventId });
    await test.publisher.publish('typing_start', 'room', typing(ana, true), { eventId });
    await test.clock.advance(100);
    expect((await test.events('events:chat')).map(countOf)).toEqual([1]);
  });

  it('drops the sender’s waiting typing when a message comes, and counts it', async () => {
    await using test = await setUp();
    await test.publisher.publish('typing_start', 'room', typing(ana, true));
    await test.publisher.publish('typing_start', 'room', typing(bob, true));
    await test.clock.advance(50);
    await test.publisher.publish('chat_message', 'room', chat(ana));
    await test.clock.advance(50);
    const events = await test.events('events:chat');
    expect(events.map(({ event_type }) => event_type)).toEqual(['chat_message', 'typing_start']);
    expect(events[1]?.payload).toMatchObject({ user_id: bob });
    expect(test.dropped).toEqual([{ reason: 'ended', count: 1 }]);
  });

  it.each([-300_000, 0, 300_000])(
    'a message ends what was typed before it, not what comes after it, in the order of the calls, with timestamps off by %d ms',
    async (skewMs) => {
      await using test = await setUp();
      const timestamp = new Date(test.clock.wallMs() + skewMs).toISOString();
      // In one turn: nothing of it is on its way yet when the next call comes.
      const publishing = [
        test.publisher.publish('typing_start', 'room', typing(ana, true), { timestamp }),
        test.publisher.publish('typing_stop', 'room', typing(bob, false)),
        test.publisher.publish('chat_message', 'room', chat(ana)),
        test.publisher.publish('typing_stop', 'room', typing(ana, false), { timestamp }),
        test.publisher.publish('typing_start', 'room', typing(ana, true), { timestamp }),
        test.publisher.publish('chat_message', 'room', chat(ana), { timestamp }),
        test.publisher.publish('typing_start', 'room', typing(ana, true), { timestamp }),
      ] as const;
      const results = await Promise.all(publishing);
      await test.clock.advance(200);
      const events = await test.events('events:chat');
      expect(events.map(({ event_type }) => event_type).sort()).toEqual([
        'chat_message',
        'chat_message',
        'typing_start',
        'typing_stop',
      ]);
      expect(events.at(-1)).toMatchObject({ event_id: results[6].eventId, metadata: { coalesced_count: 1 } });
      expect(test.dropped.reduce((sum, { count }) => sum + count, 0)).toBe(3);
      // Each says that it came after the messages.
      const [, second] = (await test.broker.readRange('events:chat', { count: 10 })).map(({ id }) => id);
      const asOf = (await test.entries('events:chat')).at(-1)?.['as_of'];
      expect(compareEntryIds(asOf ?? '', second ?? '')).toBeGreaterThan(0);
    },
  );

  it('a message that is not stored ends nothing, so that no stop is lost', async () => {
    const clock = fakeClock();
    const broker = createMemoryBroker({ streams: eventCatalog.streams, clock });
    await broker.open();
    const refusing = new Proxy(broker, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (name === 'append')
          return (stream: string, entries: readonly OutgoingEntry[]) =>
            entries.some(({ fields }) => fields['event_type'] === 'chat_message')
              ? Promise.reject(new BrokerError('refused', 'not today'))
              : target.append(stream, entries);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
    await using test = await setUp({ broker: refusing, clock });
    const stopping = test.publisher.publish('typing_stop', 'room', typing(ana, false));
    const message = test.publisher.publish('chat_message', 'room', chat(ana));
    await expect(message).rejects.toThrow();
    await stopping;
    await clock.advance(200);
    const entries = await broker.readRange('events:chat', { count: 10 });
    expect(entries.map(({ fields }) => fields['event_type'])).toEqual(['typing_stop']);
    expect(test.dropped).toEqual([]);
    await broker.close();
  });

  it('a repeated message does not end what was typed since', async () => {
    await using test = await setUp();
    const eventId = randomUUID();
    await test.publisher.publish('chat_message', 'room', chat(ana), { eventId });
    const typed = test.publisher.publish('typing_start', 'room', typing(ana, true));
    await test.publisher.publish('chat_message', 'room', chat(ana), { eventId });
    await typed;
    await test.clock.advance(200);
    expect((await test.events('events:chat')).map(({ event_type }) => event_type)).toEqual([
      'chat_message',
      'typing_start',
    ]);
  });

  it('a publisher that closes waits for what is held back', async () => {
    await using test = await setUp();
    void test.publisher.publish('chat_message', 'room', chat(ana));
    void test.publisher.publish('typing_start', 'room', typing(ana, true));
    await test.publisher.close();
    expect((await test.events('events:chat')).map(({ event_type }) => event_type)).toEqual([
      'chat_message',
      'typing_start',
    ]);
  });

  it('flushes at once when asked, and when it is closed', async () => {
    await using test = await setUp();
    await test.publisher.publish('typing_start', 'one', typing(ana, true));
    await test.publisher.flush();
    expect(await test.entries('events:chat')).toHaveLength(1);
    await test.publisher.publish('typing_stop', 'one', typing(ana, false));
    await test.publisher.close();
    expect(await test.entries('events:chat')).toHaveLength(2);
  });

  it('keeps no timer after it was closed, so that a process can end', async () => {
    await using test = await setUp();
    await test.publisher.publish('typing_start', 'room', typing(bob, true));
    await test.publisher.publish('chat_message', 'room', chat(ana));
    await test.publisher.close();
    expect(test.clock.timerCount).toBe(0);
    expect(await test.entries('events:chat')).toHaveLength(2);
  });

  it('keeps no timer and no window once everything is quiet', async () => {
    await using test = await setUp();
    for (const room of ['a', 'b', 'c']) {
      await test.publisher.publish('typing_start', room, typing(ana, true));
      await test.publisher.publish('chat_message', room, chat(bob));
    }
    await test.clock.advance(60_000);
    expect(test.clock.timerCount).toBe(timersAtRest);
  });

  it('flushes the oldest window early at the bound of open windows', async () => {
    await using test = await setUp({ maxOpenWindows: 2 });
    for (const room of ['a', 'b', 'c']) await test.publisher.publish('typing_start', room, typing(ana, true));
    await test.clock.advance(0);
    expect((await test.events('events:chat')).map(({ room_id }) => room_id)).toEqual(['a']);
    await test.clock.advance(100);
    expect((await test.events('events:chat')).map(({ room_id }) => room_id)).toEqual(['a', 'b', 'c']);
  });

  it('loses nothing and miscounts nothing over random sequences', async () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('typing' as const),
        user: fc.constantFrom(ana, bob),
        isTyping: fc.boolean(),
      }),
      fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 150 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        await using test = await setUp();
        const last = new Map<string, boolean>();
        let inputs = 0;
        for (const action of steps) {
          if (action.kind === 'wait') {
            await test.clock.advance(action.ms);
            continue;
          }
          inputs += 1;
          last.set(action.user, action.isTyping);
          if (action.isTyping)
            await test.publisher.publish('typing_start', 'room', typing(action.user, true));
          else await test.publisher.publish('typing_stop', 'room', typing(action.user, false));
        }
        await test.publisher.flush();
        const events = await test.events('events:chat');
        expect(events.reduce((sum, event) => sum + countOf(event), 0)).toBe(inputs);
        for (const [user, isTyping] of last) {
          const own = events.filter(({ payload }) => (payload as { user_id: string }).user_id === user);
          expect(own.at(-1)?.payload).toMatchObject({ is_typing: isTyping });
        }
      }),
      { numRuns: 50 },
    );
  });
});

describe('what the broker does not take when a window ends', () => {
  it('is reported as dropped by a local window', async () => {
    await using test = await setUpPublisher({ coalescing: 'local' });
    await test.publisher.publish('typing_start', 'room', typing(ana, true));
    await test.publisher.publish('typing_start', 'room', typing(ana, true));
    vi.spyOn(test.broker, 'append').mockRejectedValue(new BrokerError('unavailable', 'gone'));
    await test.clock.advance(100 + 5_000);
    expect(test.dropped).toEqual([{ reason: 'unavailable', count: 2 }]);
  });

  it('waits in a shared window until the broker takes it', async () => {
    await using test = await setUpPublisher({ coalescing: 'redis' });
    await test.publisher.publish('typing_start', 'room', typing(ana, true));
    await test.publisher.publish('typing_start', 'room', typing(ana, true));
    const away = vi.spyOn(test.broker, 'append').mockRejectedValue(new BrokerError('unavailable', 'gone'));
    await test.clock.advance(1_000);
    expect(away.mock.calls.length).toBeGreaterThan(1);
    away.mockRestore();
    await test.clock.advance(1_000);
    expect((await test.events('events:chat')).map(countOf)).toEqual([2]);
    expect(test.dropped).toEqual([]);
  });

  it('is given up by a shared window after a minute, and counted', async () => {
    await using test = await setUpPublisher({ coalescing: 'redis' });
    await test.publisher.publish('typing_start', 'room', typing(ana, true));
    vi.spyOn(test.broker, 'append').mockRejectedValue(new BrokerError('unavailable', 'gone'));
    await test.clock.advance(62_000);
    expect(test.dropped).toEqual([{ reason: 'unavailable', count: 1 }]);
  });
});
