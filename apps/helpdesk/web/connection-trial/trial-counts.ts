// Counts the messages that an interruption has lost or repeated, from those that the page has handled and shown. Pure
// functions.
import type { Message } from '../../src/api-types.js';

/** The conversation that is on the page. */
export interface ShownConversation {
  readonly ticketId: string;
  /** The messages in the order of their sequence numbers. */
  readonly messages: readonly Message[];
  /** The person's messages that are not among `messages` yet. */
  readonly pending: readonly { readonly clientTempId: string }[];
  /** True while the messages are current. False while they are loaded, and without a connection. */
  readonly isCurrent: boolean;
}

/**
 * Compares the page before and after an interruption. Counts the messages that were stored since then (`expected`), and how many of
 * these are not on the page (`lost`). Also returns those that are on the page (`added`). All are empty if the page shows another
 * ticket now.
 *
 * @param storedUpTo last sequence number in the database
 */
export function countLost(
  before: ShownConversation | undefined,
  now: ShownConversation | undefined,
  storedUpTo: number,
): { readonly expected: number; readonly lost: number; readonly added: readonly Message[] } {
  if (before === undefined || before.ticketId !== now?.ticketId) return { expected: 0, lost: 0, added: [] };
  const seenUpTo = before.messages.at(-1)?.sequence_number ?? 0;
  const added = now.messages.filter(({ sequence_number: number }) => number > seenUpTo);
  const seen = new Set(added.map(({ sequence_number: number }) => number));
  const expected = Math.max(0, storedUpTo - seenUpTo);
  const lost = Array.from({ length: expected }, (_, index) => seenUpTo + 1 + index).filter(
    (number) => !seen.has(number),
  ).length;
  return { expected, lost, added };
}

/** Counts the messages that are shown more than once: with the same ID, sequence number or `client_temp_id`. */
export function countShownTwice(shown: ShownConversation | undefined): number {
  const { messages, pending } = shown ?? { messages: [], pending: [] };
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
 * Remembers the IDs of handled events, to count events that are handled twice. Keeps at most `maxIds`, and forgets the oldest
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
