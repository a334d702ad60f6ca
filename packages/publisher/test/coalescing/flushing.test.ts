// Windows in the broker are flushed: with more events than the publish queue accepts, and while events cannot be stored.
import { randomUUID } from 'node:crypto';
import { BrokerError } from '@millrace/broker';
import { expect, it, vi } from 'vitest';
import { setUp } from '../set-up.js';

const shared = { coalescing: 'redis' } as const;
const receipt = () => ({ user_id: randomUUID(), message_ids: [randomUUID()] });

it('flush() stores all events of many windows, although these are more than the publish queue accepts', async () => {
  const { broker, publisher, stored } = await setUp(shared);
  const [rooms, eventsPerRoom] = [64, 200];
  await Promise.all(
    Array.from({ length: rooms * eventsPerRoom }, (_, n) =>
      publisher.publish('read_receipt', `room ${n % rooms}`, receipt()),
    ),
  );
  // No time passes, so no event is stored by a second flush.
  await publisher.flush();
  expect(new Set(stored.map(({ event_id }) => event_id)).size).toBe(rooms * eventsPerRoom);
  expect(await broker.inspect('events:chat')).toMatchObject({ entriesAdded: rooms * eventsPerRoom });
});

it('flush() and close() try again to store the events of a window after a failure', async () => {
  for (const end of ['flush', 'close'] as const) {
    const { broker, clock, publisher, events } = await setUp(shared);
    const { eventId } = await publisher.publish('read_receipt', 'room', receipt());
    vi.spyOn(broker, 'append').mockRejectedValueOnce(new BrokerError('unavailable', 'away'));
    const ending = publisher[end]();
    await clock.advance(1_000);
    await ending;
    expect((await events('events:chat')).map(({ event_id }) => event_id)).toEqual([eventId]);
  }
});

it('flush() gives up after some seconds without the store, and the events stay in their window', async () => {
  const { broker, clock, publisher, events } = await setUp(shared);
  const { eventId } = await publisher.publish('read_receipt', 'room', receipt());
  const away = vi.spyOn(broker, 'append').mockRejectedValue(new BrokerError('unavailable', 'away'));
  const flushing = publisher.flush();
  await clock.advance(10_000);
  await flushing;
  away.mockRestore();
  await clock.advance(1_000);
  expect((await events('events:chat')).map(({ event_id }) => event_id)).toEqual([eventId]);
});

it('an event whose window stays full is refused with the code outbox_full', async () => {
  const { broker, clock, publisher } = await setUp(shared);
  vi.spyOn(broker.windows, 'add').mockResolvedValue({ outcomes: ['full'], isOpened: false, dueInMs: 100 });
  const refusal = publisher.publish('read_receipt', 'room', receipt()).catch((error: unknown) => error);
  await clock.advance(100);
  expect(await refusal).toMatchObject({ code: 'outbox_full', outcome: 'not_stored' });
});

it('a broker that refuses the flushes of windows is reported once a minute, and the events are stored when it accepts them', async () => {
  const refused: string[] = [];
  const observer = {
    flushRefused: (slot: string, cause: Error) => void refused.push(`${slot}: ${cause.message}`),
  };
  const { broker, clock, publisher, events } = await setUp({ ...shared, observer });
  const denied = new BrokerError('refused', 'NOPERM');
  const claim = vi.spyOn(broker.windows, 'claim').mockRejectedValue(denied);
  const { eventId } = await publisher.publish('read_receipt', 'room', receipt());
  await clock.advance(50_000);
  expect(refused).toEqual(['read_receipt: NOPERM']);
  await clock.advance(20_000);
  expect(refused).toHaveLength(2);
  claim.mockRestore();
  await clock.advance(1_000);
  expect((await events('events:chat')).map(({ event_id }) => event_id)).toEqual([eventId]);
  vi.spyOn(broker.windows, 'overdue').mockRejectedValue(new BrokerError('refused', 'no index'));
  await clock.advance(60_000);
  expect(refused.slice(2)).toContain('typing: no index');
});
