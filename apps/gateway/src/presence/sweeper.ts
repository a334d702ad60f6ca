// Removes the entries of gateways whose lease has ended. First clears every room in the index of the lease, then forgets the
// lease. Several gateways may do this at once, because each step may be repeated.
import type { PresenceStore } from '@millrace/broker';
import { announcementOf } from './room-members.js';

/** Dependencies of {@link Sweeper}. */
export interface SweeperDependencies {
  readonly store: Pick<PresenceStore, 'indexed' | 'sweep' | 'removeFromIndex' | 'forget' | 'announce'>;
  /** See `PresenceOptions.maxMembers`. */
  readonly maxMembers: number;
  /** Called with the number of users that lost connections. */
  onSwept(users: number): void;
}

/** Maximum number of rooms in one step. */
const ROOMS_AT_ONCE = 50;

/** Sweeps one lease at a time. */
export class Sweeper {
  readonly #dependencies: SweeperDependencies;

  constructor(dependencies: SweeperDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Removes all entries of these leases. Stops early when `signal` is aborted.
   * @throws BrokerError. A later call continues
   */
  async sweep(holders: readonly string[], signal: AbortSignal): Promise<void> {
    for (const holder of holders) {
      while (!signal.aborted) {
        const rooms = await this.#dependencies.store.indexed(holder, ROOMS_AT_ONCE);
        if (rooms.length === 0) break;
        await Promise.all(rooms.map((room) => this.sweepRoom(room, holder)));
        await this.#dependencies.store.removeFromIndex(holder, rooms);
      }
      if (!signal.aborted) await this.#dependencies.store.forget(holder);
    }
  }

  /** Removes the entries of a lease from one room. @throws BrokerError */
  async sweepRoom(room: string, holder: string): Promise<void> {
    const { store, maxMembers, onSwept } = this.#dependencies;
    for (let cursor: string | undefined = ''; cursor !== undefined; ) {
      const { change, cursor: next } = await store.sweep(room, holder, cursor);
      if (change.version !== change.before) {
        onSwept(change.present.length + change.absent.length);
        await store.announce([announcementOf(change, maxMembers)]);
      }
      cursor = next;
    }
  }
}
