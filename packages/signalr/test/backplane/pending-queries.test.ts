/*
 * When a question to all other instances is answered.
 */
import { describe, expect, test } from 'vitest';
import { Questions, unavailable } from '../../src/backplane/pending-queries.js';

function start(isComplete = true) {
  const world = { isComplete };
  const told: unknown[] = [];
  const questions = new Questions({ timeoutMs: 5_000, isComplete: () => world.isComplete });
  const ask = (id: string, ...peers: readonly string[]): boolean =>
    questions.ask(id, peers, 1_000, {
      onFound: (peer, isDone) => told.push([id, 'found', peer, isDone]),
      onNobody: () => told.push([id, 'nobody']),
      onFailed: ({ code }) => told.push([id, code]),
    });
  return { world, told, questions, ask };
}

describe('a question', () => {
  test('is over with the first yes, whoever has not answered yet', () => {
    const { told, questions, ask } = start();
    expect(ask('q', 'a', 'b', 'c')).toBe(true);
    questions.notFound('q', 'a');
    expect(questions.found('q', 'b', true)).toBe(true);
    expect(questions.found('q', 'c', true)).toBe(false);
    questions.notFound('q', 'c');
    questions.tick(10_000);
    expect(told).toEqual([['q', 'found', 'b', true]]);
  });

  test('says when there was nothing to do', () => {
    const { told, questions, ask } = start();
    ask('q', 'a');
    questions.found('q', 'a', false);
    expect(told).toEqual([['q', 'found', 'a', false]]);
  });

  test('is denied when all have denied, each for itself', () => {
    const { told, questions, ask } = start();
    ask('q', 'a', 'b');
    ask('r', 'a', 'b');
    questions.notFound('q', 'a');
    questions.notFound('q', 'a');
    expect(told).toEqual([]);
    questions.notFound('q', 'b');
    expect(told).toEqual([['q', 'nobody']]);
  });

  test('is not denied before everybody who is there is known', () => {
    const { world, told, questions, ask } = start(false);
    ask('q', 'a');
    questions.notFound('q', 'a');
    questions.tick(2_000);
    expect(told).toEqual([]);
    world.isComplete = true;
    questions.tick(3_000);
    expect(told).toEqual([['q', 'nobody']]);
  });

  test('that nobody can be asked is over at once where everybody is known, and waits otherwise', () => {
    const { world, told, ask } = start();
    expect(ask('q')).toBe(false);
    expect(told).toEqual([['q', 'nobody']]);
    world.isComplete = false;
    expect(ask('r')).toBe(true);
    expect(told).toHaveLength(1);
  });

  test('waits for a peer that was there and is heard for the first time', () => {
    const { told, questions, ask } = start();
    ask('q', 'a');
    questions.peerAppeared('b');
    questions.notFound('q', 'a');
    expect(told).toEqual([]);
    questions.notFound('q', 'b');
    expect(told).toEqual([['q', 'nobody']]);
  });

  test('does not wait for a peer that is gone', () => {
    const { told, questions, ask } = start();
    ask('q', 'a', 'b');
    questions.notFound('q', 'a');
    questions.peerGone('b');
    expect(told).toEqual([['q', 'nobody']]);
  });

  test('fails at its deadline, and not before', () => {
    const { told, questions, ask } = start();
    ask('q', 'a');
    questions.tick(5_999);
    expect(told).toEqual([]);
    questions.tick(6_000);
    expect(told).toEqual([['q', 'backplane_unavailable']]);
  });

  test('that is forgotten is over without a word', () => {
    const { told, questions, ask } = start();
    ask('q', 'a');
    questions.forget('q');
    questions.notFound('q', 'a');
    questions.tick(10_000);
    expect(told).toEqual([]);
  });

  test('may fail with all others', () => {
    const { told, questions, ask } = start();
    ask('q', 'a');
    ask('r', 'a');
    questions.failAll(unavailable('away'));
    expect(told).toEqual([
      ['q', 'backplane_unavailable'],
      ['r', 'backplane_unavailable'],
    ]);
  });
});

test('ten thousand questions may be open', () => {
  const { questions, ask } = start();
  for (let index = 0; index < 9_999; index += 1) ask(`${index}`, 'a');
  expect(questions.isFull).toBe(false);
  ask('the last', 'a');
  expect(questions.isFull).toBe(true);
  questions.found('0', 'a', true);
  expect(questions.isFull).toBe(false);
});
