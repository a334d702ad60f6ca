// Two deployments with different key prefixes on one Redis. Every key begins with a prefix, and the deployments do not see
// each other.
import { type Broker, createRedisBroker, createSubscriber, isPositionValid } from '@millrace/broker';
import {
  append,
  beat,
  CHAT,
  present,
  publishNumbered,
  registerAt,
  registerHolder,
  runAllPasses,
  SUITE_OPTIONS,
  trimAll,
  until,
} from '@millrace/testkit';
import { expect, it } from 'vitest';
import { openBroker, query, sharedRedis } from '../support/redis-fixture.js';

const redis = sharedRedis();

const window = { roomId: 'room', slot: 'typing' };

/** Uses every feature of the broker that writes keys. Returns the number of entries in CHAT. */
async function useEverything(broker: Broker): Promise<number> {
  const { lease } = await registerHolder(broker, 'a');
  await broker.claimSlot('a', { instance: 'a' });
  await broker.announce('a', ['chat_message']);
  const ids = await publishNumbered(broker, 30);
  const fields = { n: '1' };
  for (const isDuplicate of [false, true])
    expect(await append(broker, { stream: CHAT, fields, dedupeId: 'one' })).toMatchObject({ isDuplicate });
  await runAllPasses(broker, lease, present(ids[9]));
  await broker.counters.count({ name: 'any', ageMs: 0, keepMs: 60_000 });
  await broker.windows.add(window, [{ id: 'i', text: 'typing' }], { windowMs: 1, stream: CHAT });
  await until(async () => (await broker.windows.overdue('typing', { graceMs: 1, count: 10 })).length === 1);
  expect(await broker.windows.overdue('typing', { graceMs: 1, count: 10 })).toEqual([window]);
  const ends = { window, key: 'u', timestamp: '2026-01-16T10:00:00.000Z' };
  await broker.append(CHAT, [{ fields, ends }]);
  const claim = await broker.windows.claim(window, { token: 't', leaseMs: 60_000, isForced: true });
  expect(claim).toMatchObject({ status: 'claimed', inputs: [{ text: 'typing' }], endings: [{ key: 'u' }] });
  const entry = { id: present(ids[0]), fields };
  const rejected = { stream: CHAT, entry, reason: 'bad', rejectedBy: 'a' };
  for (const isNew of [true, false]) expect(await broker.deadLetter(rejected)).toBe(isNew);
  expect(await broker.findRejected(CHAT, [entry.id])).toEqual(new Set([entry.id]));
  const [dead] = await broker.listDeadLetters(CHAT, { count: 1 });
  expect(await broker.requeueDeadLetter(CHAT, present(dead).id)).toMatchObject({ status: 'requeued' });
  await broker.deadLetter({ ...rejected, entry: { ...entry, id: present(ids[1]) } });
  await publishNumbered(broker, 200);
  await trimAll(broker, lease);
  return (await broker.inspect(CHAT)).length;
}

it('every key that a broker writes begins with its prefix, and another deployment is not affected', async () => {
  const options = { streams: [{ name: CHAT, maxLength: 10 }], hardCapFactor: 10 };
  const deployments = [
    { keyPrefix: 'acme:' },
    { keyPrefix: 'acme2:' },
    { keyPrefix: 'acme:x/ü-', group: 'millrace' },
  ];
  for (const deployment of deployments) {
    await using broker = await openBroker(redis.url, { ...options, ...deployment });
    const before = new Set((await query(redis, 'keys', '*')) as string[]);
    expect(await useEverything(broker)).toBe(100);
    const written = ((await query(redis, 'keys', '*')) as string[]).filter((key) => !before.has(key));
    expect(written.filter((key) => !key.startsWith(deployment.keyPrefix))).toEqual([]);
    expect(written.length).toBeGreaterThanOrEqual(14);
    expect((await broker.inspect(CHAT)).expired).toBeGreaterThan(100);
  }
});

it('the names of keys without a prefix are those of the data model', async () => {
  await using broker = await openBroker(redis.url);
  await append(broker, { stream: CHAT, fields: { n: '1' } });
  await broker.windows.add(window, [{ id: 'i', text: 'x' }], { windowMs: 60_000, stream: CHAT });
  expect(((await query(redis, 'keys', '*')) as string[]).sort()).toEqual([
    'coalesce-due:typing',
    'coalesce:room:typing',
    'events:chat',
  ]);
});

it('a subscriber receives plain XADD entries with its prefix, and none of another deployment', async () => {
  const seen: Record<string, string[]> = { 'a:': [], 'b:': [], '': [] };
  const closing: (() => Promise<void>)[] = [];
  for (const [keyPrefix, entries] of Object.entries(seen)) {
    const broker = await openBroker(redis.url, { keyPrefix });
    const subscriber = createSubscriber(broker, {
      name: 'same',
      readBlockMs: 50,
      onEntry: (stream, { fields }) => entries.push(`${stream} ${fields['n']}`),
    });
    await subscriber.start();
    closing.push(async () => {
      await subscriber.stop();
      await broker.close();
    });
  }
  for (const prefix of Object.keys(seen)) await redis.cli('xadd', `${prefix}${CHAT}`, '*', 'n', prefix);
  await until(() => Object.values(seen).every(({ length }) => length > 0));
  await redis.cli('xadd', `b:${CHAT}`, '*', 'n', 'last');
  await until(() => seen['b:']?.includes(`${CHAT} last`) === true);
  expect(seen).toEqual({
    'a:': [`${CHAT} a:`],
    'b:': [`${CHAT} b:`, `${CHAT} last`],
    '': [`${CHAT} `],
  });
  for (const close of closing) await close();
});

it('a position of one deployment is not valid in another one', async () => {
  await using ours = await openBroker(redis.url, { keyPrefix: 'a:' });
  await using theirs = await openBroker(redis.url, { keyPrefix: 'b:' });
  const [a, b] = [await registerAt(ours, 's'), await registerAt(theirs, 's')];
  expect(isPositionValid(a, b)).toBe(false);
  expect(await beat(theirs, 's', { ...a, cursor: '1-1' })).toMatchObject({ status: 'reset', epoch: b.epoch });
});

it.each([
  '{acme}:',
  'a{',
  'a}',
  'a b:',
  'a\n',
  '*',
  'a?',
  '[a]',
  'a\\',
  'coalesce:',
  'a:coalesce:b',
  'x'.repeat(101),
  'ü'.repeat(51),
  '\ud800',
  7,
  null,
])('the key prefix %j is refused, and the error names it', (keyPrefix) => {
  const options = { ...SUITE_OPTIONS, url: redis.url, keyPrefix: keyPrefix as string };
  expect(() => createRedisBroker(options)).toThrow(
    expect.objectContaining({
      code: 'invalid_argument',
      message: expect.stringMatching(/^keyPrefix must be at most 100 bytes without braces/),
    }),
  );
});
