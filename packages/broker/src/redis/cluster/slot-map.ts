// The node that serves each hash slot, where it is known. The answer of one node may be out of date; MOVED corrects it.
import { BrokerError } from '../../errors.js';
import { SLOT_COUNT } from '../../partitions/key-slot.js';
import { asArray, asNumber, asText } from '../calls/replies.js';
import type { NodeAddress } from '../connection/redis-url.js';

/** The map; at most one address per slot. */
export class SlotMap {
  /** Index: slot. */
  readonly #owners: (NodeAddress | undefined)[] = Array.from({ length: SLOT_COUNT });

  /** The master of `slot`; `undefined` when no node serves it. */
  ownerOf(slot: number): NodeAddress | undefined {
    return this.#owners[slot];
  }

  /** True when that node is the master of any slot. */
  hasOwner(address: NodeAddress): boolean {
    return this.#owners.includes(address);
  }

  assign(from: number, to: number, owner: NodeAddress): void {
    this.#owners.fill(owner, from, to + 1);
  }
}

/**
 * Reads the reply of `CLUSTER SLOTS`.
 * @param answeredBy the node that answered: it may leave out its own host
 * @throws BrokerError `refused` for what is no such reply
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

/** The address in a reply. Redis writes an unknown host as nothing, null or `?`: then it is the answering node's. */
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
