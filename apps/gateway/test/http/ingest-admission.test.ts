// Requests to publish are refused when the event loop has no time for them.
import { expect, it } from 'vitest';
import { TurnBudget } from '../../src/http/ingest-admission.js';

function setUp() {
  let timeMs = 0;
  const budget = new TurnBudget(() => timeMs);
  /** Runs a turn with requests of 1 ms each, then other work of `elseMs`. Returns the number of requests that were served. */
  const turn = (requests: number, elseMs = 0): number => {
    let served = 0;
    for (let n = 0; n < requests; n += 1) {
      if (!budget.admits()) continue;
      served += 1;
      timeMs += 1;
    }
    budget.endTurn();
    timeMs += elseMs;
    return served;
  };
  return { budget, turn };
}

it('every request of a burst is served, even if the burst is large', () => {
  const { turn } = setUp();
  expect(turn(400)).toBe(400);
  expect(turn(90)).toBe(90);
});

it('steady load is served if it leaves time in every turn of the event loop', () => {
  const { turn } = setUp();
  for (let n = 0; n < 1_000; n += 1) expect(turn(49)).toBe(49);
});

it('the ingest endpoint limits requests per turn after half a second of late turns', () => {
  const { turn } = setUp();
  for (let n = 0; n < 5; n += 1) expect(turn(100)).toBe(100);
  expect(turn(100)).toBe(20);
  expect(turn(100)).toBe(20);
});

it('the ingest endpoint serves at least one request in each turn, even if the turns are very late', () => {
  const { turn, budget } = setUp();
  for (let n = 0; n < 7; n += 1) turn(100, 1_000);
  expect(budget.isFirstOfTurn).toBe(true);
  expect(turn(1, 1_000)).toBe(1);
});

it('every request is served again after a turn that had time left', () => {
  const { turn } = setUp();
  for (let n = 0; n < 8; n += 1) turn(100);
  expect(turn(19)).toBe(19);
  expect(turn(100)).toBe(100);
});
