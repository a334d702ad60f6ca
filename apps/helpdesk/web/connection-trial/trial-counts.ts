// What a time without a cable has cost, counted from what the page has really seen. Pure.
import type { Message } from '../../src/api-types.js';
import type { Conversation } from '../state/conversation.js';

/** Where a conversation stood when the cable was pulled, and what the database holds now. */
export interface CheckedConversation {
  readonly conversation: Conversation;
  /** Last sequence number seen before. */
  readonly seenUpTo: number;
  /** Last sequence number in the database. */
  readonly storedUpTo: number;
}

/** How many messages of the time away are in the database, and how many of them are not on the page. */
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

/** How many of these messages are shown more than once: by their own ID, their number, or the sender's ID for them. */
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

/** Remembers which events were handled, to see when one is handled again. Bounded: the oldest go first. */
export class HandledEvents {
  readonly #ids = new Set<string>();
  readonly #maxIds: number;
  /** Events that were handled although they had been handled before. */
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
