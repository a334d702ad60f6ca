// The command that reads a range of a stream. Pure.
import type { RangeOptions } from '../../port/entry-log.js';

/**
 * Returns the XRANGE or XREVRANGE command for these options. `after` must not be the largest ID, because Redis refuses such a
 * range.
 */
export function rangeCommand(key: string, { after, upTo, count, direction }: RangeOptions): string[] {
  const from = after === undefined ? '-' : `(${after}`;
  const to = upTo ?? '+';
  const range = direction === 'backward' ? ['XREVRANGE', key, to, from] : ['XRANGE', key, from, to];
  return [...range, 'COUNT', String(count)];
}
