import { SeenIds } from '@millrace/internal';
import { describe, expect, it } from 'vitest';

/** Returns true for a new ID and remembers it. */
function isFirst(seen: SeenIds, id: string, timeMs: number): boolean {
  if (seen.has(id, timeMs)) return false;
  seen.add(id, timeMs);
  return true;
}

describe('SeenIds', () => {
  it('an ID counts as a repeat until keepMs after it was first seen', () => {
    const seen = new SeenIds({ keepMs: 300_000, maxIds: 10 });
    expect(isFirst(seen, 'a', 1_000)).toBe(true);
    expect(isFirst(seen, 'a', 1_000)).toBe(false);
    expect(isFirst(seen, 'a', 300_999)).toBe(false);
    expect(isFirst(seen, 'a', 301_000)).toBe(true);
    expect(isFirst(seen, 'a', 301_001)).toBe(false);
  });

  it('an ID is recognised as a repeat even at a time before that of the last added ID', () => {
    const seen = new SeenIds({ keepMs: 300_000, maxIds: 10 });
    isFirst(seen, 'a', 5_000);
    isFirst(seen, 'b', 6_000);
    expect(isFirst(seen, 'a', 5_000)).toBe(false);
  });

  it('SeenIds removes an ID when keepMs have passed', () => {
    const seen = new SeenIds({ keepMs: 1_000, maxIds: 1_000 });
    for (let timeMs = 0; timeMs < 10_000; timeMs += 10) isFirst(seen, `id-${timeMs}`, timeMs);
    expect(seen.size).toBe(100);
  });

  it('SeenIds at its maximum size forgets the oldest ID when a new ID is added', () => {
    const seen = new SeenIds({ keepMs: 300_000, maxIds: 3 });
    for (const id of ['a', 'b', 'c', 'd']) isFirst(seen, id, 1);
    expect(seen.size).toBe(3);
    expect(isFirst(seen, 'd', 1)).toBe(false);
    expect(isFirst(seen, 'b', 1)).toBe(false);
    expect(seen.size).toBe(3);
    expect(isFirst(seen, 'a', 1)).toBe(true);
  });
});
