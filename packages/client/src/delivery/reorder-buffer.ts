// Puts replayed and live events of one room into the order of the stream.
import type { AnyEvent } from './events.js';

/**
 * The gateway sends a room's missed events before its new ones, except to the personal room: every connection is in it
 * from the start, so something new can come before the replay, and then once more in its proper place. Held until the
 * join completes, each event keeps its last place of arrival, which is the right one.
 */
export class ReorderBuffer {
  /** By `event_id`, in the order to come. */
  readonly #events = new Map<string, AnyEvent>();

  get size(): number {
    return this.#events.size;
  }

  add(event: AnyEvent): void {
    const id = event.event_id.toLowerCase();
    this.#events.delete(id);
    this.#events.set(id, event);
  }

  /** Empties it. */
  takeAll(): readonly AnyEvent[] {
    const events = [...this.#events.values()];
    this.#events.clear();
    return events;
  }
}
