// Streams that another system owns (`retention: 'observe'`): nothing of theirs is removed or acknowledged, and no key of ours
// stays for ever.
import { type Broker, createRedisBroker, createSubscriber, type RevocationChange } from '@millrace/broker';
import { type Clock, systemClock } from '@millrace/internal';
import {
  append,
  CHAT,
  present,
  publishNumbered,
  registerHolder,
  runPass,
  SUITE_OPTIONS,
  trimAll,
  until,
} from '@millrace/testkit';
import { describe, expect, it } from 'vitest';
import { openBroker, query, settle, sharedRedis } from '../support/redis-fixture.js';

const redis = sharedRedis();

const OLD_GROUP = 'signalr-consumers';
/** A stream of ten entries whose hard cap is 20. */
const small = { streams: [{ name: CHAT, maxLength: 10 }], hardCapFactor: 2, minAgeMs: 0 };
const observing = {
  ...small,
  streams: [{ name: CHAT, maxLength: 10, retention: 'observe' as const }],
};

/** Creates the group of an old service, which has read the first entries and acknowledged one of them. */
async function startOldService(): Promise<string> {
  await redis.cli('xgroup', 'create', CHAT, OLD_GROUP, '0', 'mkstream');
  for (let n = 0; n < 3; n++) await redis.cli('xadd', CHAT, '*', 'n', `old ${n}`);
  await redis.cli('xreadgroup', 'group', OLD_GROUP, 'signalr-instance-1', 'count', '2', 'streams', CHAT, '>');
  const [first] = (await query(redis, 'xrange', CHAT, '-', '+', 'count', '1')) as [string, unknown][];
  await redis.cli('xack', CHAT, OLD_GROUP, present(first)[0]);
  return oldGroup();
}

/** Returns everything that Redis tells of the old service's group. */
async function oldGroup(): Promise<string> {
  const groups = (await query(redis, 'xinfo', 'groups', CHAT)) as Record<string, unknown>[];
  const { lag: _, ...group } = present(groups.find(({ name }) => name === OLD_GROUP));
  const pending = (await query(redis, 'xpending', CHAT, OLD_GROUP, '-', '+', '100')) as unknown[][];
  return JSON.stringify([group, pending.map(([id, consumer, , deliveries]) => [id, consumer, deliveries])]);
}

/** Returns a revocation with this name. */
function revocation(name: string): RevocationChange {
  return { name, state: 'revoked', fields: { n: '1' }, keepMs: 60_000 };
}

/** Erases the entry with this ID. */
function eraseEntry(broker: Broker, id: string): Promise<string | undefined> {
  return broker.erasures.erase(CHAT, { control: { erased: id }, ids: [id], dedupeIds: ['e'] });
}

describe('a stream of another system', () => {
  it('the stream keeps every entry, beyond length and hard cap, whatever a gateway or publisher does', async () => {
    const before = await startOldService();
    await using broker = await openBroker(redis.url, observing);
    const { lease } = await registerHolder(broker, 'a');
    const ids = await publishNumbered(broker, 100);
    await settle(broker, lease, present(ids.at(-1)));
    await trimAll(broker, lease);
    expect(await broker.inspect(CHAT)).toMatchObject({ length: 103, pending: 0, unconsumed: 0, expired: 0 });
    const control = present(await eraseEntry(broker, present(ids[0])));
    await settle(broker, lease, control);
    expect(await broker.erasures.remove(CHAT)).toEqual({ removed: 0, waiting: 0, isKept: true });
    expect(await broker.inspect(CHAT)).toMatchObject({ length: 104 });
    expect(await oldGroup()).toBe(before);
  });

  it('every key beside the stream has the prefix and a TTL, whatever is written', async () => {
    await startOldService();
    await using broker = await openBroker(redis.url, observing);
    const { lease } = await registerHolder(broker, 'a');
    await broker.claimSlot('a');
    const [first = ''] = await publishNumbered(broker, 5);
    await append(broker, { stream: CHAT, fields: { n: '1' }, dedupeId: 'one' });
    await broker.deadLetter({
      stream: CHAT,
      entry: { id: first, fields: { n: '1' } },
      reason: 'bad',
      rejectedBy: 'a',
    });
    const window = { roomId: 'room', slot: 'typing' };
    await broker.windows.add(window, [{ id: 'i', text: 'x' }], { windowMs: 60_000, stream: CHAT });
    await broker.announce('a', ['chat_message']);
    await broker.counters.count({ name: 'any', ageMs: 0, keepMs: 60_000 });
    const { lease: held } = await broker.presence.renew({ leaseMs: 10_000 });
    await broker.presence.addToIndex(present(held).holder, ['room']);
    await broker.revocations.change(CHAT, {
      name: 'members',
      state: 'revoked',
      fields: { n: '1' },
      keepMs: 60_000,
    });
    await eraseEntry(broker, first);
    await runPass(broker, lease);
    // Every cursor is removed and written again, as after the death of all gateways.
    await redis.cli('del', `millrace:cursors:{${CHAT}}:{millrace}`);
    await settle(broker, lease, first);
    const all = (await query(redis, 'keys', '*')) as string[];
    const ours = all.filter((key) => key !== CHAT);
    expect(ours.filter((key) => !key.startsWith('millrace:'))).toEqual([]);
    expect(ours.length).toBeGreaterThanOrEqual(13);
    for (const key of ours) expect([key, Number(await redis.cli('pttl', key)) > 0]).toEqual([key, true]);
    expect(await redis.cli('pttl', CHAT)).toBe('-1');
  });

  it('the stream is not created, and its group is created when its owner adds the first entry', async () => {
    await using broker = await openBroker(redis.url, observing);
    const { lease } = await registerHolder(broker, 'a');
    expect(await runPass(broker, lease)).toEqual({
      status: 'done',
      consumed: 0,
      acknowledged: 0,
      declaredDead: [],
    });
    expect(await redis.cli('exists', CHAT)).toBe('0');
    const id = await redis.cli('xadd', CHAT, '*', 'n', '1');
    await settle(broker, lease, id);
    expect(await broker.inspect(CHAT)).toMatchObject({ length: 1, pending: 0, unconsumed: 0 });
  });

  it('the stream has no partitions', async () => {
    await using broker = await openBroker(redis.url, observing);
    await broker.register('a');
    expect(broker.partitioning.streams.map(({ name }) => name)).toEqual([CHAT]);
    const streams = [{ name: CHAT, maxLength: 10, retention: 'observe' as const, partitions: 4 }];
    expect(() => createRedisBroker({ ...SUITE_OPTIONS, url: redis.url, streams })).toThrow(
      `stream ${CHAT} has 4 partitions, but another system owns it (retention 'observe'): give it 1 partition`,
    );
  });

  it('the stream shares its Redis with a stream of our own, which has the prefix and is trimmed', async () => {
    const streams = [...observing.streams, { name: 'events:own', maxLength: 10 }];
    await using broker = await openBroker(redis.url, { ...observing, streams });
    await publishNumbered(broker, 60);
    for (let n = 0; n < 60; n++) await append(broker, { stream: 'events:own', fields: { n: `${n}` } });
    expect((await query(redis, 'xlen', CHAT)) as number).toBe(60);
    expect((await query(redis, 'xlen', 'millrace:events:own')) as number).toBe(20);
  });
});

describe('a process whose catalog does not name the owner of the stream', () => {
  it('a process whose catalog does not say so learns from Redis that another system owns the stream, and removes nothing', async () => {
    await using observer = await openBroker(redis.url, observing);
    await using publisher = await openBroker(redis.url, small);
    const ids = await publishNumbered(publisher, 100);
    expect(await query(redis, 'xlen', CHAT)).toBe(100);
    const { lease } = await registerHolder(publisher, 'wrong');
    await settle(publisher, lease, present(ids.at(-1)));
    await trimAll(publisher, lease);
    expect(await query(redis, 'xlen', CHAT)).toBe(100);
    const control = present(await eraseEntry(publisher, present(ids[3])));
    await settle(publisher, lease, control);
    expect(await publisher.erasures.remove(CHAT)).toEqual({ removed: 0, waiting: 0, isKept: true });
    expect(await redis.cli('exists', `erasing:{${CHAT}}`)).toBe('0');
    expect(await query(redis, 'xlen', CHAT)).toBe(101);
    expect(observer.options.group).toBe('millrace');
  });

  it('the process removes entries as usual if the stream has no such owner', async () => {
    await using publisher = await openBroker(redis.url, small);
    await publishNumbered(publisher, 100);
    expect(await query(redis, 'xlen', CHAT)).toBe(20);
  });
});

describe('two deployments with different key prefixes that observe one stream', () => {
  it('each deployment has its own consumer group, and applies the removals of both deployments', async () => {
    await startOldService();
    await using first = await openBroker(redis.url, observing);
    await using second = await openBroker(redis.url, { ...observing, keyPrefix: 'acme:' });
    expect([first.options.group, second.options.group]).toEqual(['millrace', 'millrace-acme:']);
    const holders = [await registerHolder(first, 'a'), await registerHolder(second, 'a')];
    const ids = await publishNumbered(first, 5);
    for (const [index, broker] of [first, second].entries()) {
      await settle(broker, present(holders[index]).lease, present(ids.at(-1)));
      expect(await broker.inspect(CHAT)).toMatchObject({ pending: 0, unconsumed: 0 });
    }
    await first.revocations.change(CHAT, revocation('a'));
    expect(await second.revocations.list(CHAT)).toMatchObject([{ name: 'a', state: 'revoked' }]);
  });

  it('a deployment refuses the consumer group of the other deployment', async () => {
    await startOldService();
    await using first = await openBroker(redis.url, observing);
    const { lease } = await registerHolder(first, 'a');
    const [id = ''] = await publishNumbered(first, 1);
    await settle(first, lease, id);
    for (const options of [{ ...observing, keyPrefix: 'acme:' }, small]) {
      await using second = await openBroker(redis.url, { ...options, group: 'millrace' });
      await expect(second.register('b')).rejects.toMatchObject({ code: 'foreign_group' });
    }
  });
});

it('a group that another program has made together with a missing stream is neither read nor acknowledged', async () => {
  const named = { ...observing, group: OLD_GROUP };
  await using broker = await openBroker(redis.url, named);
  const { lease } = await registerHolder(broker, 'a');
  await runPass(broker, lease);
  const before = await startOldService();
  await expect(runPass(broker, lease)).rejects.toMatchObject({ code: 'foreign_group' });
  expect(await oldGroup()).toBe(before);
  // Another gateway of the deployment finds cursors of the first one.
  await using second = await openBroker(redis.url, named);
  await expect(second.register('b')).rejects.toMatchObject({ code: 'foreign_group' });
  // The owner may delete the stream and begin it again.
  await redis.cli('del', CHAT);
  await runPass(broker, lease);
  await redis.cli('xadd', CHAT, '*', 'n', '1');
  expect(await runPass(broker, lease)).toMatchObject({ status: 'done', consumed: 1 });
});

it('a process that only publishes renews the mark once a day', async () => {
  let passedMs = 0;
  const clock: Clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + passedMs };
  await using publisher = await openBroker(redis.url, { ...observing, clock });
  const mark = `millrace:observed:{${CHAT}}`;
  await redis.cli('pexpire', mark, '60000');
  await publishNumbered(publisher, 1);
  expect(Number(await redis.cli('pttl', mark))).toBeLessThanOrEqual(60_000);
  passedMs = 86_400_001;
  await publishNumbered(publisher, 1);
  await publishNumbered(publisher, 1); // Redis answers on one connection in order.
  expect(Number(await redis.cli('pttl', mark))).toBeGreaterThan(60_000);
});

it('removals are kept when a stream is no longer observed, and when it is observed later', async () => {
  const [observer, owner] = [observing, small];
  const change = async (options: typeof observing | typeof small, ...names: readonly string[]) => {
    await using broker = await openBroker(redis.url, options);
    await broker.register('gateway');
    for (const name of names) {
      const [text = '', state] = name.split('=');
      await broker.revocations.change(CHAT, {
        ...revocation(text),
        state: state === '0' ? 'restored' : 'revoked',
      });
    }
    const found = await broker.revocations.list(CHAT);
    return found.map(({ name, state }) => `${name} ${state}`).toSorted();
  };
  await redis.cli('xadd', CHAT, '*', 'n', '1');
  await change(observer, ...Array.from({ length: 1_200 }, (_, n) => `old ${n}`));
  const kept = await change(owner, 'old 0=0', 'new');
  expect(kept).toHaveLength(1_201);
  // The record of the observer is older now.
  expect(await change(owner)).toEqual(kept);
  expect(await change(observer)).toEqual(kept);
  expect(kept).toContain('old 0 restored');
  expect(Number(await redis.cli('pttl', `revoked:{${CHAT}}`))).toBeGreaterThan(0);
});

it('a stream that is no longer observed, and whose mark was removed, is trimmed by the same consumer group', async () => {
  await startOldService();
  {
    await using observer = await openBroker(redis.url, observing);
    const { lease } = await registerHolder(observer, 'a');
    const ids = await publishNumbered(observer, 50);
    await settle(observer, lease, present(ids.at(-1)));
  }
  await redis.cli('del', `millrace:observed:{${CHAT}}`);
  await redis.cli('xgroup', 'destroy', CHAT, OLD_GROUP);
  await using broker = await openBroker(redis.url, { ...small, group: 'millrace' });
  const { lease, start } = await registerHolder(broker, 'b');
  expect(start.cursor).not.toBe('0-0');
  await trimAll(broker, lease);
  expect(await query(redis, 'xlen', CHAT)).toBeLessThanOrEqual(20);
});

it('a consumer group of another program in one stream does not stop the acknowledgements in the other streams', async () => {
  const other = 'events:other';
  const streams = [...observing.streams, { name: other, maxLength: 10, retention: 'observe' as const }];
  await using broker = await openBroker(redis.url, { ...observing, streams, group: OLD_GROUP });
  const troubles: string[] = [];
  const seen: string[] = [];
  const subscriber = createSubscriber(broker, {
    name: 'a',
    readBlockMs: 50,
    onEntry: (stream) => seen.push(stream),
    onTrouble: ({ stream, message }) => troubles.push(`${stream}: ${message}`),
  });
  await subscriber.start();
  const before = await startOldService();
  await redis.cli('xadd', other, '*', 'n', '1');
  await until(() => troubles.length > 0);
  await until(async () => {
    const { pending, unconsumed } = await broker.inspect(other);
    return pending + unconsumed === 0;
  });
  expect(troubles).toEqual([expect.stringMatching(/^events:chat: Another program reads events:chat/)]);
  // The entries are delivered nevertheless, and the group is left alone.
  expect(seen.filter((stream) => stream === CHAT)).toHaveLength(3);
  expect(await oldGroup()).toBe(before);
  await subscriber.stop();
});

describe('the consumer group of another program', () => {
  it.each([
    ['the default group', {}],
    ['an observer that names it', { ...observing, group: OLD_GROUP }],
  ])('the group is refused to %s', async (_, options) => {
    const before = await startOldService();
    await using broker = await openBroker(redis.url, options);
    const refused = broker.register('a');
    await expect(refused).rejects.toThrow(
      expect.objectContaining({
        code: 'foreign_group',
        message: expect.stringContaining(`XGROUP DESTROY ${CHAT} ${OLD_GROUP}`),
      }),
    );
    expect(await oldGroup()).toBe(before);
  });

  it('the group is ours if nobody has read it yet, and stays ours', async () => {
    await redis.cli('xgroup', 'create', CHAT, OLD_GROUP, '0', 'mkstream');
    await redis.cli('xgroup', 'createconsumer', CHAT, OLD_GROUP, 'signalr-instance-1');
    await using broker = await openBroker(redis.url);
    const { lease } = await registerHolder(broker, 'a');
    const [id = ''] = await publishNumbered(broker, 1);
    await settle(broker, lease, id);
    await broker.unregister('a');
    await expect(broker.register('b')).resolves.toHaveLength(2);
  });

  it('the group is not mistaken for the group of observers, whose keys have expired', async () => {
    await using broker = await openBroker(redis.url, observing);
    const { lease } = await registerHolder(broker, 'a');
    const [id = ''] = await publishNumbered(broker, 1);
    await settle(broker, lease, id);
    for (const key of (await query(redis, 'keys', 'millrace:*')) as string[]) await redis.cli('del', key);
    await expect(broker.register('b')).resolves.toMatchObject([{ cursor: id }]);
  });
});
