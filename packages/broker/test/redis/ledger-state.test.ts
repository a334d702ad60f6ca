// XINFO and XPENDING show each state of an entry: Published, Consumed and Acknowledged.
import { CHAT, present, type RedisServer, startRedis } from '@millrace/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openBroker, publishEvents, query } from '../support/redis-fixture.js';

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(() => redis[Symbol.asyncDispose]());

it('each step in the life of an entry is visible in XINFO GROUPS, XINFO CONSUMERS and XPENDING', async () => {
  await using broker = await openBroker(redis.url);
  const groups = () => query(redis, 'xinfo', 'groups', CHAT);
  const consumers = () => query(redis, 'xinfo', 'consumers', CHAT, 'signalr-consumers');
  const pending = () => query(redis, 'xpending', CHAT, 'signalr-consumers');

  // Created: the group is there before the first entry.
  const start = present((await broker.register('gateway-a'))[0]);
  const { slot } = await broker.claimSlot('gateway-a');
  const lease = present(await broker.acquireLease(CHAT, 'gateway-a'));
  const consumer = `${broker.options.consumerPrefix}${slot}`;
  expect(await groups()).toMatchObject([
    { name: 'signalr-consumers', consumers: 0, pending: 0, 'last-delivered-id': '0-0' },
  ]);

  // Published.
  const ids = await publishEvents(broker, 5);
  expect(await groups()).toMatchObject([{ pending: 0, 'last-delivered-id': '0-0', lag: 5 }]);
  expect(await consumers()).toEqual([]);

  // Consumed.
  await broker.runLedgerPass(lease, { consumer, count: 200 });
  expect(await groups()).toMatchObject([
    { consumers: 1, pending: 5, 'last-delivered-id': ids[4], 'entries-read': 5, lag: 0 },
  ]);
  expect(await consumers()).toMatchObject([{ name: 'signalr-instance-1', pending: 5 }]);
  expect(await pending()).toEqual([5, ids[0], ids[4], [['signalr-instance-1', '5']]]);

  // Acknowledged up to the smallest cursor of all gateways.
  const progress = { ...start, cursor: present(ids[2]) };
  await broker.heartbeat('gateway-a', new Map([[CHAT, progress]]));
  await broker.runLedgerPass(lease, { consumer, count: 200 });
  expect(await pending()).toEqual([2, ids[3], ids[4], [['signalr-instance-1', '2']]]);

  await broker.runLedgerPass(lease, { consumer, count: 200, cursor: present(ids[4]) });
  expect(await pending()).toEqual([0, null, null, null]);
  expect(await groups()).toMatchObject([{ consumers: 1, pending: 0, 'last-delivered-id': ids[4], lag: 0 }]);
  expect(await query(redis, 'xlen', CHAT)).toBe(5);
});
