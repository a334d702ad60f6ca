// The part of the replay ring with the events of one tenant. Each part has its own arena. A slab with events of several
// tenants would stay in memory until the last of them is evicted.
import type { EntryId } from '@millrace/broker';
import { NO_TENANT, UNKNOWN_TENANT } from '../tenants/tenant.js';
import { ByteArena, type ByteReference } from './byte-arena.js';
import { Floors } from './floors.js';
import type { Sized } from './largest-first.js';

/** One event in the ring. */
export interface RingEntry {
  readonly stream: string;
  readonly id: EntryId;
  readonly atMs: number;
  readonly roomId: string;
  readonly eventType: string;
  /** `undefined` in an entry that was forgotten (see `isGone`). A reference would keep a whole slab in memory. */
  reference: ByteReference | undefined;
  readonly bytes: number;
  readonly latestKey: string | undefined;
  /** Increases by one with every event, counted over all rooms and streams. */
  readonly sequence: number;
}

// Approximate memory for the objects, map slots and array slots of one entry, as measured.
const overheadBytes = 250;
// Approximate memory of the objects of one tenant.
const tenantOverheadBytes = 1_000;

/** Returns the memory of an entry, without the memory of its tenant. */
export function sizeOf({ bytes }: RingEntry): number {
  return bytes + overheadBytes;
}

/** True for an entry that was forgotten: a newer event of the same key replaced it, its stream began again, or it was evicted. */
export function isGone({ reference }: RingEntry): boolean {
  return reference === undefined;
}

/** The events of one tenant, in the order of delivery. */
export class ReplayShare implements Sized {
  readonly tenant: string;
  /** The newest events that this tenant has lost for lack of memory. Events that became too old do not count. */
  readonly floors = new Floors();
  readonly #arena = new ByteArena();
  heapIndex = 0;
  /** True after the ring has deleted the share. */
  isDeleted = false;
  /** Bytes of all entries that were not evicted. */
  bytes = 0;
  /** Time at which the newest event was appended, in broker time. */
  newestMs = Number.NEGATIVE_INFINITY;
  /** Value of `newestMs` when the tenant last lost an event for lack of memory. */
  lostAtMs = Number.NEGATIVE_INFINITY;
  /** The entries before the index `#head` were evicted. */
  #queue: RingEntry[] = [];
  #head = 0;

  constructor(tenant: string) {
    this.tenant = tenant;
  }

  /** Memory of the tenant in addition to its entries. */
  get overheadBytes(): number {
    return this.tenant === NO_TENANT ? 0 : tenantOverheadBytes;
  }

  /** True if the next event of each room in this share also goes to this share. */
  get isFinal(): boolean {
    return !this.isDeleted && this.tenant !== UNKNOWN_TENANT;
  }

  get size(): number {
    return this.#queue.length - this.#head;
  }

  get oldest(): RingEntry | undefined {
    return this.#queue[this.#head];
  }

  /**
   * Copies the bytes of an event. The caller creates an entry with the reference, and passes it to `push`.
   */
  copy(bytes: Buffer): ByteReference {
    return this.#arena.append(bytes, this.bytes);
  }

  push(entry: RingEntry): void {
    this.#queue.push(entry);
    this.bytes += sizeOf(entry);
    this.newestMs = Math.max(this.newestMs, entry.atMs);
  }

  /** Removes the oldest entry. */
  shift(): void {
    const entry = this.#queue[this.#head];
    if (entry === undefined) return;
    this.bytes -= sizeOf(entry);
    this.#head += 1;
    if (this.#head <= 32 || this.#head * 2 <= this.#queue.length) return;
    this.#queue = this.#queue.slice(this.#head);
    this.#head = 0;
  }

  /** Calls `forget` for each entry of a stream, and removes the floor of the stream. */
  begin(stream: string, forget: (entry: RingEntry) => void): void {
    for (let index = this.#head; index < this.#queue.length; index += 1) {
      const entry = this.#queue[index];
      if (entry?.stream === stream) forget(entry);
    }
    this.floors.delete(stream);
  }
}
