// Read receipts are merged, kept while there is no connection, and sent until the gateway accepts them.
import { expect, test } from 'vitest';
import { type Setup, setUp } from './support/fake-gateway.js';

const id = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const ids = (...numbers: number[]): string[] => numbers.map(id);
const receipts = ({ gateway }: Setup): unknown[] =>
  gateway.connection.log
    .filter((call) => call.startsWith('MarkRead'))
    .map((call) => JSON.parse(call.split(' ')[2] ?? ''));

async function inRoom(setup: Setup): Promise<Setup> {
  await setup.client.connect();
  await setup.client.join('a').joined;
  return setup;
}

test('receipts are sent at once while there is a connection', async () => {
  const setup = await inRoom(setUp());
  setup.client.markRead('a', ids(1, 2));
  expect(receipts(setup)).toEqual([ids(1, 2)]);
});

test('receipts that are added during a call are merged and sent with the next call', async () => {
  const setup = await inRoom(setUp());
  const { client, gateway } = setup;
  gateway.isAnswering = false;
  client.markRead('a', ids(1));
  client.markRead('a', ids(2, 3));
  client.markRead('a', [id(3).toUpperCase(), id(4)]);
  expect(receipts(setup)).toEqual([ids(1)]);
  gateway.connection.call('MarkRead', 'a').answer(null);
  await setup.settle();
  expect(receipts(setup)).toEqual([ids(1), ids(2, 3, 4)]);
});

test('receipts that are added without a connection are kept, merged per room, and sent after the rejoin', async () => {
  const setup = await inRoom(setUp());
  const { client, gateway, clock } = setup;
  await client.join('b').joined;
  gateway.connection.close();
  client.markRead('a', ids(1));
  client.markRead('b', ids(9));
  client.markRead('a', ids(2));
  await clock.advance(500);
  expect(gateway.connection.log.slice(3)).toEqual([
    `MarkRead a ${JSON.stringify(ids(1, 2))}`,
    `MarkRead b ${JSON.stringify(ids(9))}`,
  ]);
});

test('a receipt that was being sent when the connection broke is sent again', async () => {
  const setup = await inRoom(setUp());
  const { client, gateway, clock } = setup;
  gateway.isAnswering = false;
  client.markRead('a', ids(1));
  client.markRead('a', ids(2));
  gateway.connection.close();
  gateway.isAnswering = true;
  await clock.advance(500);
  expect(receipts(setup)).toEqual([ids(1, 2)]);
});

test('the number of waiting receipts is limited, and the oldest receipts are dropped', async () => {
  const setup = await inRoom(setUp({ maxReceipts: 3 }));
  const { client, gateway, clock } = setup;
  gateway.connection.close();
  client.markRead('a', ids(1, 2));
  client.markRead('a', ids(3, 4));
  await clock.advance(500);
  expect(receipts(setup)).toEqual([ids(2, 3, 4)]);
});

test.each([
  'The event was not stored. Try again later.',
  'You send typing, receipts and states too fast. Send the last one again in 36 ms.',
])('receipts are kept while the gateway replies “%s”', async (reason) => {
  const setup = await inRoom(setUp());
  const { client, gateway, clock, errors } = setup;
  gateway.isAnswering = false;
  client.markRead('a', ids(1));
  for (let attempt = 0; attempt < 50; attempt += 1) {
    gateway.connection.call('MarkRead', 'a').refuse(reason);
    await clock.advance(60_000);
  }
  gateway.connection.call('MarkRead', 'a').answer(null);
  await setup.settle();
  expect(errors).toEqual([]);
  expect(receipts(setup)).toHaveLength(51);
});

test('refused receipts are retried with increasing delays, and dropped and reported after five refusals', async () => {
  const setup = await inRoom(setUp());
  const { client, gateway, clock, errors } = setup;
  gateway.isAnswering = false;
  client.markRead('a', ids(1));
  for (const waitMs of [1_000, 2_000, 4_000, 8_000]) {
    gateway.connection.call('MarkRead', 'a').refuse('Join the room first.');
    await clock.advance(waitMs - 1);
    expect(gateway.connection.calls).toHaveLength(0);
    await clock.advance(1);
  }
  client.markRead('a', ids(2));
  expect(errors).toEqual([]);
  gateway.connection.call('MarkRead', 'a').refuse('Join the room first.');
  await setup.settle();
  expect(errors).toMatchObject([{ code: 'refused', roomId: 'a' }]);
  expect(receipts(setup).at(-1), 'the next ones have their own tries').toEqual(ids(2));
});

test('refused receipts are sent at once after a reconnect, whatever their retry delay is', async () => {
  const setup = await inRoom(setUp());
  const { client, gateway, clock } = setup;
  gateway.isAnswering = false;
  client.markRead('a', ids(1));
  gateway.connection.call('MarkRead', 'a').refuse('later');
  await setup.settle();
  gateway.isAnswering = true;
  gateway.connection.close();
  await clock.advance(500);
  expect(receipts(setup)).toEqual([ids(1)]);
});

test('leaving a room sends its waiting receipts before it calls LeaveRoom', async () => {
  const setup = await inRoom(setUp());
  const { client, gateway } = setup;
  gateway.isAnswering = false;
  client.markRead('a', ids(1));
  client.markRead('a', ids(2));
  void client.leave('a');
  expect(gateway.connection.log.slice(-3)).toEqual([
    `MarkRead a ${JSON.stringify(ids(1))}`,
    `MarkRead a ${JSON.stringify(ids(2))}`,
    'LeaveRoom a',
  ]);
});

test('receipts that are added after close() are sent after a later call of connect()', async () => {
  const setup = await inRoom(setUp());
  const { client } = setup;
  await client.close();
  client.markRead('a', ids(1));
  await client.connect();
  await setup.settle();
  expect(receipts(setup)).toEqual([ids(1)]);
});

test.each([[['no uuid']], [[7]], ['text'], [undefined]])(
  'a call of markRead with the IDs %j is refused',
  async (messageIds) => {
    const setup = await inRoom(setUp());
    const mark = (): void => setup.client.markRead('a', messageIds as string[]);
    expect(mark).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  },
);

test('markRead is refused in a room that is not joined', async () => {
  const setup = await inRoom(setUp());
  expect(() => setup.client.markRead('b', ids(1))).toThrow('Join the room b first.');
  setup.client.markRead('a', []);
  expect(receipts(setup)).toEqual([]);
});
