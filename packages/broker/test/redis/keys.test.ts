// Every key is built in one place, and all keys of a stream have the same hash slot.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CHAT, type RedisServer, startRedis } from '@millrace/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { RedisKeys } from '../../src/redis/keys.js';

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis({ args: ['--cluster-enabled', 'yes'] });
});

afterAll(() => redis[Symbol.asyncDispose]());

const deployments = [{}, { group: 'audit' }, { prefix: 'acme:' }, { prefix: 'ä/b', group: 'other one' }];

/** Returns every key that the functions of `keys` return for CHAT or `stream`. */
function streamKeysOf(keys: RedisKeys, stream = CHAT): string[] {
  const {
    name: _,
    isObserved: _isObserved,
    group: _group,
    groupProof: _groupProof,
    dedupe,
    deadMark,
    ...names
  } = keys.ofStream(stream);
  return [
    ...Object.values(names).filter((key) => key !== undefined),
    dedupe('3f2504e0-4f89-41d3-9a0c-0305e82c3301'),
    deadMark('1-1'),
  ];
}

it.each(
  deployments.flatMap((options) =>
    [CHAT, 'events:chat.p0', 'plain'].map((stream) => [JSON.stringify(options), stream, options] as const),
  ),
)(
  'all keys with the options %s of the stream %s have the hash slot of the stream itself',
  async (_, stream, options) => {
    const all = streamKeysOf(new RedisKeys(options), stream);
    const slots = await Promise.all(all.map((key) => redis.cli('cluster', 'keyslot', key)));
    expect(new Set(slots).size).toBe(1);
    expect(new Set(all).size).toBe('prefix' in options ? 15 : 16);
  },
);

it('every key begins with the prefix', () => {
  const keys = new RedisKeys({ prefix: 'acme:', group: 'audit' });
  const window = { roomId: 'room', slot: 'typing' };
  const others = [
    keys.slots,
    keys.types,
    keys.layout,
    keys.counter('any'),
    keys.windowIndex('typing'),
    keys.presence('room'),
    keys.presenceIndex('1-a'),
    keys.presenceLeases,
    keys.presenceChanges,
  ];
  for (const key of [...streamKeysOf(keys), ...others, keys.window(window)]) expect(key).toMatch(/^acme:/);
  expect(keys.ofStream(CHAT)).toMatchObject({
    name: 'events:chat',
    stream: 'acme:events:chat',
    epoch: 'acme:epoch:{acme:events:chat}',
  });
  expect(keys.window(window)).toBe('acme:coalesce:room:typing');
  expect(keys.windowNameOf('acme:coalesce:room:typing')).toEqual(window);
  expect(keys.windowNameOf('coalesce:room:typing')).toBeUndefined();
  expect(keys.windowNameOf('other:coalesce:room:typing')).toBeUndefined();
});

it('the keys of another consumer group differ from the default group’s only in cursors, lease and slots', () => {
  const own = new RedisKeys({ group: 'audit' });
  const other = new RedisKeys();
  expect([own.types, own.layout]).toEqual([other.types, other.layout]);
  expect(own.slots).toBe('slots:{audit}');
  const ofDefault = streamKeysOf(other);
  expect(streamKeysOf(own).filter((key) => !ofDefault.includes(key))).toEqual([
    'cursors:{events:chat}:{audit}',
    'lease:{events:chat}:{audit}',
  ]);
});

it('the key of a stream that another system owns has no prefix, and its other keys have one', () => {
  const keys = new RedisKeys({ prefix: 'ours:', group: 'millrace', observed: new Set([CHAT]) });
  const {
    name: _,
    isObserved,
    group,
    groupProof,
    stream,
    observed,
    revoked,
    revokedBefore,
    dedupe,
    deadMark,
    ...others
  } = keys.ofStream(CHAT);
  expect(group).toBe('millrace');
  // The group of these keys is that of the default prefix.
  expect(groupProof).toBe('');
  expect([isObserved, stream, keys.streamNameOf(stream)]).toEqual([true, CHAT, CHAT]);
  for (const key of [...Object.values(others), dedupe('id'), deadMark('1-1')])
    expect(key).toMatch(/^ours:[a-z]+:\{events:chat\}/);
  // A deployment without a prefix, whose stream has the same key, looks for the same mark.
  expect(observed).toBe('millrace:observed:{events:chat}');
  expect(revoked).toBe('millrace:revoked:{events:chat}');
  expect(new RedisKeys().ofStream(CHAT)).toMatchObject({
    observed,
    revoked: revokedBefore,
    revokedBefore: revoked,
  });
  expect(keys.ofStream('events:own')).toMatchObject({ isObserved: false, stream: 'ours:events:own' });
  expect(keys.streamNameOf('ours:events:own')).toBe('events:own');
});

it('the keys have the documented names', () => {
  const redisKeys = new RedisKeys();
  const keys = redisKeys.ofStream(CHAT);
  expect([
    keys.dedupe('id'),
    keys.cursors,
    keys.lease,
    keys.epoch,
    keys.dead,
    keys.expired,
    keys.expiredByGroup,
    keys.partitions,
    keys.revoked,
    keys.deadMark('1-1'),
  ]).toEqual([
    'dedupe:{events:chat}:id',
    'cursors:{events:chat}',
    'lease:{events:chat}',
    'epoch:{events:chat}',
    'dead:{events:chat}',
    'expired:{events:chat}',
    'expired:{events:chat}:{groups}',
    'partitions:{events:chat}',
    'revoked:{events:chat}',
    'deadmark:{events:chat}:1-1',
  ]);
  expect([redisKeys.slots, redisKeys.types, redisKeys.layout]).toEqual([
    'slots:{signalr-consumers}',
    'types:{signalr-consumers}',
    'layout:{signalr-consumers}',
  ]);
  expect(redisKeys.window({ roomId: 'abc123', slot: 'typing' })).toBe('coalesce:abc123:typing');
  expect(redisKeys.windowIndex('read_receipt')).toBe('coalesce-due:read_receipt');
  expect([
    redisKeys.presence('a{b}'),
    redisKeys.presenceIndex('1-a'),
    redisKeys.presenceLeases,
    redisKeys.presenceChanges,
  ]).toEqual(['presence:{a%7Bb%7D}', 'presence-index:{1-a}', 'presence-leases', 'presence-changes']);
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
  for (const keys of [new RedisKeys(), new RedisKeys({ prefix: 'acme:' })]) {
    expect(keys.windowNameOf(keys.window(name))).toEqual(name);
    expect(keys.windowNameOf('coalesce::typing')).toBeUndefined();
  }
});

it('every room has its own window key without braces, and its room ID is escaped only where necessary', () => {
  const rooms = ['a', 'a b', '100%', '%', '%20', '{a}', '%7Ba%7D', '%257Ba%257D', '{', '}', '%7B', '%25'];
  const keys = rooms.map((roomId) => new RedisKeys().window({ roomId, slot: 'typing' }));
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
