import fc from 'fast-check';
import { expect, it } from 'vitest';
import { shareOfStreams } from '../../src/subscriber/stream-shares.js';

const STREAMS = ['chat', 'ticket', 'notification', 'remote'];

it('a subscriber that holds the only slot gets every stream', () => {
  expect([...shareOfStreams({ slot: 7, heldSlots: [7] }, STREAMS)]).toEqual(STREAMS);
});

it('every stream belongs to one slot, and the shares of the slots differ by at most one stream (property)', () => {
  const slots = fc.uniqueArray(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 10 });
  fc.assert(
    fc.property(slots, fc.integer({ min: 1, max: 40 }), (held, count) => {
      const heldSlots = held.sort((a, b) => a - b);
      const streams = Array.from({ length: count }, (_, n) => `s${n}`);
      const shares = heldSlots.map((slot) => [...shareOfStreams({ slot, heldSlots }, streams)]);
      expect(shares.flat().toSorted()).toEqual(streams.toSorted());
      const sizes = shares.map((share) => share.length);
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    }),
  );
});
