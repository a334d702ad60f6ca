/* Negotiations without a connection are limited in number, and are forgotten after a timeout. */
import { fakeClock } from '@millrace/testkit';
import { describe, expect, test } from 'vitest';
import { Ticker } from '../../src/connection/ticker.js';
import { ConnectionStore } from '../../src/http/connection-store.js';
import { SignedTokens } from '../../src/instances/signed-tokens.js';

describe('half-open negotiations', () => {
  test('the server keeps at most 10,000 negotiated connections without a transport, and forgets each of them after the timeout', () => {
    const clock = fakeClock(Date.UTC(2026, 0, 1));
    const ticker = new Ticker(clock, 1_000);
    const store = new ConnectionStore(ticker, { maximumPending: 10_000, timeoutMs: 15_000 });
    const tokens = Array.from({ length: 10_000 }, () => store.negotiate(1)?.ids.connectionToken ?? '');
    expect(store.negotiate(1)).toBeUndefined();
    expect(new Set(tokens).size).toBe(10_000);
    clock.pass(16_000);
    expect(tokens.filter((token) => store.find(token) !== undefined)).toEqual([]);
    expect(clock.timerCount).toBe(0);
    expect(store.negotiate(1)).toBeDefined();
  });

  test('negotiations with signed tokens use no memory until a transport connects', () => {
    const clock = fakeClock(Date.UTC(2026, 0, 1));
    const ticker = new Ticker(clock, 1_000);
    const tokens = new SignedTokens(['k'.repeat(32)], '/hub');
    const store = new ConnectionStore(ticker, { maximumPending: 100, timeoutMs: 15_000 }, tokens);
    const negotiated = Array.from({ length: 10_000 }, () => store.negotiate(1));
    expect(negotiated).not.toContain(undefined);
    expect(clock.timerCount).toBe(0);
    const used = negotiated.slice(0, 101).flatMap((stored) => stored ?? []);
    for (const stored of used) {
      expect(store.claim(stored)).toBe(true);
      store.remove(stored);
    }
    const isKnown = used.map(({ ids }) => store.find(ids.connectionToken) !== undefined);
    // Only the oldest used token was forgotten. The server accepts it like an unused one until it expires.
    expect(isKnown).toEqual(used.map((_, index) => index === 0));
    clock.pass(60_000);
    expect(used.filter(({ ids }) => store.find(ids.connectionToken) !== undefined)).toEqual([]);
    expect(clock.timerCount).toBe(0);
  });
});
