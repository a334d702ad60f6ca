// The slot map names the node that serves each hash slot, as far as known. The map comes from one node and may be outdated.
// MOVED replies correct it.
import { BrokerError } from '../../errors.js';
import { SLOT_COUNT } from '../../partitions/key-slot.js';
import { asArray, asNumber, asText } from '../calls/replies.js';
import type { NodeAddress } from '../connection/redis-url.js';

/** The slot map, with at most one address per slot. */
export class SlotMap {
  /** The address of the master of each slot. The index is the slot number. */
  readonly #owners: (NodeAddress | undefined)[] = Array.from({ length: SLOT_COUNT });

  /** Returns the master of `slot`, or `undefined` if no node is known to serve it. */
  ownerOf(slot: number): NodeAddress | undefined {
    return this.#owners[slot];
  }

  /** The masters, each once. */
  get owners(): readonly NodeAddress[] {
    return [...new Set(this.#owners)].filter((owner) => owner !== undefined);
  }

  /** True when the node is the master of at least one slot. */
  hasOwner(address: NodeAddress): boolean {
    return this.#owners.includes(address);
  }

  assign(from: number, to: number, owner: NodeAddress): void {
    this.#owners.fill(owner, from, to + 1);
  }
}

/**
 * Reads the reply of `CLUSTER SLOTS`.
 * @param answeredBy the node that answered. Its host is used if the reply leaves the host out.
 * @throws BrokerError `refused` if the reply has another form
 */
export function parseClusterSlots(reply: unknown, answeredBy: NodeAddress): SlotMap {
  const map = new SlotMap();
  for (const range of asArray(reply)) {
    const [from, to, master] = asArray(range);
    const [host, port] = asArray(master);
    map.assign(slotNumber(from), slotNumber(to), addressOf(host, asNumber(port), answeredBy));
  }
  return map;
}

/**
 * Returns the address in a reply. An empty host, null and `?` mean that the host is unknown. The host of the answering node
 * is then used.
 */
export function addressOf(host: unknown, port: number, answeredBy: NodeAddress): NodeAddress {
  const isUnknown = host === null || host === '' || host === '?';
  const name = isUnknown ? hostOf(answeredBy) : asText(host);
  return `${name.includes(':') && !name.startsWith('[') ? `[${name}]` : name}:${port}`;
}

function hostOf(address: NodeAddress): string {
  return address.slice(0, address.lastIndexOf(':'));
}

function slotNumber(value: unknown): number {
  const slot = asNumber(value);
  if (Number.isInteger(slot) && slot >= 0 && slot < SLOT_COUNT) return slot;
  throw new BrokerError('refused', `Redis answered ${slot} where a hash slot was expected`);
}
