import { createMemoryBroker } from '@millrace/broker';
import { fakeClock } from '@millrace/testkit';
import { describe, expect, it, vi } from 'vitest';
import { OlderEntries } from '../src/replay/older-entries.js';

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
    ids.push((await broker.publish({ stream: 's', fields: { n: String(n) } })).id);
  }
  const readRange = vi.spyOn(broker, 'readRange');
  const older = new OlderEntries(broker, { maxEntries, keepMs: 5_000 }, () => clock.monotonicMs());
  const at = (n: number): string => ids[n] ?? '0-0';
  const read = async (from: string, upTo: string) =>
    (await older.read('s', from, upTo))?.map(({ fields }) => fields.n);
  return { clock, older, readRange, at, read };
}

describe('OlderEntries', () => {
  it('gives everything after one ID up to another', async () => {
    const { read, at } = await setUp(10);
    expect(await read(at(2), at(5))).toEqual(['3', '4', '5']);
    expect(await read('0-0', at(1))).toEqual(['0', '1']);
    expect(await read(at(5), at(5))).toEqual([]);
  });

  it('gives nothing when the stream has lost part of it', async () => {
    const { read, at } = await setUp(30, { maxLength: 10 });
    expect(await read(at(5), at(25))).toBeUndefined();
    expect(await read(at(19), at(25))).toBeUndefined();
    expect(await read(at(20), at(22))).toEqual(['21', '22']);
  });

  it('gives nothing when it is too much', async () => {
    const { read, at } = await setUp(30, { maxEntries: 10 });
    expect(await read(at(0), at(29))).toBeUndefined();
    expect(await read(at(19), at(29))).toHaveLength(10);
  });

  it('reads once for all who ask at about the same time', async () => {
    const { read, readRange, at } = await setUp(100);
    const answers = await Promise.all(Array.from({ length: 500 }, (_, n) => read(at(10 + (n % 50)), at(90))));
    expect(readRange).toHaveBeenCalledTimes(1);
    expect(answers[0]).toHaveLength(80);
    expect(answers[49]).toHaveLength(31);
  });

  it('does not read again for those for whom it is lost', async () => {
    const { read, readRange, at } = await setUp(30, { maxEntries: 10 });
    const answers = await Promise.all(Array.from({ length: 100 }, () => read(at(0), at(29))));
    expect(answers.every((answer) => answer === undefined)).toBe(true);
    expect(readRange).toHaveBeenCalledTimes(1);
  });

  it('reads anew after a while, and for who needs more', async () => {
    const { read, readRange, at, clock } = await setUp(100);
    await read(at(50), at(90));
    await read(at(40), at(90));
    expect(readRange).toHaveBeenCalledTimes(2);
    await clock.advance(5_001);
    await read(at(50), at(90));
    expect(readRange).toHaveBeenCalledTimes(3);
  });

  it('goes on after a failed read', async () => {
    const { read, readRange, at } = await setUp(10);
    readRange.mockRejectedValueOnce(new Error('gone'));
    await expect(read(at(2), at(5))).rejects.toThrow('gone');
    expect(await read(at(2), at(5))).toEqual(['3', '4', '5']);
  });
});
