// Redis refuses the commands for one stream. The broker reports the trouble and serves the other streams. It serves this
// stream again after the repair.
import { type Broker, createSubscriber, LAST_ENTRY_ID, type StreamTrouble } from '@millrace/broker';
import { append, CHAT, codeOf, type RedisServer, startRedis, TICKET, until } from '@millrace/testkit';
import { describe, expect, it } from 'vitest';
import { openBroker } from '../support/redis-fixture.js';

const OPTIONS = { heartbeatMs: 20, livenessMs: 3_000, leaseMs: 900 };

/** Creates a subscriber that records its entries and events. */
function join(broker: Broker, name = 'a') {
  const read: string[] = [];
  const told: string[] = [];
  const tell = ({ stream, kind }: Pick<StreamTrouble, 'stream' | 'kind'>, word: string): void => {
    told.push(`${word} ${stream} ${kind}`);
  };
  const subscriber = createSubscriber(broker, {
    name,
    readBlockMs: 50,
    trimIntervalMs: 50,
    onEntry: (_, { id }) => read.push(id),
    onTrouble: (trouble) => tell(trouble, 'begins'),
    onTroubleOver: (stream, kind) => tell({ stream, kind }, 'ends'),
  });
  return { subscriber, read, told };
}

const publish = async (broker: Broker, stream: string): Promise<string> =>
  (await append(broker, { stream, fields: { n: '1' } })).id;

/** Checks that TICKET is read, acknowledged and trimmed. */
async function expectTicketServed(broker: Broker, read: readonly string[]): Promise<void> {
  const ids = await Promise.all(Array.from({ length: 400 }, () => publish(broker, TICKET)));
  await until(() => ids.every((id) => read.includes(id)));
  await until(async () => {
    const { pending, unconsumed, length } = await broker.inspect(TICKET);
    // A trim leaves at least 100 entries, and less than one additional stream node.
    return pending === 0 && unconsumed === 0 && length <= 200;
  });
}

/** Sets a key to a value of the wrong type. */
const spoil = async (redis: RedisServer, key: string): Promise<void> => {
  await redis.cli('del', key);
  await redis.cli('set', key, 'x');
};

describe.each([
  ['the stream itself', CHAT],
  ['its cursors', `cursors:{${CHAT}}`],
  ['its lease', `lease:{${CHAT}}`],
  ['its epoch', `epoch:{${CHAT}}`],
])('a key of the wrong type at %s', (_, key) => {
  it('a key of the wrong type stops no other stream, and is reported once', async () => {
    await using redis = await startRedis();
    await using broker = await openBroker(redis.url, OPTIONS);
    const { subscriber, read, told } = join(broker);
    await subscriber.start();
    await publish(broker, CHAT);
    await spoil(redis, key);
    await until(() => told.length > 0);
    await expectTicketServed(broker, read);
    expect(told).toEqual([`begins ${CHAT} refused`]);
    expect(subscriber.troubles).toMatchObject([{ stream: CHAT, kind: 'refused' }]);
    expect(subscriber.isCaughtUp).toBe(true);
    await redis.cli('del', key);
    await until(() => told.length > 1 && subscriber.isCaughtUp);
    const id = await publish(broker, CHAT);
    await until(() => read.includes(id));
    await until(async () => (await broker.inspect(CHAT)).pending === 0);
    expect(told).toEqual([`begins ${CHAT} refused`, `ends ${CHAT} refused`]);
    expect(subscriber.troubles).toEqual([]);
    await subscriber.stop();
  });

  it('a subscriber starts despite a key of the wrong type, and reads that stream after its repair', async () => {
    await using redis = await startRedis();
    await spoil(redis, key);
    await using broker = await openBroker(redis.url, OPTIONS);
    const { subscriber, read, told } = join(broker);
    await subscriber.start();
    expect(told).toEqual([`begins ${CHAT} refused`]);
    await expectTicketServed(broker, read);
    // A position has a part for every stream, in order, even for the stream that is not read.
    expect(subscriber.position().split('.')).toHaveLength(2);
    await redis.cli('del', key);
    await until(() => told.length > 1);
    const id = await publish(broker, CHAT);
    await until(() => read.includes(id) && subscriber.isCaughtUp);
    await until(async () => (await broker.inspect(CHAT)).pending === 0);
    await subscriber.stop();
  });
});

it('a key of the wrong type makes only its own stream refuse publishes, until its repair', async () => {
  await using redis = await startRedis();
  await using broker = await openBroker(redis.url, OPTIONS);
  await spoil(redis, CHAT);
  expect(await codeOf(publish(broker, CHAT))).toBe('refused');
  expect(await codeOf(publish(broker, TICKET))).toBe('resolved');
  await redis.cli('del', CHAT);
  expect(await codeOf(publish(broker, CHAT))).toBe('resolved');
});

it('a subscriber continues at its cursor in the same epoch after its stream was renamed and renamed back', async () => {
  await using redis = await startRedis();
  await using broker = await openBroker(redis.url, OPTIONS);
  const { subscriber, read, told } = join(broker);
  await subscriber.start();
  const before = await publish(broker, CHAT);
  await until(() => read.includes(before));
  const epoch = subscriber.currentPosition([CHAT])[0]?.epoch;
  await redis.cli(
    'eval',
    "redis.call('RENAME', KEYS[1], 'aside'); redis.call('SET', KEYS[1], 'x')",
    '1',
    CHAT,
  );
  await until(() => told.length === 1);
  await redis.cli('rename', 'aside', CHAT);
  const after = await publish(broker, CHAT);
  await until(() => read.includes(after));
  expect(read).toEqual([before, after]);
  expect(subscriber.currentPosition([CHAT])[0]?.epoch).toBe(epoch);
  await subscriber.stop();
});

it('an unreadable number of partitions stops only its own stream, until the number is removed', async () => {
  await using redis = await startRedis();
  await redis.cli('lpush', `partitions:{${CHAT}}`, 'x');
  await using broker = await openBroker(redis.url, OPTIONS);
  const { subscriber, read, told } = join(broker);
  await subscriber.start();
  expect(told).toEqual([`begins ${CHAT} refused`]);
  expect(await codeOf(publish(broker, CHAT))).toBe('refused');
  await expectTicketServed(broker, read);
  await redis.cli('del', `partitions:{${CHAT}}`);
  await until(() => told.length > 1);
  const id = await publish(broker, CHAT);
  await until(() => read.includes(id));
  await subscriber.stop();
});

it('a slots key of the wrong type is replaced, and entries are acknowledged as before', async () => {
  await using redis = await startRedis();
  await using broker = await openBroker(redis.url, OPTIONS);
  const { subscriber, read } = join(broker);
  await subscriber.start();
  await expectTicketServed(broker, read);
  await spoil(redis, 'slots:{signalr-consumers}');
  await until(async () => (await redis.cli('type', 'slots:{signalr-consumers}')) === 'hash');
  await expectTicketServed(broker, read);
  await subscriber.stop();
});

it('a subscriber does not start if every stream is refused', async () => {
  await using redis = await startRedis();
  for (const stream of [CHAT, TICKET]) await spoil(redis, stream);
  await using broker = await openBroker(redis.url, OPTIONS);
  const { subscriber } = join(broker);
  expect(await codeOf(subscriber.start())).toBe('refused');
});

/** Returns an ID that is `aheadMs` ahead of the clock of Redis. */
async function idAhead(redis: RedisServer, aheadMs: number): Promise<string> {
  const [seconds = ''] = (await redis.cli('time')).split('\n');
  return `${Number(seconds) * 1_000 + aheadMs}-0`;
}

describe('an entry with an ID ten minutes ahead of the clock', () => {
  it('an ID ten minutes ahead is reported once, and its stream is read, acknowledged and trimmed', async () => {
    await using redis = await startRedis();
    await using broker = await openBroker(redis.url, { ...OPTIONS, minAgeMs: 200 });
    const { subscriber, read, told } = join(broker);
    await subscriber.start();
    const ahead = await idAhead(redis, 600_000);
    await redis.cli('xadd', TICKET, ahead, 'n', '0');
    await until(() => read.includes(ahead) && told.length > 0);
    await expectTicketServed(broker, read);
    expect(told).toEqual([`begins ${TICKET} ahead`]);
    expect(subscriber.troubles).toMatchObject([{ stream: TICKET, kind: 'ahead' }]);
    expect(await broker.inspect(TICKET)).toMatchObject({ expired: 0 });
    await subscriber.stop();
  });

  it('a trim keeps entries that are younger than minAgeMs, even if their IDs are ahead of the clock', async () => {
    await using redis = await startRedis();
    await using broker = await openBroker(redis.url, {
      minAgeMs: 60_000,
      livenessMs: 60_000,
      leaseMs: 60_000,
    });
    const { subscriber, read } = join(broker);
    await subscriber.start();
    await redis.cli('xadd', TICKET, await idAhead(redis, 600_000), 'n', '0');
    const ids = await Promise.all(Array.from({ length: 400 }, () => publish(broker, TICKET)));
    await until(() => ids.every((id) => read.includes(id)));
    await until(async () => (await broker.inspect(TICKET)).pending === 0);
    await until(async () => (await redis.cli('hget', `lease:{${TICKET}}`, 'aheadId')) !== '');
    expect(await broker.inspect(TICKET)).toMatchObject({ length: 401 });
    await subscriber.stop();
  });
});

describe('an entry with the largest possible ID', () => {
  it('an entry with the largest possible ID is acknowledged, and its stream refuses publishes until a repair', async () => {
    await using redis = await startRedis();
    await using broker = await openBroker(redis.url, OPTIONS);
    const { subscriber, read, told } = join(broker);
    await subscriber.start();
    const before = await publish(broker, CHAT);
    await redis.cli('xadd', CHAT, LAST_ENTRY_ID, 'n', '0');
    await until(() => read.includes(LAST_ENTRY_ID) && told.length > 0);
    expect(told).toEqual([`begins ${CHAT} exhausted`]);
    await until(async () => (await broker.inspect(CHAT)).pending === 0);
    expect(await codeOf(publish(broker, CHAT))).toBe('refused');
    await expectTicketServed(broker, read);
    await redis.cli('xdel', CHAT, LAST_ENTRY_ID);
    await redis.cli('xsetid', CHAT, before, 'ENTRIESADDED', '2', 'MAXDELETEDID', '0-0');
    await until(() => told.length > 1);
    const after = await publish(broker, CHAT);
    await until(() => read.includes(after) && subscriber.isCaughtUp);
    await until(async () => {
      const { pending, unconsumed } = await broker.inspect(CHAT);
      return pending + unconsumed === 0;
    });
    expect(told).toEqual([`begins ${CHAT} exhausted`, `ends ${CHAT} exhausted`]);
    await subscriber.stop();
  });

  it('an entry with the largest possible ID does not prevent a trim of the entries before it', async () => {
    await using redis = await startRedis();
    await using broker = await openBroker(redis.url, { ...OPTIONS, minAgeMs: 200 });
    const { subscriber, read } = join(broker);
    await subscriber.start();
    await Promise.all(Array.from({ length: 400 }, () => publish(broker, TICKET)));
    await redis.cli('xadd', TICKET, LAST_ENTRY_ID, 'n', '0');
    await until(() => read.includes(LAST_ENTRY_ID));
    await until(async () => (await broker.inspect(TICKET)).length <= 200);
    // The next heartbeat finds the trouble, and may come after the trim.
    await until(() => subscriber.troubles.some(({ kind }) => kind === 'exhausted'));
    await subscriber.stop();
  });

  it('a read after the largest possible ID finds no entries', async () => {
    await using redis = await startRedis();
    await using broker = await openBroker(redis.url);
    await redis.cli('xadd', CHAT, LAST_ENTRY_ID, 'n', '0');
    expect(await broker.readRange(CHAT, { after: LAST_ENTRY_ID, count: 10 })).toEqual([]);
  });
});

it('the count of expired entries starts at 0 if its key has the wrong type', async () => {
  await using redis = await startRedis();
  await using broker = await openBroker(redis.url, {
    streams: [{ name: CHAT, maxLength: 10 }],
    hardCapFactor: 2,
  });
  await redis.cli('lpush', `expired:{${CHAT}}`, 'x');
  await redis.cli('set', `dead:{${CHAT}}`, 'x');
  for (let n = 0; n < 50; n++) await publish(broker, CHAT);
  expect(await broker.inspect(CHAT)).toMatchObject({ length: 20, expired: 30, deadLetters: 0 });
  const [entry] = await broker.readRange(CHAT, { count: 1 });
  if (entry === undefined) throw new Error('no entry');
  const rejected = { stream: CHAT, entry, reason: 'r', rejectedBy: 'a' };
  expect(await codeOf(broker.deadLetter(rejected))).toBe('refused');
  await redis.cli('del', `dead:{${CHAT}}`);
  expect(await broker.deadLetter(rejected)).toBe(true);
  expect(await broker.deadLetter(rejected)).toBe(false);
});

const presence = { leaseMs: 60_000 };

it.each<[string, (broker: Broker) => Promise<unknown>]>([
  ['slots:{signalr-consumers}', (broker) => broker.claimSlot('gateway')],
  ['slots:{signalr-consumers}', (broker) => broker.releaseSlot('gateway')],
  ['types:{signalr-consumers}', (broker) => broker.announce('gateway', ['chat_message'])],
  ['types:{signalr-consumers}', (broker) => broker.announced()],
  ['presence-leases', (broker) => broker.presence.renew(presence)],
  [`revoked:{${CHAT}}`, (broker) => broker.revocations.find(CHAT, 'room')],
  [`revoked:{${CHAT}}`, (broker) => broker.revocations.list(CHAT)],
])('a list at the key %s is deleted and reported once, and the call succeeds', async (key, call) => {
  await using redis = await startRedis();
  const repaired: string[] = [];
  await using broker = await openBroker(redis.url, { onHealed: (healed) => repaired.push(healed) });
  await redis.cli('rpush', key, 'x');
  await call(broker);
  expect(repaired).toEqual([key]);
  await call(broker);
  expect(repaired).toEqual([key]);
});

it('the message for a key of the wrong type names the page with the remedy, and no script', async () => {
  await using redis = await startRedis();
  await using broker = await openBroker(redis.url);
  await redis.cli('rpush', `lease:{${CHAT}}`, 'x');
  await expect(broker.acquireLease(CHAT, 'gateway')).rejects.toThrow(
    /^Redis: WRONGTYPE [^;:]*; another program has written a key of Millrace; docs\/streams-in-trouble\.md/,
  );
});
