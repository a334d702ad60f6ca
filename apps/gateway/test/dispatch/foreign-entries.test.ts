// Entries whose event type only other gateways know: no dead letter while such a gateway lives, and one if it turns out to be dead.
import { fakeClock } from '@millrace/testkit';
import { describe, expect, it } from 'vitest';
import { ForeignEntries } from '../../src/dispatch/foreign-entries.js';

function setUp() {
  const clock = fakeClock();
  const state = { known: new Set<string>(), isAway: false, asked: 0 };
  const unknown: string[] = [];
  const entries = new ForeignEntries({
    clock,
    isKnown: async (eventType) => {
      state.asked += 1;
      if (state.isAway) throw new Error('away');
      return state.known.has(eventType);
    },
    onUnknown: async ({ id, reason }) => void unknown.push(`${id} ${reason}`),
  });
  const add = (id: string, eventType: string): void =>
    entries.add({ stream: 'events:orders', id, eventType, reason: eventType });
  return { clock, state, unknown, entries, add };
}

describe('entries of types that only other gateways know', () => {
  it('an entry is not a dead letter if a gateway with its type still lives when announcements of dead ones have expired', async () => {
    const { clock, state, unknown, add } = setUp();
    state.known.add('order');
    add('1-0', 'order');
    await clock.advance(60_000);
    expect([unknown, state.asked]).toEqual([[], 1]);
  });

  it('an entry is a dead letter if its type became unknown, but not before the announcements have expired', async () => {
    const { clock, unknown, add } = setUp();
    add('1-0', 'order');
    await clock.advance(10_000);
    expect(unknown).toEqual([]);
    await clock.advance(2_000);
    expect(unknown).toEqual(['1-0 order']);
    await clock.advance(60_000);
    expect(unknown).toEqual(['1-0 order']);
  });

  it('many entries of one type cost one request, and keep their order', async () => {
    const { clock, state, unknown, add } = setUp();
    for (let n = 0; n < 100; n += 1) add(`${n}-0`, n % 2 === 0 ? 'order' : 'invoice');
    await clock.advance(12_000);
    expect(unknown.map((text) => Number.parseInt(text, 10))).toEqual(
      Array.from({ length: 100 }, (_, n) => n),
    );
    expect(state.asked).toBe(2);
  });

  it('entries that cannot be checked are checked again, and a later entry starts the checks again', async () => {
    const { clock, state, unknown, add } = setUp();
    state.isAway = true;
    add('1-0', 'order');
    await clock.advance(20_000);
    expect(unknown).toEqual([]);
    state.isAway = false;
    await clock.advance(1_000);
    expect(unknown).toEqual(['1-0 order']);
    add('2-0', 'order');
    await clock.advance(12_000);
    expect(unknown).toEqual(['1-0 order', '2-0 order']);
  });

  it('the oldest entries above 10,000 are forgotten', async () => {
    const { clock, unknown, add } = setUp();
    for (let n = 0; n < 10_001; n += 1) add(`${n}-0`, 'order');
    await clock.advance(12_000);
    expect([unknown.length, unknown[0]]).toEqual([10_000, '1-0 order']);
  });

  it('a gateway that stops forgets its entries and asks nothing more', async () => {
    const { clock, state, unknown, entries, add } = setUp();
    add('1-0', 'order');
    entries.stop();
    // A read that was under way finds one more entry.
    add('2-0', 'order');
    expect(clock.timerCount).toBe(0);
    await clock.advance(60_000);
    expect([unknown, state.asked]).toEqual([[], 0]);
  });
});
