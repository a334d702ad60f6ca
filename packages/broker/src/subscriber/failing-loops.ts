// Records which loops of a subscriber fail. Pure.
import type { StreamTrack } from './stream-track.js';
import type { SubscriberErrorSource } from './subscriber-options.js';

/** One loop that may fail, with the streams that it works on. */
export interface Loop {
  readonly source: SubscriberErrorSource;
  readonly tracks: ReadonlyMap<string, StreamTrack>;
}

/** The loops whose last round failed. */
export class FailingLoops {
  readonly #loops = new Set<Loop>();

  has(loop: Loop): boolean {
    return this.#loops.has(loop);
  }

  /** True while a loop of this source fails. */
  isFailing(source: SubscriberErrorSource): boolean {
    return [...this.#loops].some((loop) => loop.source === source);
  }

  /** Records a failed round. Returns true if the loop's previous round succeeded. */
  add(loop: Loop): boolean {
    if (this.#loops.has(loop)) return false;
    this.#loops.add(loop);
    return true;
  }

  /** Records a successful round. Returns true if the loop's previous round failed. */
  delete(loop: Loop): boolean {
    return this.#loops.delete(loop);
  }
}
