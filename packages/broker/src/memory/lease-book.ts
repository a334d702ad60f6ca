// Leases and slots in memory, by the same rules as the Lua scripts on Redis.
import type { Lease, SlotClaim, SlotRequest } from '../port/acknowledgement-ledger.js';

/** The lease of one stream. The fence outlives the lease, so that the next lease gets a higher one. */
export class LeaseBook {
  #owner: string | undefined;
  #fence = 0;
  #expiresMs = 0;

  acquire(stream: string, owner: string, nowMs: number, leaseMs: number): Lease | undefined {
    const isHeld = this.#owner !== undefined && this.#expiresMs > nowMs;
    if (isHeld && this.#owner !== owner) return undefined;
    if (!isHeld) this.#fence++;
    this.#owner = owner;
    this.#expiresMs = nowMs + leaseMs;
    return { stream, owner, fence: this.#fence };
  }

  isHeldBy({ owner, fence }: Lease, nowMs: number): boolean {
    return this.#owner === owner && this.#fence === fence && this.#expiresMs > nowMs;
  }

  release({ owner, fence }: Lease): void {
    if (this.#owner === owner && this.#fence === fence) this.#owner = undefined;
  }
}

interface HeldSlot {
  readonly owner: string;
  readonly instance: string | undefined;
  readonly expiresMs: number;
}

/** All slots of one consumer group, at most one for each owner. A claim removes the expired slots. */
export class SlotBook {
  readonly #slots = new Map<number, HeldSlot>();

  claim(
    owner: string,
    { preferred = 0, instance, isRenewal = false }: SlotRequest,
    nowMs: number,
    leaseMs: number,
  ): SlotClaim {
    for (const [slot, held] of this.#slots) {
      if (held.expiresMs <= nowMs) this.#slots.delete(slot);
    }
    const mine = this.#slotOf((held) => held.owner === owner);
    const takesOver = instance !== undefined && !isRenewal;
    const before = this.#slotOf((held) => takesOver && held.instance === instance);
    const slot = mine ?? before ?? this.#freeSlot(preferred);
    const name = mine === undefined ? instance : this.#slots.get(mine)?.instance;
    this.#slots.set(slot, { owner, instance: name, expiresMs: nowMs + leaseMs });
    return { slot, heldSlots: [...this.#slots.keys()].sort((a, b) => a - b) };
  }

  release(owner: string): void {
    const slot = this.#slotOf((held) => held.owner === owner);
    if (slot !== undefined) this.#slots.delete(slot);
  }

  #slotOf(matches: (held: HeldSlot) => boolean): number | undefined {
    for (const [slot, held] of this.#slots) {
      if (matches(held)) return slot;
    }
    return undefined;
  }

  #freeSlot(preferred: number): number {
    if (preferred > 0 && !this.#slots.has(preferred)) return preferred;
    let slot = 1;
    while (this.#slots.has(slot)) slot++;
    return slot;
  }
}
