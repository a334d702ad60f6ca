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
  // With windows in the broker, one timer always runs: the watch for other publishers' overdue windows.
  const timersAtRest = coalescing === 'local' ? 0 : 1;

  it('a typing event is accepted at once and published with its last state when the 100 ms window ends', async () => {
    await using system = await setUp();
    const result = await system.publisher.publish('typing_start', 'room', typing(ana, true));
    expect(result.status).toBe('coalesced');
    await system.clock.advance(60);
    const last = await system.publisher.publish('typing_stop', 'room', typing(ana, false));
    await system.clock.advance(39);
    expect(await system.entries('events:chat')).toEqual([]);
    await system.clock.advance(1);
    const events = await system.events('events:chat');
    expect(events).toMatchObject([
      { event_type: 'typing_stop', event_id: last.eventId, metadata: { coalesced_count: 2 } },
    ]);
    expect(system.coalesced).toHaveLength(1);
  });

  it('events of different users or different rooms are coalesced separately', async () => {
    await using system = await setUp();
    await system.publisher.publish('typing_start', 'one', typing(ana, true));
    await system.publisher.publish('typing_start', 'one', typing(bob, true));
    await system.publisher.publish('typing_start', 'two', typing(ana, true));
    await system.clock.advance(100);
    const events = await system.events('events:chat');
    expect(events.map(({ room_id, payload }) => [room_id, (payload as { user_id: string }).user_id])).toEqual(
      [
        ['one', ana],
        ['one', bob],
        ['two', ana],
      ],
    );
  });

  it('all read receipts in a window are published as one event with all message IDs', async () => {
    await using system = await setUp();
    const [first, second, third] = [randomUUID(), randomUUID(), randomUUID()];
    await system.publisher.publish('read_receipt', 'room', { user_id: ana, message_ids: [first, second] });
    await system.publisher.publish('read_receipt', 'room', { user_id: ana, message_ids: [second, third] });
    await system.clock.advance(100);
    expect(await system.events('events:chat')).toMatchObject([
      { payload: { user_id: ana, message_ids: [first, second, third] }, metadata: { coalesced_count: 2 } },
    ]);
  });

  it('merged receipts are split into several events if one event cannot contain all message IDs', async () => {
    await using system = await setUp();
    const lists = Array.from({ length: 20 }, () => Array.from({ length: 300 }, () => randomUUID()));
    for (const message_ids of lists) {
      await system.publisher.publish('read_receipt', 'room', { user_id: ana, message_ids });
    }
    await system.clock.advance(100);
    const events = await system.events('events:chat');
    expect(events.flatMap(({ payload }) => (payload as { message_ids: string[] }).message_ids)).toEqual(
      lists.flat(),
    );
    expect(events.reduce((sum, event) => sum + countOf(event), 0)).toBe(20);
    expect(events).toHaveLength(7);
  });

  it('an event that is published twice with the same ID is counted once', async () => {
    await using system = await setUp();
    const eventId = randomUUID();
    await system.publisher.publish('typing_start', 'room', typing(ana, true), { eventId });
    await system.publisher.publish('typing_start', 'room', typing(ana, true), { eventId });
    await system.clock.advance(100);
    expect((await system.events('events:chat')).map(countOf)).toEqual([1]);
  });

  it('a message drops the waiting typing event of its sender, and the drop is counted', async () => {
    await using system = await setUp();
    await system.publisher.publish('typing_start', 'room', typing(ana, true));
    await system.publisher.publish('typing_start', 'room', typing(bob, true));
    await system.clock.advance(50);
    await system.publisher.publish('chat_message', 'room', chat(ana));
    await system.clock.advance(50);
    const events = await system.events('events:chat');
    expect(events.map(({ event_type }) => event_type)).toEqual(['chat_message', 'typing_start']);
    expect(events[1]?.payload).toMatchObject({ user_id: bob });
    expect(system.dropped).toEqual([{ reason: 'ended', count: 1 }]);
  });

  it.each([-300_000, 0, 300_000])(
    'a message ends its sender’s earlier typing but not later typing, even if timestamps differ by %d ms',
    async (skewMs) => {
      await using system = await setUp();
      const timestamp = new Date(system.clock.wallMs() + skewMs).toISOString();
      // All calls are made in one turn, before any event is sent.
      const publishing = [
        system.publisher.publish('typing_start', 'room', typing(ana, true), { timestamp }),
        system.publisher.publish('typing_stop', 'room', typing(bob, false)),
        system.publisher.publish('chat_message', 'room', chat(ana)),
        system.publisher.publish('typing_stop', 'room', typing(ana, false), { timestamp }),
        system.publisher.publish('typing_start', 'room', typing(ana, true), { timestamp }),
        system.publisher.publish('chat_message', 'room', chat(ana), { timestamp }),
        system.publisher.publish('typing_start', 'room', typing(ana, true), { timestamp }),
      ] as const;
      const results = await Promise.all(publishing);
      await system.clock.advance(200);
      const events = await system.events('events:chat');
      expect(events.map(({ event_type }) => event_type).sort()).toEqual([
        'chat_message',
        'chat_message',
        'typing_start',
        'typing_stop',
      ]);
      expect(events.at(-1)).toMatchObject({ event_id: results[6].eventId, metadata: { coalesced_count: 1 } });
      expect(system.dropped.reduce((sum, { count }) => sum + count, 0)).toBe(3);
      // The `as_of` of the remaining typing event is after both messages.
      const [, second] = (await system.broker.readRange('events:chat', { count: 10 })).map(({ id }) => id);
      const asOf = (await system.entries('events:chat')).at(-1)?.['as_of'];
      expect(compareEntryIds(asOf ?? '', second ?? '')).toBeGreaterThan(0);
    },
  );

  it('a message that is not stored ends no typing, and the waiting typing_stop is published', async () => {
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
    await using system = await setUp({ broker: refusing, clock });
    const stopping = system.publisher.publish('typing_stop', 'room', typing(ana, false));
    const message = system.publisher.publish('chat_message', 'room', chat(ana));
    await expect(message).rejects.toThrow();
    await stopping;
    await clock.advance(200);
    const entries = await broker.readRange('events:chat', { count: 10 });
    expect(entries.map(({ fields }) => fields['event_type'])).toEqual(['typing_stop']);
    expect(system.dropped).toEqual([]);
    await broker.close();
  });

  it('a repeated message does not end typing that began after the message’s first publication', async () => {
    await using system = await setUp();
    const eventId = randomUUID();
    await system.publisher.publish('chat_message', 'room', chat(ana), { eventId });
    const typed = system.publisher.publish('typing_start', 'room', typing(ana, true));
    await system.publisher.publish('chat_message', 'room', chat(ana), { eventId });
    await typed;
    await system.clock.advance(200);
    expect((await system.events('events:chat')).map(({ event_type }) => event_type)).toEqual([
      'chat_message',
      'typing_start',
    ]);
  });

  it('a publisher that closes still stores typing that was published right after a message', async () => {
    await using system = await setUp();
    void system.publisher.publish('chat_message', 'room', chat(ana));
    void system.publisher.publish('typing_start', 'room', typing(ana, true));
    await system.publisher.close();
    expect((await system.events('events:chat')).map(({ event_type }) => event_type)).toEqual([
      'chat_message',
      'typing_start',
    ]);
  });

  it('flush() and close() publish the waiting events at once', async () => {
    await using system = await setUp();
    await system.publisher.publish('typing_start', 'one', typing(ana, true));
    await system.publisher.flush();
    expect(await system.entries('events:chat')).toHaveLength(1);
    await system.publisher.publish('typing_stop', 'one', typing(ana, false));
    await system.publisher.close();
    expect(await system.entries('events:chat')).toHaveLength(2);
  });

  it('a closed publisher has no timer, so that its process can end', async () => {
    await using system = await setUp();
    await system.publisher.publish('typing_start', 'room', typing(bob, true));
    await system.publisher.publish('chat_message', 'room', chat(ana));
    await system.publisher.close();
    expect(system.clock.timerCount).toBe(0);
    expect(await system.entries('events:chat')).toHaveLength(2);
  });

  it('a publisher keeps no timer for windows when no event waits', async () => {
    await using system = await setUp();
    for (const room of ['a', 'b', 'c']) {
      await system.publisher.publish('typing_start', room, typing(ana, true));
      await system.publisher.publish('chat_message', room, chat(bob));
    }
    await system.clock.advance(60_000);
    expect(system.clock.timerCount).toBe(timersAtRest);
  });

  it('the oldest window is flushed early if too many windows are open', async () => {
    await using system = await setUp({ maxOpenWindows: 2 });
    for (const room of ['a', 'b', 'c'])
      await system.publisher.publish('typing_start', room, typing(ana, true));
    await system.clock.advance(0);
    expect((await system.events('events:chat')).map(({ room_id }) => room_id)).toEqual(['a']);
    await system.clock.advance(100);
    expect((await system.events('events:chat')).map(({ room_id }) => room_id)).toEqual(['a', 'b', 'c']);
  });

  it('no typing event of a random sequence is lost, and the counts are correct', async () => {
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
        await using system = await setUp();
        const last = new Map<string, boolean>();
        let inputs = 0;
        for (const action of steps) {
          if (action.kind === 'wait') {
            await system.clock.advance(action.ms);
            continue;
          }
          inputs += 1;
          last.set(action.user, action.isTyping);
          if (action.isTyping)
            await system.publisher.publish('typing_start', 'room', typing(action.user, true));
          else await system.publisher.publish('typing_stop', 'room', typing(action.user, false));
        }
        await system.publisher.flush();
        const events = await system.events('events:chat');
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

describe('when the broker fails as a window ends', () => {
  it('a local window reports its event as dropped if the broker does not store it', async () => {
    await using system = await setUpPublisher({ coalescing: 'local' });
    await system.publisher.publish('typing_start', 'room', typing(ana, true));
    await system.publisher.publish('typing_start', 'room', typing(ana, true));
    vi.spyOn(system.broker, 'append').mockRejectedValue(new BrokerError('unavailable', 'gone'));
    await system.clock.advance(100 + 5_000);
    expect(system.dropped).toEqual([{ reason: 'unavailable', count: 2 }]);
  });

  it('an event waits in a shared window until the broker stores it', async () => {
    await using system = await setUpPublisher({ coalescing: 'redis' });
    await system.publisher.publish('typing_start', 'room', typing(ana, true));
    await system.publisher.publish('typing_start', 'room', typing(ana, true));
    const away = vi.spyOn(system.broker, 'append').mockRejectedValue(new BrokerError('unavailable', 'gone'));
    await system.clock.advance(1_000);
    expect(away.mock.calls.length).toBeGreaterThan(1);
    away.mockRestore();
    await system.clock.advance(1_000);
    expect((await system.events('events:chat')).map(countOf)).toEqual([2]);
    expect(system.dropped).toEqual([]);
  });

  it('a shared window drops and counts its event if the broker stores nothing for a minute', async () => {
    await using system = await setUpPublisher({ coalescing: 'redis' });
    await system.publisher.publish('typing_start', 'room', typing(ana, true));
    vi.spyOn(system.broker, 'append').mockRejectedValue(new BrokerError('unavailable', 'gone'));
    await system.clock.advance(62_000);
    expect(system.dropped).toEqual([{ reason: 'unavailable', count: 1 }]);
  });
});
