/*
 * The points at which connections break. They are generated from a seed, so that a run can be repeated.
 */
import type { BreakPoint } from '@millrace/testkit';

/**
 * Minimum number of bytes before a break. The request and the response of an upgrade have fewer bytes.
 * Therefore no upgrade breaks, because clients do not repeat a failed upgrade.
 */
const MINIMUM_BYTES = 800;
const MAXIMUM_BYTES = 3_800;
const MAXIMUM_TURNS = 30;

/**
 * Returns a function that generates the next break: its direction, and the numbers of bytes and of event loop turns before the
 * connection breaks.
 */
export function seededBreaks(seed: number): () => BreakPoint {
  let random = seed;
  const below = (limit: number): number => {
    random = (Math.imul(random, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (random >>> 8) % limit;
  };
  return () => ({
    direction: below(2) === 0 ? 'requests' : 'replies',
    afterBytes: MINIMUM_BYTES + below(MAXIMUM_BYTES - MINIMUM_BYTES),
    turns: 1 + below(MAXIMUM_TURNS),
  });
}
