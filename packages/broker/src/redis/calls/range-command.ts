// The command that reads a range of a stream. Pure.
import type { RangeOptions } from '../../port/entry-log.js';

/** XRANGE or XREVRANGE for these options. Redis refuses a range that begins after the largest ID. */
export function rangeCommand(key: string, { after, upTo, count, direction }: RangeOptions): string[] {
  const from = after === undefined ? '-' : `(${after}`;
  const to = upTo ?? '+';
  const range = direction === 'backward' ? ['XREVRANGE', key, to, from] : ['XRANGE', key, from, to];
  return [...range, 'COUNT', String(count)];
}
