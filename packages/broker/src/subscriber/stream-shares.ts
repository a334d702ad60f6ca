// Divides the streams among the subscribers for passes and trims. Pure: every subscriber computes the same shares from the held
// slots.
import type { SlotClaim } from '../port/acknowledgement-ledger.js';

/**
 * Returns the streams of the holder of `claim.slot`. With `n` held slots, stream number `i` belongs to the slot at index `i
 * mod n`. Therefore every stream has exactly one holder, and the load is even. Streams move to other holders when the number
 * of held slots changes.
 */
export function shareOfStreams(claim: SlotClaim, streams: readonly string[]): ReadonlySet<string> {
  const rank = claim.heldSlots.indexOf(claim.slot);
  const holders = Math.max(1, claim.heldSlots.length);
  return new Set(streams.filter((_, index) => index % holders === Math.max(0, rank)));
}
