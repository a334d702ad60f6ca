/*
 * Where connections break, drawn from a seed, so that a run can be repeated.
 */
import type { BreakPoint } from '@millrace/testkit';

/** Enough for the request and the answer of an upgrade: clients do not repeat one that fails. */
const MINIMUM_BYTES = 800;
const MAXIMUM_BYTES = 3_800;
const MAXIMUM_TURNS = 30;

/** Each call draws the next break: one direction, after some bytes. */
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
