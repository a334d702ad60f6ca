// Remembers which events have passed, so that a repeat is delivered once. It uses the time of the entries.
import type { ReceivedEvent } from '@millrace/contract';
import { SeenIds, type SeenIdsOptions } from '@millrace/internal';

// Remembered IDs of ephemeral events. They are kept apart from the others, or a storm of typing would push those out within seconds.
const maxEphemeralIds = 50_000;

/** The IDs of all events; those of events that are never replayed are in a separate set. */
export class SeenEvents {
  readonly #lasting: SeenIds;
  readonly #ephemeral: SeenIds;

  constructor({ keepMs, maxIds }: SeenIdsOptions) {
    this.#lasting = new SeenIds({ keepMs, maxIds });
    this.#ephemeral = new SeenIds({ keepMs, maxIds: Math.min(maxIds, maxEphemeralIds) });
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
    return declaration.replay.mode === 'none' ? this.#ephemeral : this.#lasting;
  }
}
