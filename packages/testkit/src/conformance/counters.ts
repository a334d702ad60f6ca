// Conformance: counters that processes share and that expire.
import { describe, expect, it } from 'vitest';
import type { CreateHarness } from './harness.js';

export function describeCounters(create: CreateHarness): void {
  describe('counts', () => {
    const name = 'user {one}\nroom|"two"';

    it('occurrences that follow one another are all counted, separately for each name', async () => {
      await using harness = await create();
      const { counters } = harness.broker;
      expect(await counters.read(name)).toBe(0);
      for (let count = 1; count <= 3; count += 1) {
        expect(await counters.count({ name, ageMs: 0, keepMs: 60_000 })).toBe(count);
        await harness.passTime(2);
      }
      expect(await counters.count({ name: 'another', ageMs: 0, keepMs: 60_000 })).toBe(1);
      expect(await counters.read(name)).toBe(3);
    });

    it('overlapping occurrences are counted as one', async () => {
      await using harness = await create();
      const { counters } = harness.broker;
      await counters.count({ name, ageMs: 500, keepMs: 60_000 });
      await harness.passTime(5);
      expect(await counters.count({ name, ageMs: 1_000, keepMs: 60_000 })).toBe(1);
      expect(await counters.count({ name, ageMs: 1, keepMs: 60_000 })).toBe(2);
    });

    it('a count is forgotten `keepMs` after its last occurrence', async () => {
      await using harness = await create();
      const { counters } = harness.broker;
      await counters.count({ name, ageMs: 0, keepMs: 20 });
      await harness.passTime(60);
      expect(await counters.read(name)).toBe(0);
      expect(await counters.count({ name, ageMs: 0, keepMs: 60_000 })).toBe(1);
    });
  });
}
