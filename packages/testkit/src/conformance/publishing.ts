// Conformance: appending, order and deduplication.
import { compareEntryIds, isEntryId } from '@millrace/broker';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  append,
  CHAT,
  type CreateHarness,
  codeOf,
  numbersOf,
  publishNumbered,
  readAll,
  TICKET,
} from './harness.js';

/** Declares one part of `describeBrokerConformance`. */
export function describePublishing(create: CreateHarness): void {
  describe('append', () => {
    it('entries are appended in the given order, with IDs that rise strictly', async () => {
      await using harness = await create();
      const ids = await publishNumbered(harness.broker, 500);
      expect(numbersOf(await readAll(harness.broker))).toEqual(Array.from({ length: 500 }, (_, n) => n));
      expect(ids.every(isEntryId)).toBe(true);
      for (const [index, id] of ids.entries()) {
        if (index > 0) expect(compareEntryIds(id, ids[index - 1] ?? '')).toBeGreaterThan(0);
      }
      expect((await readAll(harness.broker)).map(({ id }) => id)).toEqual(ids);
    });

    it('a repeated entry is not appended, and its receipt contains the ID of the first entry', async () => {
      await using harness = await create();
      const entry = { stream: CHAT, fields: { n: '1' }, dedupeId: 'one' };
      const first = await append(harness.broker, entry);
      const second = await append(harness.broker, { ...entry, fields: { n: '2' } });
      expect(first.isDuplicate).toBe(false);
      expect(second).toEqual({ id: first.id, isDuplicate: true });
      expect(numbersOf(await readAll(harness.broker))).toEqual([1]);
    });

    it('an entry that its caller marks as new is remembered, so that a later repeat is a duplicate', async () => {
      await using harness = await create();
      const entry = { stream: CHAT, fields: { n: '1' }, dedupeId: 'one' };
      const first = await append(harness.broker, { ...entry, isNew: true });
      const second = await append(harness.broker, entry);
      expect(first.isDuplicate).toBe(false);
      expect(second).toEqual({ id: first.id, isDuplicate: true });
      expect(numbersOf(await readAll(harness.broker))).toEqual([1]);
    });

    it('a repeated entry is recognised even in a batch with new entries', async () => {
      await using harness = await create();
      const repeated = { fields: { n: '1' }, dedupeId: 'one' };
      const { id } = await append(harness.broker, { stream: CHAT, ...repeated });
      const [, second] = await harness.broker.append(CHAT, [
        { fields: { n: '2' }, dedupeId: 'two', isNew: true },
        repeated,
      ]);
      expect(second).toEqual({ id, isDuplicate: true });
      expect(numbersOf(await readAll(harness.broker))).toEqual([1, 2]);
    });

    it('a repeated entry inside one batch is recognised', async () => {
      await using harness = await create();
      const entries = ['a', 'b', 'a', 'c', 'b', 'a'].map((dedupeId, n) => ({
        fields: { n: String(n) },
        dedupeId,
      }));
      const receipts = await harness.broker.append(CHAT, entries);
      expect(receipts.map((receipt) => 'isDuplicate' in receipt && receipt.isDuplicate)).toEqual([
        false,
        false,
        true,
        false,
        true,
        true,
      ]);
      expect(receipts[2]).toEqual({ id: (await readAll(harness.broker))[0]?.id, isDuplicate: true });
      expect(numbersOf(await readAll(harness.broker))).toEqual([0, 1, 3]);
    });

    it('an empty batch and a batch of more than 1,000 entries are refused', async () => {
      await using harness = await create();
      const entries = Array.from({ length: 1_001 }, () => ({ fields: { n: '1' } }));
      expect(await codeOf(harness.broker.append(CHAT, []))).toBe('invalid_argument');
      expect(await codeOf(harness.broker.append(CHAT, entries))).toBe('invalid_argument');
      expect(await readAll(harness.broker)).toEqual([]);
    });

    it('a repeated entry is recognised after a thousand other entries, even if the original was trimmed', async () => {
      await using harness = await create({ streams: [{ name: CHAT, maxLength: 1 }], hardCapFactor: 10 });
      const first = await append(harness.broker, { stream: CHAT, fields: { n: '0' }, dedupeId: 'first' });
      await publishNumbered(harness.broker, 1000, 1);
      const repeat = await append(harness.broker, { stream: CHAT, fields: { n: '0' }, dedupeId: 'first' });
      expect(repeat).toEqual({ id: first.id, isDuplicate: true });
    });

    it('entries without a dedupe ID are appended every time', async () => {
      await using harness = await create();
      const entry = { stream: CHAT, fields: { n: '7' } };
      await Promise.all([append(harness.broker, entry), append(harness.broker, entry)]);
      expect(numbersOf(await readAll(harness.broker))).toEqual([7, 7]);
    });

    it('dedupe IDs are remembered per stream', async () => {
      await using harness = await create();
      const receipts = await Promise.all(
        [CHAT, TICKET].map((stream) =>
          append(harness.broker, { stream, fields: { n: '1' }, dedupeId: 'same' }),
        ),
      );
      expect(receipts.map(({ isDuplicate }) => isDuplicate)).toEqual([false, false]);
    });

    it('a dedupe ID is forgotten after `dedupeWindowMs`', async () => {
      await using harness = await create({ dedupeWindowMs: 20 });
      const entry = { stream: CHAT, fields: { n: '1' }, dedupeId: 'one' };
      await append(harness.broker, entry);
      await harness.passTime(25);
      expect((await append(harness.broker, entry)).isDuplicate).toBe(false);
    });

    it('every field of an entry is kept unchanged, whatever its name and text', async () => {
      await using harness = await create();
      const fields: Record<string, string> = {
        '': 'no name',
        empty: '',
        lines: 'a\r\nb\u0000c\td',
        ünïcödé: '𝒳 日本語 🙂',
        '42': 'a number as a name',
        constructor: 'a name of Object.prototype',
        json: '{"a":[1,2]}',
        big: 'x'.repeat(1_000_000),
      };
      Object.defineProperty(fields, '__proto__', { value: 'a trap', enumerable: true });
      await append(harness.broker, { stream: CHAT, fields });
      const [entry] = await readAll(harness.broker);
      expect(asMap(entry?.fields)).toEqual(asMap(fields));
    });

    it('random well-formed fields are kept unchanged (property test)', async () => {
      await using harness = await create();
      const text = fc.string({ unit: 'grapheme', maxLength: 20 });
      const anyFields = fc.dictionary(text, text, { minKeys: 1, maxKeys: 20, noNullPrototype: true });
      await fc.assert(
        fc.asyncProperty(anyFields, async (fields) => {
          const { id } = await append(harness.broker, { stream: CHAT, fields });
          const [entry] = await harness.broker.readRange(CHAT, { count: 1, direction: 'backward' });
          expect(entry?.id).toBe(id);
          expect(asMap(entry?.fields)).toEqual(asMap(fields));
        }),
        { numRuns: 50 },
      );
    });

    it('an entry does not change if the caller changes its object after the call', async () => {
      await using harness = await create();
      const fields = { n: '1' };
      await append(harness.broker, { stream: CHAT, fields });
      fields.n = '2';
      expect(numbersOf(await readAll(harness.broker))).toEqual([1]);
    });

    it.each([
      ['no fields', { stream: CHAT, fields: {} }],
      ['a field that is not text', { stream: CHAT, fields: { n: 1 } }],
      ['more fields than one call can carry', { stream: CHAT, fields: manyFields(1001) }],
      ['an empty dedupe ID', { stream: CHAT, fields: { n: '1' }, dedupeId: '' }],
      ['a dedupe ID of 257 characters', { stream: CHAT, fields: { n: '1' }, dedupeId: 'x'.repeat(257) }],
      ['a stream the broker does not have', { stream: 'events:other', fields: { n: '1' } }],
    ])('an append with %s is refused with the code invalid_argument', async (_, entry) => {
      await using harness = await create();
      expect(
        await codeOf(append(harness.broker, entry as { stream: string; fields: Record<string, string> })),
      ).toBe('invalid_argument');
      expect(await readAll(harness.broker)).toEqual([]);
    });
  });
}

/** Returns the fields as a map, because comparing objects would ignore a field named `__proto__`. */
function asMap(fields: Readonly<Record<string, string>> = {}): Map<string, string> {
  return new Map(Object.entries(fields));
}

function manyFields(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, n) => [`field${n}`, 'x']));
}
