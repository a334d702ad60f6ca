// Remembers which events have passed, so that a repeat is delivered once. Time is the entries' own time.
import type { ReceivedEvent } from '@millrace/contract';
import { SeenIds, type SeenIdsOptions } from '@millrace/internal';

// IDs of fleeting events remembered. Apart from the others, or a storm of typing would push those out within seconds.
const maxFleetingIds = 50_000;

/** The IDs of all events; those of events that are never replayed have a set of their own. */
export class SeenEvents {
  readonly #lasting: SeenIds;
  readonly #fleeting: SeenIds;

  constructor({ windowMs, maxIds }: SeenIdsOptions) {
    this.#lasting = new SeenIds({ windowMs, maxIds });
    this.#fleeting = new SeenIds({ windowMs, maxIds: Math.min(maxIds, maxFleetingIds) });
  }

  /** See {@link SeenIds.has}. */
  has(received: ReceivedEvent, timeMs: number): boolean {
    return this.#idsOf(received).has(received.event.event_id, timeMs);
  }

  /** See {@link SeenIds.add}. */
  add(received: ReceivedEvent, timeMs: number): void {
    this.#idsOf(received).add(received.event.event_id, timeMs);
  }

  #idsOf({ declaration }: ReceivedEvent): SeenIds {
    return declaration.replay.mode === 'none' ? this.#fleeting : this.#lasting;
  }
}
