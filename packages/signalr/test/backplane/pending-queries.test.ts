/*
 * The possible outcomes of a query to all other instances.
 */
import { describe, expect, test } from 'vitest';
import { PendingQueries, unavailable } from '../../src/backplane/pending-queries.js';

function start(isComplete = true) {
  const world = { isComplete };
  const told: unknown[] = [];
  const queries = new PendingQueries({ timeoutMs: 5_000, isComplete: () => world.isComplete });
  const ask = (id: string, ...peers: readonly string[]): boolean =>
    queries.ask(id, peers, 1_000, {
      onFound: (peer, isDone) => told.push([id, 'found', peer, isDone]),
      onNobody: () => told.push([id, 'nobody']),
      onFailed: ({ code }) => told.push([id, code]),
    });
  return { world, told, queries, ask };
}

describe('a query', () => {
  test('a query ends with the first positive answer', () => {
    const { told, queries, ask } = start();
    expect(ask('q', 'a', 'b', 'c')).toBe(true);
    queries.notFound('q', 'a');
    expect(queries.found('q', 'b', true)).toBe(true);
    expect(queries.found('q', 'c', true)).toBe(false);
    queries.notFound('q', 'c');
    queries.tick(10_000);
    expect(told).toEqual([['q', 'found', 'b', true]]);
  });

  test('a peer that had nothing to do can still give a query a positive answer', () => {
    const { told, queries, ask } = start();
    ask('q', 'a');
    queries.found('q', 'a', false);
    expect(told).toEqual([['q', 'found', 'a', false]]);
  });

  test('a query has a negative result when every peer has given a negative answer', () => {
    const { told, queries, ask } = start();
    ask('q', 'a', 'b');
    ask('r', 'a', 'b');
    queries.notFound('q', 'a');
    queries.notFound('q', 'a');
    expect(told).toEqual([]);
    queries.notFound('q', 'b');
    expect(told).toEqual([['q', 'nobody']]);
  });

  test('a query has no negative result before all present peers are known', () => {
    const { world, told, queries, ask } = start(false);
    ask('q', 'a');
    queries.notFound('q', 'a');
    queries.tick(2_000);
    expect(told).toEqual([]);
    world.isComplete = true;
    queries.tick(3_000);
    expect(told).toEqual([['q', 'nobody']]);
  });

  test('a query of an instance without peers ends at once if its list of peers is complete, and waits otherwise', () => {
    const { world, told, ask } = start();
    expect(ask('q')).toBe(false);
    expect(told).toEqual([['q', 'nobody']]);
    world.isComplete = false;
    expect(ask('r')).toBe(true);
    expect(told).toHaveLength(1);
  });

  test('a pending query also waits for a running peer that announces itself only now', () => {
    const { told, queries, ask } = start();
    ask('q', 'a');
    queries.peerAppeared('b');
    queries.notFound('q', 'a');
    expect(told).toEqual([]);
    queries.notFound('q', 'b');
    expect(told).toEqual([['q', 'nobody']]);
  });

  test('a query does not wait for a peer that is gone', () => {
    const { told, queries, ask } = start();
    ask('q', 'a', 'b');
    queries.notFound('q', 'a');
    queries.peerGone('b');
    expect(told).toEqual([['q', 'nobody']]);
  });

  test('a query fails at its deadline and not before', () => {
    const { told, queries, ask } = start();
    ask('q', 'a');
    queries.tick(5_999);
    expect(told).toEqual([]);
    queries.tick(6_000);
    expect(told).toEqual([['q', 'backplane_unavailable']]);
  });

  test('a forgotten query ends without calling its listener', () => {
    const { told, queries, ask } = start();
    ask('q', 'a');
    queries.forget('q');
    queries.notFound('q', 'a');
    queries.tick(10_000);
    expect(told).toEqual([]);
  });

  test('a call of failAll() ends every pending query with an error', () => {
    const { told, queries, ask } = start();
    ask('q', 'a');
    ask('r', 'a');
    queries.failAll(unavailable('away'));
    expect(told).toEqual([
      ['q', 'backplane_unavailable'],
      ['r', 'backplane_unavailable'],
    ]);
  });
});

test('ten thousand queries may be pending, and the end of one query makes room for another', () => {
  const { queries, ask } = start();
  for (let index = 0; index < 9_999; index += 1) ask(`${index}`, 'a');
  expect(queries.isFull).toBe(false);
  ask('the last', 'a');
  expect(queries.isFull).toBe(true);
  queries.found('0', 'a', true);
  expect(queries.isFull).toBe(false);
});
