import { describe, expect, test } from 'vitest';
import { orderOfRound } from '../src/harness/order.js';
import { lineThrough, median, medianInterval, pairedRatio, percentile } from '../src/harness/statistics.js';

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

test('a percentile is the value at the nearest rank, whatever the order of the values', () => {
  expect([0, 50, 90, 100].map((p) => percentile([5, 1, 4, 2, 3], p))).toEqual([1, 3, 5, 5]);
  expect(percentile([], 50)).toBeNaN();
});

test('the median of an even number of values is the mean of the two middle values', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([3, 1, 2])).toBe(2);
  expect(median([])).toBeNaN();
});

describe('the interval of a median', () => {
  // The expected values are from tables of the binomial distribution with p = 0.5.
  test.each([
    [5, 1, 5, 0.9375],
    [6, 1, 6, 0.96875],
    [8, 1, 8, 0.9921875],
    [9, 2, 8, 0.9609375],
    [12, 3, 10, 0.96142578125],
    [20, 6, 15, 0.9586105],
    [30, 10, 21, 0.957226],
  ])(
    'the interval of the median of %i sorted values goes from value number %i to value number %i, with coverage %f',
    (count, low, high, coverage) => {
      const interval = medianInterval(upTo(count));
      expect(interval).toMatchObject({ low, high });
      expect(interval.coverage).toBeCloseTo(coverage, 6);
    },
  );

  test('the interval of a median contains the true median as often as its coverage promises', () => {
    let seed = 42;
    const random = (): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed / 2 ** 31;
    };
    // The distribution is skewed, like latencies. The true median of an exponential distribution is ln 2.
    const trials = 4_000;
    let holding = 0;
    for (let trial = 0; trial < trials; trial += 1) {
      const { low, high } = medianInterval(Array.from({ length: 9 }, () => -Math.log(1 - random())));
      if (low <= Math.LN2 && Math.LN2 <= high) holding += 1;
    }
    expect(holding / trials).toBeGreaterThan(0.95);
    expect(holding / trials).toBeLessThan(0.97);
  });

  test('the interval of a single value contains only this value, and its coverage is zero', () => {
    expect(medianInterval([3])).toEqual({ median: 3, low: 3, high: 3, coverage: 0 });
  });
});

test('ratios are calculated round by round, and a round that failed on one side is left out', () => {
  const ratio = pairedRatio([2, 6, Number.NaN, 4, 9], [1, 2, 1, Number.NaN, 3]);
  expect(ratio).toMatchObject({ median: 3, low: 2, high: 3 });
});

test('a line through points on a straight line has the slope and offset of that line', () => {
  const { offset, slope } = lineThrough([1, 2, 4, 8].map((x) => [x, 10 + 3 * x] as const));
  expect(offset).toBeCloseTo(10);
  expect(slope).toBeCloseTo(3);
});

test('every second round of a comparison runs its sides in reverse order', () => {
  const sides = ['a', 'b', 'c'];
  expect(orderOfRound(sides, 0)).toEqual(['a', 'b', 'c']);
  expect(orderOfRound(sides, 1)).toEqual(['c', 'b', 'a']);
  expect(sides).toEqual(['a', 'b', 'c']);
});
