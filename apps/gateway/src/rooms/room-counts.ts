// Counts the rooms that each user has joined, over all of the user's connections to this gateway.
import type { BudgetOwner } from '@millrace/signalr';

/** The counts by owner. An owner without a room is not remembered, so the connections bound their number. */
export class RoomCounts {
  readonly #maxRoomsPerUser: number;
  readonly #counts = new Map<string, number>();

  constructor(maxRoomsPerUser: number) {
    this.#maxRoomsPerUser = maxRoomsPerUser;
  }

  /** Counts one more room. Returns false and changes nothing if the owner already has the maximum. */
  tryAdd({ key, userCount = 1 }: BudgetOwner): boolean {
    const count = this.#counts.get(key) ?? 0;
    if (count >= this.#maxRoomsPerUser * userCount) return false;
    this.#counts.set(key, count + 1);
    return true;
  }

  /** Subtracts this number of rooms. */
  remove({ key }: BudgetOwner, rooms: number): void {
    const left = (this.#counts.get(key) ?? 0) - rooms;
    if (left > 0) this.#counts.set(key, left);
    else this.#counts.delete(key);
  }
}
