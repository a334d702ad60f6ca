// Counts the messages that an interruption has lost or repeated, from the messages that the page has handled and shown. Pure
// functions.
import type { Message } from '../../src/api-types.js';
import type { Conversation } from '../state/conversation.js';

/** A conversation, with its last sequence number at the cut and its last sequence number now. */
export interface CheckedConversation {
  readonly conversation: Conversation;
  /** Last sequence number on the page before the cut. */
  readonly seenUpTo: number;
  /** Last sequence number in the database. */
  readonly storedUpTo: number;
}

/**
 * Counts the messages that were stored since the cut (`expected`). Also counts how many of these are not on
 * the page (`lost`).
 */
export function countLost(checked: readonly CheckedConversation[]): {
  readonly expected: number;
  readonly lost: number;
} {
  let expected = 0;
  let lost = 0;
  for (const { conversation, seenUpTo, storedUpTo } of checked) {
    const seen = new Set(conversation.messages.map(({ sequence_number: number }) => number));
    for (let number = seenUpTo + 1; number <= storedUpTo; number++) {
      expected += 1;
      if (!seen.has(number)) lost += 1;
    }
  }
  return { expected, lost };
}

/** Counts the messages that are shown more than once: with the same ID, sequence number or `client_temp_id`. */
export function countShownTwice({ messages, pending }: Conversation): number {
  const tempIds = messages.flatMap(({ client_temp_id: id }: Message) => (typeof id === 'string' ? [id] : []));
  return (
    repeats(messages.map(({ id }) => id)) +
    repeats(messages.map(({ sequence_number: number }) => number)) +
    repeats([...tempIds, ...pending.map(({ clientTempId }) => clientTempId)])
  );
}

function repeats(values: readonly unknown[]): number {
  return values.length - new Set(values).size;
}

/**
 * Remembers the IDs of handled events, to count events that are handled twice. Keeps at most `maxIds` IDs, and forgets the oldest
 * first.
 */
export class HandledEvents {
  readonly #ids = new Set<string>();
  readonly #maxIds: number;
  /** Number of events that were handled again. */
  repeated = 0;

  constructor(maxIds = 20_000) {
    this.#maxIds = maxIds;
  }

  add(eventId: string): void {
    if (this.#ids.has(eventId)) this.repeated += 1;
    this.#ids.add(eventId);
    const [oldest] = this.#ids;
    if (this.#ids.size > this.#maxIds && oldest !== undefined) this.#ids.delete(oldest);
  }
}
