// Conformance: reading from cursors and ranges.
import { describe, expect, it } from 'vitest';
import {
  append,
  CHAT,
  type CreateHarness,
  codeOf,
  numbersOf,
  present,
  publishNumbered,
  TICKET,
} from './harness.js';

/** Longer than the timeout of a test, so that a test that waits this long fails. */
const FOR_EVER_MS = 600_000;
const FROM_START = new Map([[CHAT, '0-0']]);

/** Declares one part of `describeBrokerConformance`. */
export function describeReading(create: CreateHarness): void {
  describe('readAfter', () => {
    it('readAfter returns the entries after the cursors, oldest first, at most `count` of each stream', async () => {
      await using harness = await create();
      const ids = await publishNumbered(harness.broker, 10);
      await append(harness.broker, { stream: TICKET, fields: { n: '99' } });
      const cursors = new Map([
        [CHAT, present(ids[2])],
        [TICKET, '0-0'],
      ]);
      const found = await harness.broker.readAfter(cursors, { count: 3, blockMs: 0 });
      expect(numbersOf(found.get(CHAT))).toEqual([3, 4, 5]);
      expect(numbersOf(found.get(TICKET))).toEqual([99]);
    });

    it('readAfter leaves out streams without new entries', async () => {
      await using harness = await create();
      await publishNumbered(harness.broker, 1);
      const cursors = new Map([
        [CHAT, '0-0'],
        [TICKET, '0-0'],
      ]);
      expect([...(await harness.broker.readAfter(cursors, { count: 3, blockMs: 50 })).keys()]).toEqual([
        CHAT,
      ]);
    });

    it('readAfter waits up to `blockMs` for an entry, and not at all if `blockMs` is 0', async () => {
      await using harness = await create();
      expect(await harness.broker.readAfter(FROM_START, { count: 1, blockMs: 0 })).toEqual(new Map());
      const waiting = harness.broker.readAfter(FROM_START, { count: 1, blockMs: 20 });
      await harness.passTime(25);
      expect(await waiting).toEqual(new Map());
    });

    it('readAfter wakes up for an entry that is published while it waits', async () => {
      await using harness = await create();
      const waiting = harness.broker.readAfter(FROM_START, { count: 10, blockMs: FOR_EVER_MS });
      await publishNumbered(harness.broker, 1, 5);
      expect(numbersOf((await waiting).get(CHAT))).toEqual([5]);
    });

    it('readAfter returns an empty map as soon as its signal is aborted, and loses no entry', async () => {
      await using harness = await create();
      const abort = new AbortController();
      const waiting = harness.broker.readAfter(FROM_START, {
        count: 10,
        blockMs: FOR_EVER_MS,
        signal: abort.signal,
      });
      abort.abort();
      expect(await waiting).toEqual(new Map());
      await publishNumbered(harness.broker, 1, 6);
      const found = await harness.broker.readAfter(FROM_START, { count: 10, blockMs: FOR_EVER_MS });
      expect(numbersOf(found.get(CHAT))).toEqual([6]);
    });

    it('readAfter returns an empty map at once if its signal is aborted already, or if it has no cursors', async () => {
      await using harness = await create();
      await publishNumbered(harness.broker, 1);
      const options = { count: 1, blockMs: FOR_EVER_MS };
      const signal = AbortSignal.abort();
      expect(await harness.broker.readAfter(FROM_START, { ...options, signal })).toEqual(new Map());
      expect(await harness.broker.readAfter(new Map(), options)).toEqual(new Map());
    });

    it.each([
      ['an incomplete ID', new Map([[CHAT, '5']]), 1, 0],
      ['the special ID $', new Map([[CHAT, '$']]), 1, 0],
      ['an ID beyond 64 bits', new Map([[CHAT, '1-18446744073709551616']]), 1, 0],
      ['an unknown stream', new Map([['events:other', '0-0']]), 1, 0],
      ['a count of 0', FROM_START, 0, 0],
      ['a count above the maximum', FROM_START, 1001, 0],
      ['a negative wait', FROM_START, 1, -1],
    ])('a read with %s is refused with the code invalid_argument', async (_, cursors, count, blockMs) => {
      await using harness = await create();
      expect(await codeOf(harness.broker.readAfter(cursors, { count, blockMs }))).toBe('invalid_argument');
    });
  });

  describe('readRange', () => {
    it('readRange returns the entries of a range in both directions', async () => {
      await using harness = await create();
      const ids = await publishNumbered(harness.broker, 10);
      const after = present(ids[1]);
      const upTo = present(ids[7]);
      const range = async (options: object) =>
        numbersOf(await harness.broker.readRange(CHAT, { count: 100, ...options }));
      expect(await range({})).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      expect(await range({ after, upTo })).toEqual([2, 3, 4, 5, 6, 7]);
      expect(await range({ after, upTo, count: 2 })).toEqual([2, 3]);
      expect(await range({ after, upTo, direction: 'backward' })).toEqual([7, 6, 5, 4, 3, 2]);
      expect(await range({ after, upTo, count: 2, direction: 'backward' })).toEqual([7, 6]);
      expect(await range({ after: upTo, upTo: after })).toEqual([]);
      expect(await range({ after: present(ids[9]) })).toEqual([]);
    });

    it('readRange returns nothing for a stream without entries', async () => {
      await using harness = await create();
      expect(await harness.broker.readRange(TICKET, { count: 10 })).toEqual([]);
    });
  });
}
