// Divides the streams among the subscribers that account for them. Pure: every subscriber computes the same from the held slots.
import type { SlotClaim } from '../port/acknowledgement-ledger.js';

/**
 * The share of the holder of this slot: stream number `i` belongs to the holder of the `i mod n`-th of
 * the `n` slots held. All streams are covered, evenly, and a change of slots moves as little as that rule can.
 */
export function shareOfStreams(claim: SlotClaim, streams: readonly string[]): ReadonlySet<string> {
  const rank = claim.heldSlots.indexOf(claim.slot);
  const holders = Math.max(1, claim.heldSlots.length);
  return new Set(streams.filter((_, index) => index % holders === Math.max(0, rank)));
}
