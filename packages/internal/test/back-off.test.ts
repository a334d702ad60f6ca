import { backOffDelayMs } from '@millrace/internal';
import fc from 'fast-check';
import { expect, it } from 'vitest';

it('a delay is a random part of a maximum that doubles with each attempt', () => {
  const most = [0, 1, 2, 3, 4, 5, 6, 100].map((attempt) => backOffDelayMs(attempt, {}, 0.999_999));
  expect(most).toEqual([50, 100, 200, 400, 800, 1600, 2000, 2000]);
  expect(backOffDelayMs(3, {}, 0.5)).toBe(200);
});

it('a delay is at least 1 ms and at most maxMs (property)', () => {
  const attempts = fc.nat(10_000);
  const options = fc.record({
    baseMs: fc.integer({ min: 1, max: 1000 }),
    maxMs: fc.integer({ min: 1, max: 60_000 }),
  });
  fc.assert(
    fc.property(
      attempts,
      options,
      fc.double({ min: 0, max: 0.999_999, noNaN: true }),
      (attempt, option, random) => {
        const delayMs = backOffDelayMs(attempt, option, random);
        expect(delayMs).toBeGreaterThanOrEqual(1);
        expect(delayMs).toBeLessThanOrEqual(option.maxMs);
      },
    ),
  );
});
