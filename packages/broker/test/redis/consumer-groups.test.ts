// Several consumer groups on the same streams: two deployments of gateways, or gateways beside a service of another kind.
import { createSubscriber } from '@millrace/broker';
import {
  append,
  beat,
  CHAT,
  present,
  publishNumbered,
  registerAt,
  registerHolder,
  runAllPasses,
  runPass,
  TICKET,
  trimAll,
  until,
} from '@millrace/testkit';
import { describe, expect, it } from 'vitest';
import { openBroker, query, settle, sharedRedis } from '../support/redis-fixture.js';

const redis = sharedRedis();

const group = 'millrace';
const streams = [{ name: CHAT, maxLength: 100 }];

describe('two groups on one stream', () => {
  it('each group consumes and acknowledges every entry, whatever the other group does', async () => {
    await using ours = await openBroker(redis.url);
    await using theirs = await openBroker(redis.url, { group });
    const a = await registerHolder(ours, 'a');
    const b = await registerHolder(theirs, 'b');
    const ids = await publishNumbered(ours, 20);
    await settle(ours, a.lease, present(ids[19]));
    expect(await ours.inspect(CHAT)).toMatchObject({ unconsumed: 0, pending: 0 });
    expect(await theirs.inspect(CHAT)).toMatchObject({ unconsumed: 20, pending: 0 });
    expect(await runPass(theirs, b.lease)).toMatchObject({ consumed: 20, acknowledged: 0, declaredDead: [] });
    await settle(theirs, b.lease, present(ids[19]));
    expect(await theirs.inspect(CHAT)).toMatchObject({ unconsumed: 0, pending: 0 });
  });

  it('subscribers of two groups can have the same names, slots and leases', async () => {
    await using ours = await openBroker(redis.url);
    await using theirs = await openBroker(redis.url, { group });
    for (const broker of [ours, theirs]) {
      await broker.register('same');
      expect(await broker.claimSlot('same', { instance: 'same' })).toEqual({ slot: 1, heldSlots: [1] });
      expect(await broker.acquireLease(CHAT, 'same')).toMatchObject({ stream: CHAT, fence: 1 });
    }
    await ours.releaseSlot('same');
    await ours.unregister('same');
    expect(await theirs.claimSlot('other')).toEqual({ slot: 2, heldSlots: [1, 2] });
    expect(await theirs.acquireLease(CHAT, 'other')).toBeUndefined();
    expect(await query(redis, 'hkeys', `cursors:{${CHAT}}:{${group}}`)).toEqual(['same']);
  });

  it('a group without a live subscriber does not stop the other group’s acknowledgements', async () => {
    await using ours = await openBroker(redis.url, { livenessMs: 100, leaseMs: 100 });
    await using theirs = await openBroker(redis.url, { group, livenessMs: 60_000 });
    await registerHolder(ours, 'dead');
    const b = await registerHolder(theirs, 'b');
    const ids = await publishNumbered(ours, 5);
    await settle(theirs, b.lease, present(ids[4]));
    expect(await theirs.inspect(CHAT)).toMatchObject({ pending: 0, unconsumed: 0 });
    expect(await query(redis, 'hkeys', `cursors:{${CHAT}}`)).toEqual(['dead']);
  });

  it('one group’s trim keeps every entry that the other group has not acknowledged', async () => {
    await using ours = await openBroker(redis.url, { streams });
    await using theirs = await openBroker(redis.url, { streams, group });
    const a = await registerHolder(ours, 'a');
    const b = await registerHolder(theirs, 'b');
    const ids = await publishNumbered(ours, 1_000);
    await settle(ours, a.lease, present(ids[999]));
    expect(await trimAll(ours, a.lease)).toEqual({ removed: 0, expired: 0 });
    await settle(theirs, b.lease, present(ids[499]));
    await trimAll(ours, a.lease);
    const first = present((await ours.inspect(CHAT)).firstId);
    expect(ids.indexOf(first)).toBeGreaterThan(300);
    expect(ids.indexOf(first)).toBeLessThanOrEqual(499);
    await settle(theirs, b.lease, present(ids[999]));
    await trimAll(theirs, b.lease);
    expect((await ours.inspect(CHAT)).length).toBeLessThan(300);
  });

  it('one group’s trim keeps the entry at the other group’s cursor, so that the other group suspects no gap', async () => {
    await redis.cli('config', 'set', 'stream-node-max-entries', '1');
    await using ours = await openBroker(redis.url, { streams });
    await using theirs = await openBroker(redis.url, { streams, group });
    const a = await registerHolder(ours, 'a');
    const b = await registerHolder(theirs, 'b');
    const ids = await publishNumbered(ours, 300);
    const cursor = present(ids[49]);
    await settle(ours, a.lease, present(ids[299]));
    for (const consumesAll of [false, true]) {
      if (consumesAll) await runAllPasses(theirs, b.lease, cursor);
      else await theirs.runLedgerPass(b.lease, { consumer: 'c', count: 50, cursor });
      await trimAll(ours, a.lease);
      expect((await ours.inspect(CHAT)).firstId).toBe(cursor);
    }
    await redis.cli('config', 'set', 'stream-node-max-entries', '100');
  });

  it('the hard cap counts for each group exactly the entries that it had not acknowledged', async () => {
    const options = { streams: [{ name: CHAT, maxLength: 10 }], hardCapFactor: 10 };
    await using ours = await openBroker(redis.url, options);
    await using theirs = await openBroker(redis.url, { ...options, group });
    const a = await registerHolder(ours, 'a');
    const b = await registerHolder(theirs, 'b');
    await redis.cli('xgroup', 'create', CHAT, 'foreign', '0');
    const ids = await publishNumbered(ours, 90);
    await settle(ours, a.lease, present(ids[89]));
    await settle(theirs, b.lease, present(ids[19]));
    await publishNumbered(ours, 60);
    expect(await ours.inspect(CHAT)).toMatchObject({ length: 100, expired: 0 });
    expect(await theirs.inspect(CHAT)).toMatchObject({ length: 100, expired: 30 });
    // A plain XADD does not enforce the hard cap. Either group's trim does, and counts the removed entries for both groups.
    await redis.cli('eval', `for i = 1, 100 do redis.call('XADD', KEYS[1], '*', 'a', 'b') end`, '1', CHAT);
    expect(await theirs.trim(b.lease)).toEqual({ status: 'trimmed', removed: 0, expired: 100 });
    expect(await ours.inspect(CHAT)).toMatchObject({ length: 100, expired: 60 });
    expect(await theirs.inspect(CHAT)).toMatchObject({ length: 100, expired: 130 });
    expect(await query(redis, 'hkeys', `expired:{${CHAT}}:{groups}`)).toEqual([group]);
  });

  it('a publisher with the default group counts the entries that a hard cap takes from the gateways’ group', async () => {
    const options = { streams: [{ name: CHAT, maxLength: 10 }], hardCapFactor: 10 };
    await using gateway = await openBroker(redis.url, { ...options, group });
    await gateway.register('a');
    await using publisher = await openBroker(redis.url, options);
    await publishNumbered(publisher, 150);
    expect(await gateway.inspect(CHAT)).toMatchObject({ length: 100, expired: 50 });
  });

  it('a wrong value at the count of expired entries is replaced, and counting begins again', async () => {
    const options = { streams: [{ name: CHAT, maxLength: 10 }], hardCapFactor: 10, group };
    await redis.cli('set', `expired:{${CHAT}}:{groups}`, 'x');
    await using broker = await openBroker(redis.url, options);
    await broker.register('a');
    expect(await broker.inspect(CHAT)).toMatchObject({ expired: 0 });
    await publishNumbered(broker, 130);
    expect(await broker.inspect(CHAT)).toMatchObject({ length: 100, expired: 30 });
  });

  it('a new group beside another one begins no new epoch, even if the newest entry was deleted', async () => {
    await using ours = await openBroker(redis.url);
    const start = await registerAt(ours, 'a');
    const ids = await publishNumbered(ours, 5);
    await beat(ours, 'a', { ...start, cursor: present(ids[4]) });
    await redis.cli('xdel', CHAT, present(ids[4]));
    await using theirs = await openBroker(redis.url, { group });
    expect(await registerAt(theirs, 'b')).toMatchObject({ epoch: start.epoch, cursor: '0-0' });
    expect(await beat(ours, 'a', { ...start, cursor: present(ids[4]) })).toMatchObject({ status: 'alive' });
  });

  it('subscribers of two groups begin again in the same new epoch when the stream is deleted and refilled', async () => {
    await using ours = await openBroker(redis.url, { streams });
    await using theirs = await openBroker(redis.url, { streams, group });
    const subscribers = [ours, theirs].map((broker, index) => {
      const seen: string[] = [];
      const resets: string[] = [];
      const subscriber = createSubscriber(broker, {
        name: `s${index}`,
        readBlockMs: 50,
        onEntry: (_, { fields }) => seen.push(fields['n'] ?? ''),
        onReset: (stream) => resets.push(stream),
      });
      return { subscriber, seen, resets };
    });
    for (const { subscriber } of subscribers) await subscriber.start();
    const before = await publishNumbered(ours, 5);
    await until(() => subscribers.every(({ seen }) => seen.length === 5));
    // A heartbeat has recorded the newest entry.
    await until(async () => (await redis.cli('hget', `epoch:{${CHAT}}`, 'lastId')) === before[4]);
    await redis.cli('del', CHAT);
    await publishNumbered(ours, 8, 100);
    await until(() => subscribers.every(({ resets }) => resets.length === 1));
    await until(() =>
      subscribers.every(({ seen }) => [...Array(8).keys()].every((n) => seen.includes(String(100 + n)))),
    );
    const [one, two] = subscribers.map(({ subscriber }) => subscriber.currentPosition([CHAT])[0]?.epoch);
    expect(one).toBe(two);
    for (const broker of [ours, theirs])
      await until(async () => {
        const { pending, unconsumed } = await broker.inspect(CHAT);
        return pending + unconsumed === 0;
      });
    for (const { subscriber } of subscribers) await subscriber.stop();
  });

  it('a type that a gateway of one group announces is known to the other group, because they share dead letters', async () => {
    await using ours = await openBroker(redis.url);
    await using theirs = await openBroker(redis.url, { group });
    await theirs.announce('b', ['order_placed']);
    expect(await ours.announced()).toEqual(new Set(['order_placed']));
    const { id } = await append(ours, { stream: CHAT, fields: { n: 'x' } });
    const rejected = { stream: CHAT, entry: { id, fields: { n: 'x' } }, reason: 'bad', rejectedBy: 'a' };
    expect([await ours.deadLetter(rejected), await theirs.deadLetter(rejected)]).toEqual([true, false]);
  });
});

it('a service that reads the default group gets every event beside gateways with another group', async () => {
  await redis.cli('xgroup', 'create', CHAT, 'signalr-consumers', '0', 'mkstream');
  await using broker = await openBroker(redis.url, { streams, group });
  const { lease } = await registerHolder(broker, 'a');
  const ids = await publishNumbered(broker, 25);
  await settle(broker, lease, present(ids[24]));
  await trimAll(broker, lease);
  const read = ['xreadgroup', 'group', 'signalr-consumers', 'signalr-instance-1', 'streams', CHAT];
  expect((await query(redis, 'xinfo', 'groups', CHAT)) as object[]).toContainEqual(
    expect.objectContaining({ name: 'signalr-consumers', pending: 0, 'last-delivered-id': '0-0', lag: 25 }),
  );
  const reply = (await query(redis, ...read, '>')) as Record<string, unknown[]> | [string, unknown[]][];
  const entries = Array.isArray(reply) ? reply[0]?.[1] : reply[CHAT];
  expect(entries).toHaveLength(25);
  // Entries that the service has read without acknowledging stay pending in its group, and stay in the stream.
  await settle(broker, lease, present((await publishNumbered(broker, 300)).at(-1)));
  await trimAll(broker, lease);
  expect(await query(redis, 'xpending', CHAT, 'signalr-consumers')).toEqual([
    25,
    ids[0],
    ids[24],
    [['signalr-instance-1', '25']],
  ]);
  expect((await broker.inspect(CHAT)).length).toBe(325);
});

it('a stream and its partitions can have a group of their own, beside the group of the other streams', async () => {
  const own = [
    { name: CHAT, maxLength: 10, partitions: 2, group: 'chats' },
    { name: TICKET, maxLength: 10 },
  ];
  await using broker = await openBroker(redis.url, { streams: own, minAgeMs: 0 });
  const subscriber = createSubscriber(broker, {
    name: 'a',
    readBlockMs: 50,
    trimIntervalMs: 20,
    onEntry: () => {},
  });
  await subscriber.start();
  const all = broker.partitioning.streams.map(({ name }) => name);
  for (const stream of all)
    for (let n = 0; n < 300; n++) await append(broker, { stream, fields: { n: String(n) } });
  for (const stream of all)
    await until(async () => {
      const { unconsumed, pending, length } = await broker.inspect(stream);
      // Trims wait for no other group.
      return unconsumed + pending === 0 && length < 300;
    });
  await subscriber.stop();
  for (const stream of all) {
    const groups = (await query(redis, 'xinfo', 'groups', stream)) as Record<string, unknown>[];
    const name = stream === TICKET ? 'signalr-consumers' : 'chats';
    expect(groups.map((info) => info['name'])).toEqual([name]);
  }
  expect(await redis.cli('exists', `lease:{${CHAT}.p0}:{chats}`, `lease:{${TICKET}}`)).toBe('2');
});
