// The fate of each entry of one stream, as far as it can be known from outside.
import { describe, expect, it } from 'vitest';
import { OUTCOMES, type Outcome } from '../../src/shadow/outcome-counts.js';
import { StreamComparison } from '../../src/shadow/stream-comparison.js';

const LAST = '18446744073709551615-18446744073709551615';

function comparisonOf(count: number, maxFollowed = 1_000): StreamComparison {
  const comparison = new StreamComparison({ maxFollowed });
  for (let n = 1; n <= count; n++) comparison.add(`${n}-0`, { kind: 'deliver', eventType: 'chat_message' });
  return comparison;
}

/** Returns the counts that are not 0. */
function countsOf(comparison: StreamComparison): Partial<Record<Outcome, number>> {
  const total = (outcome: Outcome) =>
    comparison.counts.cells.reduce((sum, { counts }) => sum + counts[outcome], 0);
  return Object.fromEntries(OUTCOMES.map((name) => [name, total(name)]).filter(([, count]) => count !== 0));
}

/** Shows the group to the comparison, and all of its pending entries. */
function see(
  comparison: StreamComparison,
  {
    first = '1-0',
    later = first,
    read,
    pending = [],
  }: { first?: string; later?: string; read: string; pending?: string[] },
): void {
  comparison.seeGroup({ firstBefore: first, lastDeliveredId: read, firstAfter: later });
  comparison.seePending({ after: '0-0', upTo: LAST, pending: new Set(pending) });
}

describe('the fate of an entry', () => {
  it('an entry is acknowledged if the group has read it and does not have it pending', () => {
    const comparison = comparisonOf(3);
    see(comparison, { read: '2-0', pending: ['1-0'] });
    expect(countsOf(comparison)).toEqual({ acknowledged: 1, unread: 1, pending: 1 });
    see(comparison, { read: '3-0' });
    expect(countsOf(comparison)).toEqual({ acknowledged: 3 });
    expect(comparison.followed).toBe(0);
  });

  it('an entry is acknowledged although it was trimmed after the group had read it', () => {
    const comparison = comparisonOf(3);
    see(comparison, { read: '3-0', pending: ['1-0', '2-0', '3-0'] });
    see(comparison, { first: '4-0', read: '3-0' });
    expect(countsOf(comparison)).toEqual({ acknowledged: 3 });
  });

  it('an entry is lost if it was removed while the group was before it, even if the stream is empty', () => {
    const comparison = comparisonOf(5);
    see(comparison, { first: '3-0', read: '1-0' });
    expect(countsOf(comparison)).toEqual({ lost: 1, unread: 3, unclear: 1 });
    see(comparison, { first: LAST, read: '1-0' });
    expect(countsOf(comparison)).toEqual({ lost: 4, unclear: 1 });
  });

  it('an entry is unclear if it was removed and passed between two looks, and is not pending', () => {
    const comparison = comparisonOf(4);
    see(comparison, { first: '1-0', later: '3-0', read: '4-0', pending: ['2-0'] });
    expect(countsOf(comparison)).toEqual({ unclear: 1, pending: 1, acknowledged: 2 });
    see(comparison, { first: '3-0', read: '4-0' });
    expect(countsOf(comparison)).toEqual({ unclear: 1, acknowledged: 3 });
  });

  it('an entry is not decided by a page of pending entries that ends before it', () => {
    const comparison = comparisonOf(4);
    comparison.seeGroup({ firstBefore: '1-0', lastDeliveredId: '4-0', firstAfter: '1-0' });
    comparison.seePending({ after: '0-0', upTo: '2-0', pending: new Set(['2-0']) });
    expect(countsOf(comparison)).toEqual({ acknowledged: 1, pending: 3 });
    expect(comparison.pendingRange).toEqual({ from: '2-0', upTo: '4-0' });
  });
});

it('the number of followed entries is bounded, and every entry is counted', () => {
  const comparison = comparisonOf(20_000, 100);
  expect(comparison.followed).toBe(100);
  see(comparison, { first: '19990-0', read: '19995-0', pending: ['19992-0'] });
  for (let n = 20_001; n <= 30_000; n++)
    comparison.add(`${n}-0`, { kind: 'deliver', eventType: 'chat_message' });
  expect(comparison.followed).toBe(100);
  const counts = countsOf(comparison);
  expect(Object.values(counts).reduce((sum, count) => sum + count, 0)).toBe(30_000);
});

it('the number of types and reasons is bounded', () => {
  const comparison = new StreamComparison({ maxFollowed: 10_000 });
  for (let n = 1; n <= 5_000; n++)
    comparison.add(`${n}-0`, {
      kind: 'refuse',
      eventType: `type ${n} ${'x'.repeat(500)}`,
      reason: `reason ${n}`,
    });
  const { cells } = comparison.counts;
  expect(cells.length).toBeLessThanOrEqual(203);
  expect(cells.reduce((sum, { counts }) => sum + counts.unread, 0)).toBe(5_000);
  for (const { eventType } of cells) expect(eventType.length).toBeLessThanOrEqual(128);
});
