// Divides the memory of the replay ring between the tenants, and decides which events are evicted. `replay-ring.ts` finds the events
// of a room.
import { compareEntryIds, type EntryId, entryIdMs } from '@millrace/broker';
import { OldestFirstMap } from '@millrace/internal';
import { NO_TENANT, UNKNOWN_TENANT } from '../tenants/tenant.js';
import { Floors } from './floors.js';
import { LargestFirst } from './largest-first.js';
import { isGone, ReplayShare, type RingEntry, sizeOf } from './replay-share.js';

/**
 * Limits of the ring. When it is full, the tenant that uses the most memory loses its oldest events. Therefore a tenant that
 * uses at most `maxBytes` divided by the number of tenants loses none, however much the others publish.
 */
export interface ReplayLimits {
  /** Maximum time for which an event is kept. It is shorter when `maxBytes` is reached. */
  readonly windowMs: number;
  /** Maximum size in bytes: the size of the messages, plus an estimate of the memory for the bookkeeping of each message. */
  readonly maxBytes: number;
  /**
   * Maximum size of the events of one tenant. Above it, the tenant loses its oldest events.
   * @defaultValue `maxBytes`
   */
  readonly maxBytesPerTenant?: number | undefined;
}

// Maximum number of tenants in the ring. Above it, the tenant without an event for the longest time loses its events. The
// period of replayed events then becomes shorter for all tenants.
const maxTenants = 10_000;

/**
 * The shares of the tenants. Each stream has a *floor* for each tenant: the entry ID after which the ring has every event
 * that is to be replayed. The floor of a tenant is the highest of these:
 * - the floor of all tenants, which rises with events that are too old;
 * - its own floor, which rises with events that the tenant lost for lack of memory;
 * - the floor of unknown tenants, because their events may belong to any room.
 */
export class ReplayShares {
  readonly #limits: ReplayLimits;
  readonly #forget: (entry: RingEntry) => void;
  /** The floors of all tenants. */
  readonly #floors = new Floors();
  /** Time at which the newest evicted entry of each stream was appended, whichever tenant lost it. */
  readonly #floorTimes = new Map<string, number>();
  /** Tenant → its events. The tenant without an event for the longest time comes first. */
  readonly #shares = new OldestFirstMap<string, ReplayShare>();
  readonly #largest = new LargestFirst<ReplayShare>();
  /** The share of the newest event. */
  #newest: ReplayShare | undefined;
  #bytes = 0;

  /**
   * @param forget called with each entry that is evicted or whose stream begins again. Not called for entries
   * that were forgotten before
   */
  constructor(limits: ReplayLimits, forget: (entry: RingEntry) => void) {
    this.#limits = limits;
    this.#forget = forget;
  }

  /** Estimated bytes in use. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Number of events that were not evicted. */
  get size(): number {
    let size = 0;
    for (const share of this.#shares.values()) size += share.size;
    return size;
  }

  /** Begins a stream at `id` and forgets its events. */
  begin(stream: string, id: EntryId): void {
    for (const share of this.#shares.values()) share.begin(stream, this.#forget);
    this.#floors.set(stream, id);
    this.#floorTimes.set(stream, entryIdMs(id));
  }

  /** Returns the share of a tenant, or `undefined` if the ring has no events of it and the tenant has lost none. */
  find(tenant: string): ReplayShare | undefined {
    return this.#shares.get(tenant);
  }

  /** Returns the share of a tenant, and creates it if there is none. */
  of(tenant: string): ReplayShare {
    const known = this.#shares.get(tenant);
    if (known !== undefined) return known;
    const oldest = this.#shares.size < maxTenants ? undefined : this.#shares.oldest();
    if (oldest !== undefined) this.#delete(oldest[1]);
    const share = new ReplayShare(tenant);
    this.#shares.set(tenant, share);
    this.#largest.add(share);
    this.#bytes += share.overheadBytes;
    return share;
  }

  /** Returns the floor of all tenants, or `undefined` if the stream has not begun. */
  floor(stream: string): EntryId | undefined {
    return this.#floors.get(stream);
  }

  /** Returns the floor of one tenant, or `undefined` if the stream has not begun. */
  floorOf(stream: string, share: ReplayShare | undefined): EntryId | undefined {
    const floor = this.#floors.get(stream);
    if (floor === undefined) return undefined;
    const own = newest(floor, share?.floors.get(stream));
    return newest(own, this.#shares.get(UNKNOWN_TENANT)?.floors.get(stream));
  }

  /** Returns the sequence number of the newest evicted event that the tenant may miss. */
  evictedSequenceOf(share: ReplayShare | undefined): number {
    const ofUnknown = this.#shares.get(UNKNOWN_TENANT)?.floors.sequence ?? 0;
    return Math.max(this.#floors.sequence, share?.floors.sequence ?? 0, ofUnknown);
  }

  /** Adds an event to a share. Evicts events that are too old or exceed the limits. */
  add(share: ReplayShare, entry: RingEntry): void {
    share.push(entry);
    this.#bytes += sizeOf(entry);
    if (share !== this.#newest) this.#shares.set(share.tenant, share);
    this.#newest = share;
    this.#evictAged(share, entry.atMs);
    this.#deleteAged(entry.atMs);
    this.#evictExcess(share);
  }

  /** Evicts the events that are too old at `brokerTimeMs`. */
  evict(brokerTimeMs: number): void {
    for (const share of this.#shares.values()) {
      this.#evictAged(share, brokerTimeMs);
      this.#largest.resized(share);
    }
    this.#deleteAged(brokerTimeMs);
  }

  /**
   * Returns the length of the period before `brokerTimeMs` for which the ring has the stream's events of every tenant. At
   * most `windowMs`.
   */
  coveredMs(stream: string, brokerTimeMs: number): number {
    const floorMs = Math.min(brokerTimeMs, this.#floorTimes.get(stream) ?? brokerTimeMs);
    // A floor from the future counts as one from now. It is stored, so that the period grows from now on.
    this.#floorTimes.set(stream, floorMs);
    return Math.min(this.#limits.windowMs, Math.max(0, brokerTimeMs - floorMs));
  }

  /** Returns the number of tenants that have lost events for lack of memory in the last `windowMs`. */
  tenantsOverShare(brokerTimeMs: number): number {
    let count = 0;
    for (const { tenant, lostAtMs } of this.#shares.values())
      if (tenant !== NO_TENANT && brokerTimeMs - lostAtMs < this.#limits.windowMs) count += 1;
    return count;
  }

  /** Deletes the shares of tenants without an event in the last `windowMs`. */
  #deleteAged(brokerTimeMs: number): void {
    for (let oldest = this.#shares.oldest(); oldest !== undefined; oldest = this.#shares.oldest()) {
      const [, share] = oldest;
      if (brokerTimeMs - share.newestMs <= this.#limits.windowMs) return;
      this.#delete(share);
    }
  }

  /** Deletes a share with all of its events. The tenant's losses then count for all tenants. */
  #delete(share: ReplayShare): void {
    while (share.oldest !== undefined) this.#evictOldest(share, this.#floors);
    this.#floors.raiseAll(share.floors);
    this.#shares.delete(share.tenant);
    this.#largest.delete(share);
    this.#bytes -= share.overheadBytes;
    share.isDeleted = true;
    if (this.#newest === share) this.#newest = undefined;
  }

  /** Evicts a tenant's events that are too old. */
  #evictAged(share: ReplayShare, brokerTimeMs: number): void {
    for (let entry = share.oldest; entry !== undefined; entry = share.oldest) {
      if (brokerTimeMs - entry.atMs <= this.#limits.windowMs) return;
      this.#evictOldest(share, this.#floors);
    }
  }

  /** Evicts events while memory is short. `grown` is the tenant whose event was added. */
  #evictExcess(grown: ReplayShare): void {
    const { maxBytes, maxBytesPerTenant = maxBytes } = this.#limits;
    if (grown.tenant !== NO_TENANT)
      while (grown.bytes > maxBytesPerTenant) this.#evictOldest(grown, grown.floors);
    this.#largest.resized(grown);
    while (this.#bytes > maxBytes) {
      const { largest } = this.#largest;
      if (largest?.oldest === undefined) return;
      this.#evictOldest(largest, largest.floors);
      this.#largest.resized(largest);
    }
  }

  /**
   * Evicts the oldest event of a tenant, and raises `floors`. `floors` are the floors of all tenants, or the
   * floors of this tenant.
   */
  #evictOldest(share: ReplayShare, floors: Floors): void {
    const entry = share.oldest;
    if (entry === undefined) return;
    share.shift();
    this.#bytes -= sizeOf(entry);
    // An entry is already forgotten if a newer event of the same key has replaced it, or if its stream began again. It does
    // not raise the floor then.
    if (isGone(entry)) return;
    const { stream, id, atMs, sequence } = entry;
    floors.raise(stream, id, sequence);
    this.#floorTimes.set(stream, Math.max(atMs, this.#floorTimes.get(stream) ?? atMs));
    if (floors === share.floors) share.lostAtMs = share.newestMs;
    this.#forget(entry);
  }
}

function newest(floor: EntryId, other: EntryId | undefined): EntryId {
  return other !== undefined && compareEntryIds(other, floor) > 0 ? other : floor;
}
