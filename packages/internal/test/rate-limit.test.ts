import { describe, expect, it } from 'vitest';
import { RateLimit } from '../src/rate-limit.js';

describe('RateLimit', () => {
  it('a burst of calls passes, and later calls pass at the rate', () => {
    const limit = new RateLimit({ perSecond: 10, burst: 3, maxKeys: 10 });
    expect([limit.take('a', 0), limit.take('a', 0), limit.take('a', 0)]).toEqual([0, 0, 0]);
    expect(limit.take('a', 0)).toBe(100);
    expect(limit.take('a', 60)).toBe(40);
    expect(limit.take('b', 60)).toBe(0);
    expect(limit.take('a', 100)).toBe(0);
    expect(limit.take('a', 100)).toBe(100);
    expect([1, 2, 3, 4].map(() => limit.take('a', 60_000))).toEqual([0, 0, 0, 100]);
  });

  it('a user who never pauses is limited to the burst and the rate', () => {
    const limit = new RateLimit({ perSecond: 20, burst: 60, maxKeys: 10 });
    let passed = 0;
    for (let ms = 0; ms < 10_000; ms++) if (limit.take('a', ms) === 0) passed++;
    expect(passed).toBeGreaterThanOrEqual(255);
    expect(passed).toBeLessThanOrEqual(260);
  });

  it('a call with a cost above the burst passes if the bucket is full, and delays later calls', () => {
    const limit = new RateLimit({ perSecond: 10, burst: 20, maxKeys: 10 });
    expect(limit.take('a', 0, 15)).toBe(0);
    expect(limit.take('a', 0, 15)).toBe(1_000);
    expect(limit.take('a', 0, 5)).toBe(0);
    expect(limit.take('b', 0, 50)).toBe(0);
    expect(limit.take('b', 0)).toBe(3_100);
    expect(limit.take('b', 3_100)).toBe(0);
  });

  it('the least recently used user is forgotten when the maximum number of users is reached', () => {
    const limit = new RateLimit({ perSecond: 1, burst: 1, maxKeys: 2 });
    for (const user of ['a', 'b', 'c']) expect(limit.take(user, 0)).toBe(0);
    expect(limit.take('b', 1)).toBe(999);
    expect(limit.take('a', 1)).toBe(0);
  });
});
