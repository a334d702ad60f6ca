// Partitions: entries go to the partition of their key, and all processes agree on the number of partitions.
import { encodePosition, Partitioning, parsePosition, partitionOf } from '@millrace/broker';
import { append, CHAT, codeOf, type RedisServer, startRedis, TICKET } from '@millrace/testkit';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { openBroker } from '../support/redis-fixture.js';

const STREAMS = [
  { name: CHAT, maxLength: 100 },
  { name: TICKET, maxLength: 50 },
];
const BY_THREE = STREAMS.map((stream) => ({ ...stream, partitions: 3 }));
let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(() => redis[Symbol.asyncDispose]());

beforeEach(async () => {
  await redis.cli('flushall');
});

it('a partitioned stream becomes a plain stream and its partitions, each with the declared maxLength', () => {
  const partitioning = new Partitioning(STREAMS, new Map([[CHAT, 2]]));
  expect(partitioning.streams).toEqual([
    { name: 'events:chat', maxLength: 100 },
    { name: 'events:chat.p0', maxLength: 100 },
    { name: 'events:chat.p1', maxLength: 100 },
    { name: 'events:ticket', maxLength: 50 },
  ]);
});

it('a stream with one partition is stored under its own name', () => {
  const partitioning = new Partitioning(STREAMS, new Map());
  expect(partitioning.streamFor(CHAT, 'room')).toBe(CHAT);
  expect(partitioning.scopeOf('room')).toEqual({ tag: '', streams: [CHAT, TICKET] });
});

// The number of the partition of `ticket-42`, computed in Python: binascii.crc_hqx(b'ticket-42', 0) % 16384 % 3
it.each([
  ['ticket-42', 3, 2],
  ['ticket-43', 3, 1],
  ['user:7c9e6679-7425-40de-944b-e07fc1f90ae7', 3, 1],
  ['Zürich', 5, 0],
  ['anything', 1, 0],
])('the key %s, with %i partitions, belongs to partition number %i', (key, count, partition) => {
  expect(partitionOf(key, count)).toBe(partition);
});

it('the scope of a key lists exactly the streams that can contain the key’s entries', () => {
  const counts = new Map([
    [CHAT, 3],
    [TICKET, 4],
  ]);
  const partitioning = new Partitioning(STREAMS, counts);
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (key) => {
      fc.pre(!/^\*(?::|$)/.test(key));
      const { tag, streams } = partitioning.scopeOf(key);
      expect(tag).toBe(`${partitionOf(key, 3)}_${partitionOf(key, 4)}`);
      expect(streams).toEqual([
        CHAT,
        partitioning.streamFor(CHAT, key),
        TICKET,
        partitioning.streamFor(TICKET, key),
      ]);
      for (const stream of streams) expect(partitioning.has(stream)).toBe(true);
    }),
  );
});

it('the entries for everybody and for everybody of a tenant are in the plain streams, and the scope of every other key contains these streams', () => {
  const partitioning = new Partitioning(STREAMS, new Map([[CHAT, 3]]));
  expect(partitioning.streamFor(CHAT, '*')).toBe(CHAT);
  expect(partitioning.streamFor(CHAT, '*:acme')).toBe(CHAT);
  expect(partitioning.scopeOf('*:acme')).toEqual(partitioning.scopeOf('*'));
  const { tag, streams } = partitioning.scopeOf('*');
  expect(streams).toEqual([CHAT, TICKET]);
  for (const key of ['ticket-42', 'ticket-43', 'room']) {
    const other = partitioning.scopeOf(key);
    expect(other.streams).toEqual(expect.arrayContaining([...streams]));
    expect(other.tag).not.toBe(tag);
  }
  expect(parsePosition(encodePosition([{ epoch: 'a', cursor: '1-0' }], tag))).toHaveLength(1);
});

it('the store keeps the first number of partitions, and a broker with another number cannot open', async () => {
  await using first = await openBroker(redis.url, { streams: BY_THREE });
  expect(await redis.cli('get', 'partitions:{events:chat}')).toBe('3');
  const other = STREAMS.map((stream) => ({ ...stream, partitions: 4 }));
  expect(await codeOf(openBroker(redis.url, { streams: other }))).toBe('partitions_differ');
  await using same = await openBroker(redis.url, { streams: BY_THREE });
  expect(same.partitioning.streams).toEqual(first.partitioning.streams);
});

it('a broker without a number of partitions in its options uses the stored number', async () => {
  await using _ = await openBroker(redis.url, { streams: BY_THREE });
  await using follower = await openBroker(redis.url, { streams: STREAMS });
  expect(follower.partitioning.countOf(CHAT)).toBe(3);
  const stream = follower.partitioning.streamFor(CHAT, 'room');
  await append(follower, { stream, fields: { n: '1' } });
  expect(await redis.cli('xlen', stream)).toBe('1');
});

it('a publisher without a number of partitions uses the plain stream until a number is stored', async () => {
  await using follower = await openBroker(redis.url, { streams: STREAMS });
  expect(follower.partitioning.streamFor(CHAT, 'room')).toBe(CHAT);
  await using _ = await openBroker(redis.url, { streams: BY_THREE });
  for (let n = 0; follower.partitioning.countOf(CHAT) === 1; n++) {
    await append(follower, { stream: CHAT, fields: { n: String(n) } });
  }
  expect(follower.partitioning.countOf(TICKET)).toBe(3);
});

it('the first subscriber stores 1 as the number of partitions if its options contain none', async () => {
  await using broker = await openBroker(redis.url, { streams: STREAMS });
  expect(await redis.cli('exists', 'partitions:{events:chat}')).toBe('0');
  await broker.register('gateway');
  expect(await redis.cli('get', 'partitions:{events:chat}')).toBe('1');
  expect(await codeOf(openBroker(redis.url, { streams: BY_THREE }))).toBe('partitions_differ');
});

it('a heartbeat stores the number of partitions again after the store has lost all its data', async () => {
  await using broker = await openBroker(redis.url, { streams: BY_THREE });
  const starts = await broker.register('gateway');
  await redis.cli('flushall');
  const progress = new Map(
    starts.map(({ stream, epoch, cursor, entriesAdded }) => [stream, { epoch, cursor, entriesAdded }]),
  );
  const replies = await broker.heartbeat('gateway', progress);
  expect(replies.map(({ status }) => status)).toContain('reset');
  expect(await redis.cli('get', 'partitions:{events:ticket}')).toBe('3');
});

it.each([
  ['zero', 0],
  ['a fraction', 1.5],
  ['a number above 32', 33],
])('%s is refused as the number of partitions', async (_, partitions) => {
  const streams = [{ name: CHAT, maxLength: 1, partitions }];
  expect(await codeOf(openBroker(redis.url, { streams }))).toBe('invalid_argument');
});

it('a stream is refused if it has the same name as a partition of another stream', async () => {
  const streams = [
    { name: CHAT, maxLength: 1, partitions: 2 },
    { name: `${CHAT}.p1`, maxLength: 1 },
  ];
  expect(await codeOf(openBroker(redis.url, { streams }))).toBe('invalid_argument');
});
