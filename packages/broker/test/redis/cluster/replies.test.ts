// How the broker parses replies of cluster nodes (slot maps and redirections), and URLs with several addresses.
import { expect, it } from 'vitest';
import { reactionTo } from '../../../src/redis/cluster/redirection.js';
import { parseClusterSlots } from '../../../src/redis/cluster/slot-map.js';
import { fromRedisError } from '../../../src/redis/connection/redis-errors.js';
import { ErrorReply } from '../../../src/redis/resp/reply-cursor.js';

const FROM = '10.0.0.1:7000';

it.each([
  ['MOVED 3999 10.0.0.2:7001', { kind: 'moved', slot: 3999, address: '10.0.0.2:7001' }],
  ['MOVED 3999 :7001', { kind: 'moved', slot: 3999, address: '10.0.0.1:7001' }],
  ['MOVED 3999 ?:7001', { kind: 'moved', slot: 3999, address: '10.0.0.1:7001' }],
  ['ASK 0 redis-2.example:6379', { kind: 'ask', address: 'redis-2.example:6379' }],
  ['MOVED 1 fd00::2:7001', { kind: 'moved', slot: 1, address: '[fd00::2]:7001' }],
  ['TRYAGAIN Multiple keys request during rehashing of slot', { kind: 'again' }],
  ['CLUSTERDOWN The cluster is down', { kind: 'down' }],
  ['CROSSSLOT Keys in request do not hash to the same slot', { kind: 'fail' }],
  ['MOVED nonsense', { kind: 'fail' }],
  ['ERR MOVED 1 a:1', { kind: 'fail' }],
])('the error reply %j causes the reaction %j', (text, reaction) => {
  expect(reactionTo(fromRedisError(new ErrorReply(text)), FROM)).toEqual(reaction);
});

it('a connection error is not treated as a redirection, even if its message looks like one', () => {
  expect(reactionTo(fromRedisError(new Error('MOVED 1 a:1')), FROM)).toEqual({ kind: 'fail' });
});

it('parseClusterSlots returns the master of each slot from a reply to CLUSTER SLOTS', () => {
  const map = parseClusterSlots(
    [
      [0, 5460, ['10.0.0.1', 7000, 'id', []], ['10.0.0.9', 7000, 'id', []]],
      [5461, 5461, ['', 7001, 'id', []]],
      [16383, 16383, [null, 7002, 'id', []]],
    ],
    FROM,
  );
  expect([0, 5460, 5461, 5462, 16383].map((slot) => map.ownerOf(slot))).toEqual([
    '10.0.0.1:7000',
    '10.0.0.1:7000',
    '10.0.0.1:7001',
    undefined,
    '10.0.0.1:7002',
  ]);
});

it.each([
  ['text instead of an array', 'no'],
  ['a slot out of range', [[0, 16384, ['a', 1]]]],
  ['a negative slot', [[-1, 2, ['a', 1]]]],
  ['an invalid port', [[0, 2, ['a', 'x']]]],
  ['a range without a node', [[0, 2]]],
])('parseClusterSlots refuses a reply with %s', (_, reply) => {
  expect(() => parseClusterSlots(reply, FROM)).toThrow(expect.objectContaining({ code: 'refused' }));
});
