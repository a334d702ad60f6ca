/*
 * Delays the answers to clients that have used up their share. A client that waits for each answer before it sends the next request
 * then sends few of them.
 */
import { setTimeout } from 'node:timers/promises';

const DELAY_MS = 100;

/** Maximum number of answers that wait at the same time. Further answers are sent at once. */
const MAXIMUM_WAITING = 1_000;

/** The delay of all refusals of a hub. */
export class RefusalDelay {
  #waiting = 0;

  /** Resolves when the answer is due. */
  async wait(): Promise<void> {
    if (this.#waiting >= MAXIMUM_WAITING) return;
    this.#waiting += 1;
    await setTimeout(DELAY_MS);
    this.#waiting -= 1;
  }
}
