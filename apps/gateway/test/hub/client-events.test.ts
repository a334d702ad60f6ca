// What keeps one user's events through the hub in bounds: the rate, and what is taken back when the user is gone.
import { describe, expect, it } from 'vitest';
import { RateLimit } from '../../src/hub/rate-limit.js';
import { Typists } from '../../src/indicators/active-typing.js';

describe('RateLimit', () => {
  it('lets a burst through, then as many as its rate, and says how long to wait', () => {
    const limit = new RateLimit({ perSecond: 10, burst: 3, maxUsers: 10 });
    expect([limit.take('a', 0), limit.take('a', 0), limit.take('a', 0)]).toEqual([0, 0, 0]);
    expect(limit.take('a', 0)).toBe(100);
    expect(limit.take('a', 60)).toBe(40);
    expect(limit.take('b', 60)).toBe(0);
    expect(limit.take('a', 100)).toBe(0);
    expect(limit.take('a', 100)).toBe(100);
    expect([1, 2, 3, 4].map(() => limit.take('a', 60_000))).toEqual([0, 0, 0, 100]);
  });

  it('holds no more than its rate over a long storm', () => {
    const limit = new RateLimit({ perSecond: 20, burst: 60, maxUsers: 10 });
    let passed = 0;
    for (let ms = 0; ms < 10_000; ms++) if (limit.take('a', ms) === 0) passed++;
    expect(passed).toBeGreaterThanOrEqual(255);
    expect(passed).toBeLessThanOrEqual(260);
  });

  it('remembers at most so many users', () => {
    const limit = new RateLimit({ perSecond: 1, burst: 1, maxUsers: 2 });
    for (const user of ['a', 'b', 'c']) expect(limit.take(user, 0)).toBe(0);
    expect(limit.take('b', 1)).toBe(999);
    expect(limit.take('a', 1)).toBe(0);
  });
});

describe('Typists', () => {
  const setUp = () => new Typists({ expiryMs: 10_000, maxRoomsPerUser: 2 });

  it('names the rooms of a user whose last connection goes', () => {
    const typists = setUp();
    typists.connected('ana');
    typists.connected('ana');
    typists.said('ana', 'r', true, 0);
    typists.said('ana', 's', true, 0);
    typists.said('ana', 's', false, 1);
    expect(typists.disconnected('ana', 2)).toEqual([]);
    expect(typists.disconnected('ana', 2)).toEqual(['r']);
    expect(typists.disconnected('ana', 2)).toEqual([]);
  });

  it('leaves alone what has expired, and what was taken back', () => {
    const typists = setUp();
    typists.connected('ana');
    typists.said('ana', 'r', true, 0);
    typists.said('nobody', 'r', true, 0);
    expect(typists.disconnected('ana', 10_000)).toEqual([]);
    expect(typists.disconnected('nobody', 0)).toEqual([]);
  });

  it('remembers at most so many rooms of a user', () => {
    const typists = setUp();
    typists.connected('ana');
    for (const room of ['a', 'b', 'a', 'c']) typists.said('ana', room, true, 0);
    expect(typists.disconnected('ana', 1)).toEqual(['a', 'c']);
  });
});
