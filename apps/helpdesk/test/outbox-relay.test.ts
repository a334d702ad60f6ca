// The relay publishes the waiting events once and in order, whatever happens to the broker.
import { PublisherError } from '@millrace/publisher';
import { expect, test } from 'vitest';
import { OutboxRelay, type OutboxRelayOptions, retryDelayMs } from '../src/outbox/outbox-relay.js';
import { openHelpdesk, openPublisher, seeded } from './fixtures.js';

const unavailable = () =>
  new PublisherError('broker_unavailable', 'no broker', { eventId: 'any', outcome: 'unknown' });

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

test('the events of a change reach the streams of their types', async () => {
  await using helpdesk = await openHelpdesk();
  await using stage = await openPublisher();
  const { relay, states } = createRelay(helpdesk.outbox, (events) => stage.publisher.publishEvents(events));
  helpdesk.changes.setStatus(helpdesk.maria, seeded.vpnTicket, 'solved');
  await relay.idle();
  expect(helpdesk.outbox.size).toBe(0);
  expect((await stage.broker.inspect('events:ticket')).length).toBe(1);
  expect((await stage.broker.inspect('events:chat')).length).toBe(3);
  expect((await stage.broker.inspect('events:notification')).length).toBe(1);
  expect(states).toEqual([]);
});

test('events wait while the broker is unavailable, and are then published in order with the same IDs', async () => {
  await using helpdesk = await openHelpdesk();
  for (const text of ['one', 'two', 'three'])
    helpdesk.changes.sendMessage(helpdesk.noa, seeded.vpnTicket, text, text);
  const attempts: string[][] = [];
  const { relay, states } = createRelay(helpdesk.outbox, async (events) => {
    attempts.push(events.map(({ event_id: id }) => id));
    if (attempts.length < 4) throw unavailable();
    return [];
  });
  await relay.idle();
  expect(attempts).toHaveLength(4);
  expect(new Set(attempts.map(String)).size).toBe(1);
  expect(attempts[0]).toHaveLength(9);
  expect(helpdesk.outbox.size).toBe(0);
  // The relay reports each change of state once, not each attempt.
  expect(states).toEqual(['delayed', 'flowing']);
});

test('an event that violates the contract does not block other events', async () => {
  await using helpdesk = await openHelpdesk();
  await using stage = await openPublisher();
  helpdesk.changes.sendMessage(helpdesk.noa, seeded.vpnTicket, 'before', 'a');
  const time = { timestamp: new Date().toISOString() };
  helpdesk.outbox.transact(() =>
    // @ts-expect-error an invalid payload
    helpdesk.outbox.add('status_change', 'ticket:x', { request_id: 'no uuid' }, time),
  );
  helpdesk.changes.sendMessage(helpdesk.noa, seeded.vpnTicket, 'after', 'b');
  const { relay, rejected } = createRelay(helpdesk.outbox, (events) => stage.publisher.publishEvents(events));
  await relay.idle();
  expect(rejected).toHaveLength(1);
  expect((await stage.broker.inspect('events:chat')).length).toBe(6);
  expect(helpdesk.outbox.size).toBe(0);
});

test('events that remain when a relay is closed are published by the next relay', async () => {
  await using helpdesk = await openHelpdesk();
  await using stage = await openPublisher();
  helpdesk.changes.sendMessage(helpdesk.noa, seeded.vpnTicket, 'left over', 'a');
  const broken = createRelay(helpdesk.outbox, async () => {
    throw unavailable();
  });
  await broken.relay.close();
  expect(helpdesk.outbox.size).toBe(3);
  const { relay } = createRelay(helpdesk.outbox, (events) => stage.publisher.publishEvents(events));
  await relay.idle();
  expect((await stage.broker.inspect('events:chat')).length).toBe(3);
});

test('a database that cannot be read for a moment delays the events, and does not stop the relay', async () => {
  await using helpdesk = await openHelpdesk();
  helpdesk.database.exec('ALTER TABLE outbox RENAME TO outbox_away');
  const states: string[] = [];
  const relay = new OutboxRelay({
    outbox: helpdesk.outbox,
    publisher: { publishEvents: async () => [] },
    retryBaseMs: 1,
    onStateChange: (state) => {
      states.push(state);
      if (state === 'delayed') helpdesk.database.exec('ALTER TABLE outbox_away RENAME TO outbox');
    },
    onRejected: () => {},
  });
  await relay.idle();
  helpdesk.changes.sendMessage(helpdesk.noa, seeded.vpnTicket, 'Hello', 'a');
  await relay.idle();
  expect(helpdesk.outbox.size).toBe(0);
  expect(states).toEqual(['delayed', 'flowing']);
});

test('the first delay is at most the base, each further one at most twice the one before, and none is over 5 s', () => {
  const bounds = (random: number) => [0, 1, 2, 40].map((failures) => retryDelayMs(200, failures, random));
  expect(bounds(0)).toEqual([200, 400, 800, 5_000]);
  expect(bounds(1)).toEqual([100, 200, 400, 2_500]);
});
