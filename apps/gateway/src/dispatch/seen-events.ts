// Remembers the IDs of delivered events, so that repeats are dropped. The age of an ID is the time since its entry was
// appended.
import type { ReceivedEvent } from '@millrace/contract';
import { SeenIds, type SeenIdsOptions } from '@millrace/internal';

// Maximum number of remembered IDs of ephemeral events. They have a set of their own, because a burst of typing would
// otherwise evict all other IDs within seconds.
const maxEphemeralIds = 50_000;

/** The IDs of delivered events. Ephemeral events, which are never replayed, have a set of their own. */
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

  /** Remembers the ID of an event whose type is not known. */
  addId(eventId: string, timeMs: number): void {
    this.#lasting.add(eventId, timeMs);
    this.#ephemeral.add(eventId, timeMs);
  }

  #idsOf({ declaration }: ReceivedEvent): SeenIds {
    return declaration.replay.mode === 'none' ? this.#ephemeral : this.#lasting;
  }
}
