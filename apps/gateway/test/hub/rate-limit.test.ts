import { describe, expect, it } from 'vitest';
import { RateLimit } from '../../src/hub/rate-limit.js';

describe('RateLimit', () => {
  it('a burst of events passes, later events pass at the configured rate, and a refusal returns the time to wait', () => {
    const limit = new RateLimit({ perSecond: 10, burst: 3, maxUsers: 10 });
    expect([limit.take('a', 0), limit.take('a', 0), limit.take('a', 0)]).toEqual([0, 0, 0]);
    expect(limit.take('a', 0)).toBe(100);
    expect(limit.take('a', 60)).toBe(40);
    expect(limit.take('b', 60)).toBe(0);
    expect(limit.take('a', 100)).toBe(0);
    expect(limit.take('a', 100)).toBe(100);
    expect([1, 2, 3, 4].map(() => limit.take('a', 60_000))).toEqual([0, 0, 0, 100]);
  });

  it('a user who sends without a pause is limited to the burst and the rate', () => {
    const limit = new RateLimit({ perSecond: 20, burst: 60, maxUsers: 10 });
    let passed = 0;
    for (let ms = 0; ms < 10_000; ms++) if (limit.take('a', ms) === 0) passed++;
    expect(passed).toBeGreaterThanOrEqual(255);
    expect(passed).toBeLessThanOrEqual(260);
  });

  it('the number of remembered users is bounded', () => {
    const limit = new RateLimit({ perSecond: 1, burst: 1, maxUsers: 2 });
    for (const user of ['a', 'b', 'c']) expect(limit.take(user, 0)).toBe(0);
    expect(limit.take('b', 1)).toBe(999);
    expect(limit.take('a', 1)).toBe(0);
  });
});
