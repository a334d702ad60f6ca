/* The points at which connections break. They come from a seed, so that a run can be repeated. */
import type { BreakPoint } from '@millrace/testkit';

/**
 * Minimum number of bytes before a break. It is larger than the request and the response of an upgrade, so that no upgrade
 * breaks. Clients do not repeat a failed upgrade.
 */
const MINIMUM_BYTES = 800;
const MAXIMUM_BYTES = 3_800;
const MAXIMUM_TURNS = 30;

/**
 * Returns a function that generates the next break: its direction, and after how many bytes and event loop turns it happens.
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
