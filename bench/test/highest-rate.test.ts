import { expect, test } from 'vitest';
import { findHighestRate, rateAt } from '../src/harness/highest-rate.js';

/** Returns a side that sustains rates up to `limit`. The attempt with the number `badTry` always fails. */
function sideOf(limit: number, badTry = -1) {
  const tried: number[] = [];
  return {
    tried,
    async tryRate(rate: number) {
      tried.push(rate);
      return { rate, isSustained: rate <= limit && tried.length - 1 !== badTry };
    },
  };
}

test.each([1_000, 1_500, 6_543, 21_000, 70_000])(
  'the highest rate of a side that sustains %i events/s is found from different starting rates',
  async (limit) => {
    const wanted = Array.from({ length: 76 }, (_, index) => rateAt(index)).findLastIndex(
      (rate) => rate <= limit,
    );
    for (const start of [undefined, 0, wanted - 3, wanted, wanted + 1, wanted + 6]) {
      const { tryRate } = sideOf(limit);
      const { index, sustained } = await findHighestRate(
        start === undefined ? undefined : Math.max(0, start),
        tryRate,
      );
      expect({ start, index, rate: sustained?.rate }).toEqual({ start, index: wanted, rate: rateAt(wanted) });
    }
  },
);

test('one failed attempt does not end the search, and a good start needs few attempts', async () => {
  const { tried, tryRate } = sideOf(rateAt(30), 1);
  const { index, refused } = await findHighestRate(28, tryRate);
  expect(index).toBe(30);
  expect(refused?.rate).toBe(rateAt(31));
  expect(tried).toHaveLength(6);
});

test('a side that does not sustain the lowest rate has no highest rate', async () => {
  const { tryRate } = sideOf(10);
  expect(await findHighestRate(undefined, tryRate)).toMatchObject({ index: 0, sustained: undefined });
  expect(await findHighestRate(2, tryRate)).toMatchObject({ index: 0, sustained: undefined });
});
