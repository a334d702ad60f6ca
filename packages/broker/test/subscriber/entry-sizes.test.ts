import { expect, it } from 'vitest';
import { EntrySizes } from '../../src/subscriber/entry-sizes.js';

const entries = (count: number, chars: number) =>
  Array.from({ length: count }, (_, n) => ({ id: `${n + 1}-0`, fields: { payload: 'x'.repeat(chars - 7) } }));

it('countWithin returns the maximum count while entries are small or none was read', () => {
  const sizes = new EntrySizes();
  expect(sizes.countWithin('s', 1_000_000, 500)).toBe(500);
  sizes.note('s', entries(100, 450));
  expect(sizes.countWithin('s', 1_000_000, 500)).toBe(500);
});

it('countWithin falls after large entries, is never below 1, and rises again after many small entries', () => {
  const sizes = new EntrySizes();
  sizes.note('s', entries(10, 100_000));
  expect(sizes.countWithin('s', 1_000_000, 500)).toBe(10);
  sizes.note('s', entries(1, 5_000_000));
  expect(sizes.countWithin('s', 1_000_000, 500)).toBe(1);
  expect(sizes.countWithin('other', 1_000_000, 500)).toBe(500);
  for (let n = 0; n < 100; n++) sizes.note('s', entries(5, 450));
  expect(sizes.countWithin('s', 1_000_000, 500)).toBe(500);
});
