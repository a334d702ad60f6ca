// Conformance: entries that a trim removes, and entries that it must keep.
import { describe, expect, it } from 'vitest';
import {
  beat,
  CHAT,
  type CreateHarness,
  numbersOf,
  present,
  publishNumbered,
  readAll,
  registerAt,
  registerHolder,
  runAllPasses,
  runPass,
  trimAll,
} from './harness.js';

/** Maximum number of entries that a trim leaves beyond the length of a stream. Redis removes only whole nodes. */
const NODE_ENTRIES = 100;
const CAPPED = { streams: [{ name: CHAT, maxLength: 10 }], hardCapFactor: 20 };

/** Declares one part of `describeBrokerConformance`. */
export function describeRetention(create: CreateHarness): void {
  describe('trim', () => {
    it('a trim removes the oldest acknowledged entries, and leaves less than one node beyond the length', async () => {
      await using harness = await create();
      const { lease } = await registerHolder(harness.broker, 'a');
      const ids = await publishNumbered(harness.broker, 1000);
      await runAllPasses(harness.broker, lease, present(ids[999]));
      const { removed, expired } = await trimAll(harness.broker, lease);
      const left = numbersOf(await readAll(harness.broker));
      expect(left.length).toBeGreaterThanOrEqual(100);
      expect(left.length).toBeLessThan(100 + NODE_ENTRIES);
      expect(left).toEqual(Array.from({ length: left.length }, (_, n) => 1000 - left.length + n));
      expect([removed, expired]).toEqual([1000 - left.length, 0]);
    });

    it('a trim does not change a stream that is not longer than its maximum length', async () => {
      await using harness = await create();
      const { lease } = await registerHolder(harness.broker, 'a');
      const ids = await publishNumbered(harness.broker, 100);
      await runAllPasses(harness.broker, lease, present(ids[99]));
      expect(await harness.broker.trim(lease)).toEqual({ status: 'trimmed', removed: 0, expired: 0 });
      expect((await readAll(harness.broker)).length).toBe(100);
    });

    it('a trim keeps every entry that is not consumed', async () => {
      await using harness = await create();
      const { lease } = await registerHolder(harness.broker, 'a');
      await publishNumbered(harness.broker, 500);
      expect(await trimAll(harness.broker, lease)).toEqual({ removed: 0, expired: 0 });
    });

    it('a trim keeps every pending entry', async () => {
      await using harness = await create();
      const { lease } = await registerHolder(harness.broker, 'a');
      const ids = await publishNumbered(harness.broker, 500);
      await runAllPasses(harness.broker, lease, present(ids[249]));
      expect(await harness.broker.inspect(CHAT)).toMatchObject({ pending: 250 });
      await trimAll(harness.broker, lease);
      const left = numbersOf(await readAll(harness.broker));
      expect(left[0]).toBeLessThanOrEqual(250);
      expect(left[0]).toBeGreaterThan(250 - NODE_ENTRIES);
    });

    it('a trim keeps the entry at a subscriber’s cursor and all later entries', async () => {
      await using harness = await create();
      const { broker } = harness;
      const { lease } = await registerHolder(broker, 'a');
      const ids = await publishNumbered(broker, 500);
      await runAllPasses(broker, lease, present(ids[499]));
      const b = await registerAt(broker, 'b');
      await beat(broker, 'b', { ...b, cursor: present(ids[199]) });
      await trimAll(broker, lease);
      expect(numbersOf(await readAll(broker))[0]).toBeLessThanOrEqual(199);
      await broker.unregister('b');
      await trimAll(broker, lease);
      expect(numbersOf(await readAll(broker))[0]).toBeGreaterThan(500 - 100 - NODE_ENTRIES);
    });

    it('a trim keeps entries that are younger than `minAgeMs`', async () => {
      await using harness = await create({ minAgeMs: 600_000 });
      const { lease } = await registerHolder(harness.broker, 'a');
      const ids = await publishNumbered(harness.broker, 500);
      await runAllPasses(harness.broker, lease, present(ids[499]));
      expect(await trimAll(harness.broker, lease)).toEqual({ removed: 0, expired: 0 });
    });

    it('one trim removes at most `trimBatchSize` entries', async () => {
      await using harness = await create({ trimBatchSize: 150 });
      const { lease } = await registerHolder(harness.broker, 'a');
      const ids = await publishNumbered(harness.broker, 800);
      await runAllPasses(harness.broker, lease, present(ids[799]));
      const result = await harness.broker.trim(lease);
      expect(result).toMatchObject({ status: 'trimmed', expired: 0 });
      expect(result.status === 'trimmed' && result.removed > 0 && result.removed <= 150).toBe(true);
    });
  });

  describe('the hard cap', () => {
    it('the hard cap applies even without subscribers, and counts exactly the lost entries', async () => {
      await using harness = await create(CAPPED);
      await publishNumbered(harness.broker, 1234);
      expect(await harness.broker.inspect(CHAT)).toMatchObject({
        length: 200,
        entriesAdded: 1234,
        expired: 1034,
      });
      expect(numbersOf(await readAll(harness.broker))[0]).toBe(1034);
    });

    it('an acknowledged entry that the hard cap removes is not counted as lost', async () => {
      await using harness = await create(CAPPED);
      const { broker } = harness;
      const { lease } = await registerHolder(broker, 'a');
      const ids = await publishNumbered(broker, 150);
      await runAllPasses(broker, lease, present(ids[76]));
      await publishNumbered(broker, 850, 150);
      // 77 of the 1000 entries were acknowledged, and 200 are left. The other 723 were removed before they were acknowledged.
      expect(await broker.inspect(CHAT)).toMatchObject({ length: 200, expired: 723 });
    });

    it('an entry that the hard cap removes is counted once, even if it is acknowledged afterwards', async () => {
      await using harness = await create(CAPPED);
      const { broker } = harness;
      const { start, lease } = await registerHolder(broker, 'a');
      const ids = await publishNumbered(broker, 150);
      await runPass(broker, lease);
      await publishNumbered(broker, 150, 150);
      expect(await broker.inspect(CHAT)).toMatchObject({ length: 200, expired: 100, pending: 150 });
      await beat(broker, 'a', { ...start, cursor: present(ids[149]) });
      await runAllPasses(broker, lease);
      await publishNumbered(broker, 40, 300);
      // The last append removed 40 entries that were acknowledged.
      expect(await broker.inspect(CHAT)).toMatchObject({ length: 200, expired: 100 });
    });

    it('a subscriber can count the lost entries as the added entries minus the received ones', async () => {
      await using harness = await create(CAPPED);
      const { broker } = harness;
      const start = await registerAt(broker, 'a');
      await publishNumbered(broker, 777);
      const seen = await broker.readAfter(new Map([[CHAT, start.cursor]]), { count: 1000, blockMs: 0 });
      const received = present(seen.get(CHAT)).length;
      const { entriesAdded, expired } = await broker.inspect(CHAT);
      expect(entriesAdded - start.entriesAdded - received).toBe(expired);
    });
  });
}
