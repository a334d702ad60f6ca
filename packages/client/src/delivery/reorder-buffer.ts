// A reorder buffer: puts replayed and live events of one room into the order of the stream.
import type { AnyEvent } from './events.js';

/**
 * The gateway sends a room's missed events before its new events. The personal room and the room of everybody are exceptions,
 * because every connection is in them from the start. There, a new event can arrive before the replay, and again at its right place in the replay.
 *
 * The buffer holds events until the join completes. Each event keeps the place of its last arrival, which is the right one.
 */
export class ReorderBuffer {
  /** The held events by `event_id`, in the order of delivery. */
  readonly #events = new Map<string, AnyEvent>();

  get size(): number {
    return this.#events.size;
  }

  add(event: AnyEvent): void {
    this.#events.delete(event.event_id);
    this.#events.set(event.event_id, event);
  }

  delete(eventId: string): void {
    this.#events.delete(eventId);
  }

  /** Empties the buffer and returns its events in order. */
  takeAll(): readonly AnyEvent[] {
    const events = [...this.#events.values()];
    this.#events.clear();
    return events;
  }
}
