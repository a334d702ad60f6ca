// Every key is built in one place, and all keys of a stream have the same hash slot.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CHAT, type RedisServer, startRedis } from '@millrace/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { slotsKey, streamKeys, windowIndexKey, windowKey, windowNameOf } from '../../src/redis/keys.js';

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis({ args: ['--cluster-enabled', 'yes'] });
});

afterAll(() => redis[Symbol.asyncDispose]());

it.each([CHAT, 'events:chat.p0', 'plain'])(
  'all keys of the stream %s have the hash slot of the stream itself',
  async (stream) => {
    const keys = streamKeys(stream);
    const names = Object.values(keys).filter((value): value is string => typeof value === 'string');
    const all = [...names, keys.dedupe('3f2504e0-4f89-41d3-9a0c-0305e82c3301'), keys.deadMark('1-1')];
    const slots = await Promise.all(all.map((key) => redis.cli('cluster', 'keyslot', key)));
    expect(new Set(slots).size).toBe(1);
    expect(all.length).toBe(9);
  },
);

it('the keys have the documented names', () => {
  const keys = streamKeys(CHAT);
  expect([
    keys.dedupe('id'),
    keys.cursors,
    keys.lease,
    keys.epoch,
    keys.dead,
    keys.expired,
    keys.partitions,
    keys.deadMark('1-1'),
  ]).toEqual([
    'dedupe:{events:chat}:id',
    'cursors:{events:chat}',
    'lease:{events:chat}',
    'epoch:{events:chat}',
    'dead:{events:chat}',
    'expired:{events:chat}',
    'partitions:{events:chat}',
    'deadmark:{events:chat}:1-1',
  ]);
  expect(slotsKey('signalr-consumers')).toBe('slots:{signalr-consumers}');
  expect(windowKey({ roomId: 'abc123', slot: 'typing' })).toBe('coalesce:abc123:typing');
  expect(windowIndexKey('read_receipt')).toBe('coalesce-due:read_receipt');
});

it.each([
  'abc123',
  'a:b',
  ':',
  'due',
  'user:ä',
  '{',
  'a{b}c',
  '{}%7B',
  '%7D',
  '100%',
  '%25',
  '%2525{',
  '%257B',
])('windowNameOf returns the room ID %s from the key of that room’s window', (roomId) => {
  const name = { roomId, slot: 'read_receipt' };
  expect(windowNameOf(windowKey(name))).toEqual(name);
  expect(windowNameOf('coalesce::typing')).toBeUndefined();
});

it('every room has its own window key without braces, with the room ID unescaped where possible', () => {
  const rooms = ['a', 'a b', '100%', '%', '%20', '{a}', '%7Ba%7D', '%257Ba%257D', '{', '}', '%7B', '%25'];
  const keys = rooms.map((roomId) => windowKey({ roomId, slot: 'typing' }));
  expect(new Set(keys).size).toBe(rooms.length);
  expect(keys.join('')).not.toMatch(/[{}]/);
  expect(keys.slice(0, 5)).toEqual(rooms.slice(0, 5).map((roomId) => `coalesce:${roomId}:typing`));
});

it('no source file except keys.ts builds keys', () => {
  const source = join(import.meta.dirname, '../../src');
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) =>
    statSync(join(source, name)).isFile(),
  );
  const builders = files.filter((name) => /[a-z]+:\{\$\{/.test(readFileSync(join(source, name), 'utf8')));
  expect(builders).toEqual(['redis/keys.ts']);
});
