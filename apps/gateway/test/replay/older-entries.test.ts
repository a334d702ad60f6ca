import { compareEntryIds, createMemoryBroker } from '@millrace/broker';
import { append, fakeClock } from '@millrace/testkit';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { OlderEntries } from '../../src/replay/older-entries.js';

async function setUp(count: number, options: { maxLength?: number; maxEntries?: number } = {}) {
  const clock = fakeClock();
  const { maxLength = 100_000, maxEntries = 5_000 } = options;
  const broker = createMemoryBroker({
    streams: [{ name: 's', maxLength }],
    clock,
    minAgeMs: 0,
    hardCapFactor: 1,
  });
  await broker.open();
  const ids: string[] = [];
  for (let n = 0; n < count; n += 1) {
    await clock.advance(1);
    ids.push((await append(broker, { stream: 's', fields: { n: String(n) } })).id);
  }
  const readRange = vi.spyOn(broker, 'readRange');
  const older = new OlderEntries(broker, { maxEntries, keepMs: 5_000 }, () => clock.monotonicMs());
  const at = (n: number): string => ids[n] ?? '0-0';
  /** Reads a range. Returns the numbers of its entries up to `atLeast`, without later entries. */
  const read = async (from: string, atLeast: string, upTo = atLeast) => {
    const slice = await older.read('s', { from, atLeast, upTo });
    return slice?.entries.filter(({ id }) => compareEntryIds(id, atLeast) <= 0).map(({ fields }) => fields.n);
  };
  return { clock, older, readRange, at, read };
}

describe('OlderEntries', () => {
  it('a read returns all entries after one ID up to another ID', async () => {
    const { read, at } = await setUp(10);
    expect(await read(at(2), at(5))).toEqual(['3', '4', '5']);
    expect(await read('0-0', at(1))).toEqual(['0', '1']);
    expect(await read(at(5), at(5))).toEqual([]);
  });

  it('a read returns nothing if the stream has lost part of the range', async () => {
    const { read, at } = await setUp(30, { maxLength: 10 });
    expect(await read(at(5), at(25))).toBeUndefined();
    expect(await read(at(19), at(25))).toBeUndefined();
    expect(await read(at(20), at(22))).toEqual(['21', '22']);
  });

  it('a range that is too large is refused, but a smaller range in the same read is returned', async () => {
    const { read, readRange, at } = await setUp(2_000, { maxEntries: 1_000 });
    const answers = await Promise.all([read(at(10), at(1_999)), read(at(1_500), at(1_999))]);
    expect(answers[0]).toBeUndefined();
    expect(answers[1]).toHaveLength(499);
    expect(await read(at(1_000), at(1_999))).toHaveLength(999);
    expect(await read(at(999), at(1_999))).toBeUndefined();
    expect(readRange).toHaveBeenCalledTimes(2);
  });

  it('callers that request entries at almost the same time share one read', async () => {
    const { read, readRange, at } = await setUp(100);
    const answers = await Promise.all(Array.from({ length: 500 }, (_, n) => read(at(10 + (n % 50)), at(90))));
    expect(readRange).toHaveBeenCalledTimes(1);
    expect(answers[0]).toHaveLength(80);
    expect(answers[49]).toHaveLength(31);
  });

  it('a range that the stream has lost is not read again for each caller', async () => {
    const { read, readRange, at } = await setUp(30, { maxLength: 10 });
    const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => read(at(n % 15), at(29))));
    expect(answers.every((answer) => answer === undefined)).toBe(true);
    expect(readRange).toHaveBeenCalledTimes(1);
  });

  it('the number of reads stays small when each client needs older entries than the one before', async () => {
    const { read, readRange, at } = await setUp(2_000);
    for (let n = 1_990; n >= 0; n -= 10) expect(await read(at(n), at(1_995))).toHaveLength(1_995 - n);
    // Each read begins with the newest page. The four reads read one, two, three and four pages.
    expect(readRange.mock.calls.length).toBeLessThanOrEqual(10);
  });

  it('a read includes later entries, for clients that arrive after the ring has evicted more events', async () => {
    const { read, readRange, at } = await setUp(700);
    for (let n = 100; n < 500; n += 1) expect(await read(at(50), at(n), at(600))).toHaveLength(n - 50);
    // One page was read backwards, and one page ahead.
    expect(readRange).toHaveBeenCalledTimes(2);
    expect((await read(at(50), at(650), at(690)))?.at(-1)).toBe('650');
  });

  it('a read includes at most one page of later entries', async () => {
    const { older, at } = await setUp(2_000);
    const slice = await older.read('s', { from: at(5), atLeast: at(10), upTo: at(1_999) });
    expect(slice?.entries).toHaveLength(505);
    expect(slice?.upTo).toBe(at(510));
  });

  it('a cached range is evicted after some time, and is read again later', async () => {
    const { read, readRange, at, clock, older } = await setUp(100);
    await read(at(50), at(90));
    await read(at(40), at(90));
    expect(readRange).toHaveBeenCalledTimes(1);
    older.evict();
    expect(older.size).toBe(91);
    await clock.advance(5_001);
    older.evict();
    expect(older.size).toBe(0);
    await read(at(50), at(90));
    expect(readRange).toHaveBeenCalledTimes(2);
  });

  it('a failed read is not repeated for each of its callers, and a later read succeeds', async () => {
    const { read, readRange, at } = await setUp(10);
    readRange.mockRejectedValueOnce(new Error('gone')).mockRejectedValueOnce(new Error('still gone'));
    const first = Array.from({ length: 3 }, () => read(at(2), at(5)));
    await Promise.resolve();
    const later = Array.from({ length: 50 }, () => read(at(2), at(5)));
    const results = await Promise.allSettled([...first, ...later]);
    expect(results.every(({ status }) => status === 'rejected')).toBe(true);
    expect(readRange.mock.calls.length).toBeLessThanOrEqual(2);
    readRange.mockRestore();
    expect(await read(at(2), at(5))).toEqual(['3', '4', '5']);
  });

  it('a shared read returns a complete range, or nothing if the stream has lost a part of it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 1_300 }),
        fc.integer({ min: 1, max: 1_300 }),
        fc.array(fc.tuple(fc.nat(1_300), fc.nat(1_300), fc.nat(1_300)), { minLength: 1, maxLength: 12 }),
        async (count, maxLength, askers) => {
          const { older, at } = await setUp(count, { maxLength });
          await Promise.all(
            askers.map(async (three) => {
              const [from = 0, atLeast = 0, upTo = 0] = three.map((n) => n % count).sort((a, b) => a - b);
              const slice = await older.read('s', { from: at(from), atLeast: at(atLeast), upTo: at(upTo) });
              // True if the stream still has all entries after `from`.
              const hasAll = from >= count - maxLength || count <= maxLength;
              expect(slice !== undefined).toBe(hasAll);
              if (slice === undefined) return;
              expect(compareEntryIds(slice.upTo, at(atLeast))).toBeGreaterThanOrEqual(0);
              const numbers = slice.entries.map(({ fields }) => Number(fields.n));
              expect(numbers).toEqual(numbers.map((_, index) => from + 1 + index));
              if (slice.upTo !== at(from)) expect(slice.entries.at(-1)?.id ?? at(from)).toBe(slice.upTo);
            }),
          );
        },
      ),
      { numRuns: 25 },
    );
  });
});
