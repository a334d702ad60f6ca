/*
 * Delays the answers to clients that have used up their budget. A client that waits for each answer before its next request
 * therefore sends few requests.
 */
import { setTimeout } from 'node:timers/promises';

const DELAY_MS = 100;

/** Maximum number of answers that wait at the same time. Above it, answers are not delayed. */
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
