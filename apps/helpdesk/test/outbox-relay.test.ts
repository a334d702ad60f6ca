// What waits is published in its order, once, whatever happens to the broker meanwhile.
import { PublisherError } from '@millrace/publisher';
import { expect, test } from 'vitest';
import { OutboxRelay, type OutboxRelayOptions } from '../src/outbox/outbox-relay.js';
import { openDesk, openPublisher, seeded } from './fixtures.js';

const away = () =>
  new PublisherError('broker_unavailable', 'away', { eventId: 'whichever', outcome: 'unknown' });

type Publish = OutboxRelayOptions['publisher']['publishEvents'];

function createRelay(outbox: OutboxRelayOptions['outbox'], publishEvents: Publish) {
  const states: string[] = [];
  const rejected: string[] = [];
  const relay = new OutboxRelay({
    outbox,
    publisher: { publishEvents },
    retryBaseMs: 1,
    onStateChange: (state) => states.push(state),
    onRejected: ({ eventId }) => rejected.push(eventId),
  });
  return { relay, states, rejected };
}

test('a change reaches the stream of its type', async () => {
  await using desk = await openDesk();
  await using stage = await openPublisher();
  const { relay, states } = createRelay(desk.outbox, (events) => stage.publisher.publishEvents(events));
  desk.changes.setStatus(desk.maria, seeded.vpnTicket, 'solved');
  relay.wake();
  await relay.idle();
  expect(desk.outbox.size).toBe(0);
  expect((await stage.broker.inspect('events:ticket')).length).toBe(1);
  expect((await stage.broker.inspect('events:chat')).length).toBe(1);
  expect((await stage.broker.inspect('events:notification')).length).toBe(1);
  expect(states).toEqual([]);
});

test('while the broker is away events are kept, then published with the same ids in the same order', async () => {
  await using desk = await openDesk();
  const attempts: string[][] = [];
  const { relay, states } = createRelay(desk.outbox, async (events) => {
    attempts.push(events.map(({ event_id: id }) => id));
    if (attempts.length < 4) throw away();
    return [];
  });
  for (const text of ['one', 'two', 'three'])
    desk.changes.sendMessage(desk.noa, seeded.vpnTicket, text, text);
  relay.wake();
  await relay.idle();
  expect(attempts).toHaveLength(4);
  expect(new Set(attempts.map(String)).size).toBe(1);
  expect(attempts[0]).toHaveLength(3);
  expect(desk.outbox.size).toBe(0);
  // A line per change of state, not per attempt.
  expect(states).toEqual(['delayed', 'flowing']);
});

test('an event that is not acceptable does not block the others', async () => {
  await using desk = await openDesk();
  await using stage = await openPublisher();
  const { relay, rejected } = createRelay(desk.outbox, (events) => stage.publisher.publishEvents(events));
  desk.changes.sendMessage(desk.noa, seeded.vpnTicket, 'before', 'a');
  desk.outbox.change(() =>
    // @ts-expect-error a fault of the program
    desk.outbox.add('status_change', 'ticket:x', { request_id: 'no uuid' }, new Date().toISOString()),
  );
  desk.changes.sendMessage(desk.noa, seeded.vpnTicket, 'after', 'b');
  relay.wake();
  await relay.idle();
  expect(rejected).toHaveLength(1);
  expect((await stage.broker.inspect('events:chat')).length).toBe(2);
  expect(desk.outbox.size).toBe(0);
});

test('what could not be published before the end is published by the next start', async () => {
  await using desk = await openDesk();
  await using stage = await openPublisher();
  desk.changes.sendMessage(desk.noa, seeded.vpnTicket, 'left over', 'a');
  const broken = createRelay(desk.outbox, async () => {
    throw away();
  });
  broken.relay.wake();
  await broken.relay.close();
  expect(desk.outbox.size).toBe(1);
  const { relay } = createRelay(desk.outbox, (events) => stage.publisher.publishEvents(events));
  relay.wake();
  await relay.idle();
  expect((await stage.broker.inspect('events:chat')).length).toBe(1);
});
