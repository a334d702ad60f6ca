// When requests to publish are refused because the event loop has no time for them.
import { expect, it } from 'vitest';
import { TurnBudget } from '../../src/http/ingest-admission.js';

function setUp() {
  let nowMs = 0;
  const budget = new TurnBudget(() => nowMs);
  /** A turn with so many requests that take 1 ms each, then so much else; returns how many were served. */
  const turn = (requests: number, elseMs = 0): number => {
    let served = 0;
    for (let n = 0; n < requests; n += 1) {
      if (!budget.admits()) continue;
      served += 1;
      nowMs += 1;
    }
    budget.endTurn();
    nowMs += elseMs;
    return served;
  };
  return { budget, turn };
}

it('serves a burst, however large', () => {
  const { turn } = setUp();
  expect(turn(400)).toBe(400);
  expect(turn(90)).toBe(90);
});

it('serves steady load that leaves time in every turn', () => {
  const { turn } = setUp();
  for (let n = 0; n < 1_000; n += 1) expect(turn(49)).toBe(49);
});

it('serves what fits into a turn once turns were late for half a second', () => {
  const { turn } = setUp();
  for (let n = 0; n < 5; n += 1) expect(turn(100)).toBe(100);
  expect(turn(100)).toBe(20);
  expect(turn(100)).toBe(20);
});

it('serves at least one request of a turn', () => {
  const { turn, budget } = setUp();
  for (let n = 0; n < 7; n += 1) turn(100, 1_000);
  expect(budget.isFirstOfTurn).toBe(true);
  expect(turn(1, 1_000)).toBe(1);
});

it('serves everything again after a turn that had time left', () => {
  const { turn } = setUp();
  for (let n = 0; n < 8; n += 1) turn(100);
  expect(turn(19)).toBe(19);
  expect(turn(100)).toBe(100);
});
