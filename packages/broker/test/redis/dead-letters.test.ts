// Dead letters in a Redis to which other programs also write.
import { CHAT, codeOf, present, type RedisServer, startRedis } from '@millrace/testkit';
import { createClient } from '@redis/client';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { openBroker } from '../support/redis-fixture.js';

const DEAD = `dead:{${CHAT}}`;
let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(() => redis[Symbol.asyncDispose]());

beforeEach(() => redis.cli('flushall'));

it.each([
  ['unknown fields only', ['foo', 'bar']],
  ['fields that are not JSON', ['fields', '{"a":']],
  ['fields that are a JSON array', ['fields', '["a","b"]']],
  ['a field that is not text', ['fields', '{"a":"1","b":{}}']],
  ['no fields at all', ['fields', '{}']],
])('a dead letter with %s is listed, cannot be requeued, and can be dropped', async (_, content) => {
  await using broker = await openBroker(redis.url);
  await redis.cli('xadd', DEAD, '7-7', 'reason', 'somebody else', ...content);
  const kept = { id: '7-7', originId: '', reason: 'somebody else', rejectedBy: '', fields: {} };
  expect(await broker.listDeadLetters(CHAT, { count: 9 })).toEqual([{ ...kept, isRequeueable: false }]);
  expect(await broker.requeueDeadLetter(CHAT, '7-7')).toEqual({ status: 'not_requeueable' });
  expect(await redis.cli('exists', CHAT)).toBe('0');
  expect(await broker.dropDeadLetters(CHAT, ['7-7'])).toBe(1);
});

it('a dead letter is kept if a requeue fails because the stream’s key has the wrong type', async () => {
  await using broker = await openBroker(redis.url);
  await redis.cli('xadd', DEAD, '7-7', 'fields', '{"a":"1"}');
  await redis.cli('set', CHAT, 'not a stream');
  expect(await codeOf(broker.requeueDeadLetter(CHAT, '7-7'))).toBe('refused');
  expect((await broker.readDeadLetter(CHAT, '7-7'))?.fields).toEqual({ a: '1' });
});

it('a requeue changes nothing while Redis is out of memory, and succeeds later', async () => {
  await using broker = await openBroker(redis.url);
  await redis.cli('xadd', DEAD, '7-7', 'fields', '{"a":"1"}');
  await redis.cli('config', 'set', 'maxmemory', '1');
  try {
    expect(await codeOf(broker.requeueDeadLetter(CHAT, '7-7'))).toBe('out_of_memory');
    expect(await redis.cli('xlen', DEAD)).toBe('1');
    expect(await redis.cli('exists', CHAT)).toBe('0');
  } finally {
    await redis.cli('config', 'set', 'maxmemory', '0');
  }
  expect(await broker.requeueDeadLetter(CHAT, '7-7')).toMatchObject({ status: 'requeued' });
});

it('a requeued entry with 1,000 fields has all of them in the original order', async () => {
  await using broker = await openBroker(redis.url);
  const fields = Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`f${999 - n}`, `v${n}`]));
  await redis.cli('xadd', DEAD, '7-7', 'fields', JSON.stringify(fields));
  expect(await broker.requeueDeadLetter(CHAT, '7-7')).toMatchObject({ status: 'requeued' });
  const [entry] = await broker.readRange(CHAT, { count: 1 });
  expect(Object.entries(present(entry).fields)).toEqual(Object.entries(fields));
});

it.each<[string, Readonly<Record<string, Buffer>>, boolean]>([
  ['a value that is cut inside a character', { a: Buffer.from('ä').subarray(0, 1) }, false],
  ['a value with a byte that never occurs in UTF-8', { a: Buffer.from([0x7b, 0xff, 0x7d]) }, false],
  ['a value with an encoded surrogate', { a: Buffer.from([0xed, 0xa0, 0x80]) }, false],
  ['a value that contains U+FFFD itself', { a: Buffer.from('\uFFFD ä \u{1F600}') }, true],
])('%s is recognised as valid or invalid UTF-8 by readRange and readAfter', async (_, fields, isText) => {
  await using broker = await openBroker(redis.url);
  const client = await createClient({ url: redis.url }).connect();
  await client.xAdd(CHAT, '5-5', fields);
  await client.close();
  const [[ranged], [back], read] = await Promise.all([
    broker.readRange(CHAT, { count: 1 }),
    broker.readRange(CHAT, { count: 1, direction: 'backward' }),
    broker.readAfter(new Map([[CHAT, '0-0']]), { count: 1, blockMs: 0 }),
  ]);
  const text = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, value.toString()]));
  const entry = { id: '5-5', fields: text, ...(isText ? {} : { isUtf8: false }) };
  const found = [present(ranged), present(back), ...(read.get(CHAT) ?? [])];
  expect(found.map(({ id, fields, isUtf8 }) => ({ id, fields, isUtf8 }))).toEqual([entry, entry, entry]);
  await broker.deadLetter({ stream: CHAT, entry: present(ranged), reason: 'r', rejectedBy: 'a' });
  const [deadLetter] = await broker.listDeadLetters(CHAT, { count: 1 });
  expect(deadLetter).toMatchObject({ fields: text, isRequeueable: isText });
  const { status } = await broker.requeueDeadLetter(CHAT, present(deadLetter).id);
  expect(status).toBe(isText ? 'requeued' : 'not_requeueable');
});
