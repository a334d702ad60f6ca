// Properties of `fold` for any window: the counts add up, the newest event remains, and no message ID of a receipt is lost.
import { createCoalescing, eventCatalog, type StreamEvent } from '@millrace/contract';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { receipt, start, stop } from './coalescing-samples.js';

const rules = createCoalescing(eventCatalog);

interface Input {
  readonly user: number;
  readonly ms: number;
  readonly count?: number | undefined;
}

const input = {
  user: fc.integer({ min: 1, max: 3 }),
  ms: fc.nat(6),
  count: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
};
const parts = (id: number, { user, ms, count }: Input) => ({
  id,
  ms,
  user,
  ...(count === undefined ? {} : { count }),
});
const typing: fc.Arbitrary<StreamEvent[]> = fc
  .array(fc.record({ ...input, isStart: fc.boolean() }), { maxLength: 40 })
  .map((all) => all.map((each, id) => (each.isStart ? start : stop)(parts(id, each))));
const receipts: fc.Arbitrary<StreamEvent[]> = fc
  .array(fc.record({ ...input, messages: fc.uniqueArray(fc.nat(5), { minLength: 1, maxLength: 4 }) }), {
    maxLength: 40,
  })
  .map((all) => all.map((each, id) => receipt(parts(id, each), each.messages)));

function fold(events: readonly StreamEvent[]): ReturnType<typeof rules.fold> {
  return rules.fold(events.map((event) => ({ event, key: rules.slotOf(event)?.key ?? '' })));
}

function total(events: readonly StreamEvent[]): number {
  return events.reduce((sum, event) => sum + (event.metadata?.coalesced_count ?? 1), 0);
}

test('the merged counts add up to the number of inputs', () => {
  fc.assert(
    fc.property(fc.oneof(typing, receipts), (events) => {
      const { events: merged, absorbed } = fold(events);
      expect(total(merged)).toBe(total(events));
      expect(merged.length + absorbed.length).toBe(events.length);
    }),
  );
});

test("every merged typing event is valid, and has the ID of its user's last event", () => {
  fc.assert(
    fc.property(typing, (events) => {
      const lastIds = new Map(events.map((event) => [rules.slotOf(event)?.key, event.event_id]));
      const { events: merged } = fold(events);
      expect(merged.map((event) => event.event_id)).toEqual([...lastIds.values()]);
      for (const event of merged) expect(eventCatalog.parseEvent(event).ok).toBe(true);
    }),
  );
});

test('merged receipts contain every message ID, and no receipt contains a message ID twice', () => {
  fc.assert(
    fc.property(receipts, (events) => {
      const messagesOf = (some: readonly StreamEvent[]): readonly string[] =>
        some.flatMap((event) => (event.payload as { message_ids: string[] }).message_ids);
      const { events: merged } = fold(events);
      expect(new Set(messagesOf(merged))).toEqual(new Set(messagesOf(events)));
      for (const event of merged) expect(new Set(messagesOf([event])).size).toBe(messagesOf([event]).length);
    }),
  );
});
