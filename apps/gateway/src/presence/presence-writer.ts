// Writes the dirty rooms of this gateway to the store. The order of the steps makes it safe to stop between them. The index
// is written before the room, and the room before the announcement. The index forgets a room after the room's last entry.
import type { PresenceChange, PresenceLease, PresenceStore } from '@millrace/broker';
import type { LocalPresence, RoomEdits } from './local-presence.js';
import { announcementOf } from './room-members.js';

/** Dependencies of {@link PresenceWriter}. */
export interface PresenceWriterDependencies {
  readonly store: Pick<PresenceStore, 'addToIndex' | 'removeFromIndex' | 'write' | 'announce'>;
  readonly local: LocalPresence;
  /** See `PresenceOptions.maxMembers`. */
  readonly maxMembers: number;
  /** Called for each room that was written. */
  onWritten(edits: number): void;
}

/** Maximum number of rooms that one flush writes. The other rooms wait for the next flush. This spreads a storm of joins. */
const MAX_ROOMS = 250;

/**
 * Maximum number of announcements that are repeated after a failure. Above it, the oldest are dropped. The periodic reads of
 * the rooms replace them.
 */
const MAX_UNANNOUNCED = 2_000;

/** Maximum number of changed users in one announcement. */
const ANNOUNCED_USERS = 100;

/** Writes presence under one lease at a time. */
export class PresenceWriter {
  readonly #dependencies: PresenceWriterDependencies;
  #holder = '';
  /** Rooms that are certainly in the index of the lease. */
  readonly #indexed = new Set<string>();
  /** Rooms whose last write has an unknown outcome. Their next write is announced even if it changes nothing. */
  readonly #uncertain = new Set<string>();
  /** Changes that could not be announced. */
  #unannounced: PresenceChange[] = [];

  constructor(dependencies: PresenceWriterDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Writes some dirty rooms. A room whose write fails stays dirty.
   * @returns false when the lease has ended
   * @throws BrokerError when the store did not do every step
   */
  async flush(lease: PresenceLease): Promise<boolean> {
    if (lease.holder !== this.#holder) {
      this.#holder = lease.holder;
      this.#indexed.clear();
    }
    const taken = this.#dependencies.local.take(MAX_ROOMS);
    try {
      await this.#addToIndex(lease, taken);
    } catch (error) {
      for (const edits of taken) this.#dependencies.local.failed(edits);
      throw error;
    }
    const results = await Promise.allSettled(taken.map((edits) => this.#write(lease, edits)));
    await this.#announce();
    await this.#removeFromIndex(lease);
    const failure = results.find((result) => result.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
    return results.every((result) => result.status === 'fulfilled' && result.value);
  }

  /** Makes the next writes add these rooms to the index again, in case the index was lost. */
  indexAgain(rooms: readonly string[]): void {
    for (const room of rooms) this.#indexed.delete(room);
  }

  /** Announces changes, and earlier ones that could not be announced. */
  async #announce(): Promise<void> {
    this.#unannounced = this.#unannounced.slice(-MAX_UNANNOUNCED);
    while (this.#unannounced.length > 0) {
      const batch = batchOf(this.#unannounced);
      await this.#dependencies.store.announce(batch);
      this.#unannounced = this.#unannounced.slice(batch.length);
    }
  }

  /** Adds rooms to the index. Returns false when the lease has ended. */
  async #write(lease: PresenceLease, edits: RoomEdits): Promise<boolean> {
    const { store, local, maxMembers, onWritten } = this.#dependencies;
    let change: PresenceChange | undefined;
    try {
      change = await store.write(
        edits.room,
        lease,
        edits.items.map(({ edit }) => edit),
      );
    } catch (error) {
      this.#uncertain.add(edits.room);
      local.failed(edits);
      throw error;
    }
    if (change === undefined) {
      local.failed(edits);
      return false;
    }
    if (this.#uncertain.delete(edits.room) || change.version !== change.before)
      this.#unannounced.push(announcementOf(change, maxMembers));
    local.written(edits);
    this.#noteSuperseded(lease, edits, change);
    onWritten(edits.items.length);
    return true;
  }

  /** Finds the edits that had no effect, because the client is at another gateway. */
  #noteSuperseded({ holder }: PresenceLease, { room, items }: RoomEdits, { present }: PresenceChange): void {
    const connectionsOf = new Map(present.map(({ user, connections }) => [user, connections]));
    for (const { id, edit } of items) {
      if ('removedKey' in edit || edit.connection.isHeld) continue;
      const stored = connectionsOf.get(edit.user)?.find(({ key }) => key === edit.connection.key);
      if (stored !== undefined && stored.holder !== holder)
        this.#dependencies.local.superseded(room, id, stored.enteredMs);
    }
  }

  async #addToIndex({ holder }: PresenceLease, taken: readonly RoomEdits[]): Promise<void> {
    const missing = taken.map(({ room }) => room).filter((room) => !this.#indexed.has(room));
    if (missing.length === 0) return;
    await this.#dependencies.store.addToIndex(holder, missing);
    for (const room of missing) this.#indexed.add(room);
  }

  async #removeFromIndex({ holder }: PresenceLease): Promise<void> {
    const { store, local } = this.#dependencies;
    const left = [...this.#indexed].filter((room) => !local.has(room)).slice(0, MAX_ROOMS);
    if (left.length === 0) return;
    // A later entry in the room adds it to the index again.
    for (const room of left) this.#indexed.delete(room);
    await store.removeFromIndex(holder, left);
  }
}

/** Returns the first changes that fit into one announcement. */
function batchOf(changes: readonly PresenceChange[]): readonly PresenceChange[] {
  let users = 0;
  const end = changes.findIndex(({ present, absent }, index) => {
    users += present.length + absent.length;
    return index > 0 && users > ANNOUNCED_USERS;
  });
  return end < 0 ? changes : changes.slice(0, end);
}
