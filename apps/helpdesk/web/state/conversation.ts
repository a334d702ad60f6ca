// A conversation on the page: the stored messages in order, and the person's own pending messages. Pure functions.
import type { ConversationAnswer, Message, RemoteSession } from '../../src/api-types.js';

/**
 * States of a pending message: sending → stored (no longer pending). Without a connection: sending → waiting
 * → sending. After a failure: sending → failed → sending.
 */
export type PendingState = 'sending' | 'waiting' | 'failed';

/** A message of this person that the helpdesk has not yet confirmed as stored. */
export interface PendingMessage {
  readonly clientTempId: string;
  readonly content: string;
  readonly createdAt: string;
  readonly state: PendingState;
}

/** The part of a ticket's conversation that the page has. */
export interface Conversation {
  /** The stored messages in the order of their sequence numbers, each message once. */
  readonly messages: readonly Message[];
  readonly pending: readonly PendingMessage[];
  /** The last sequence number that each person has read. */
  readonly readUpTo: Readonly<Record<string, number>>;
  readonly remoteSession: RemoteSession | null;
  readonly hasEarlier: boolean;
  /** True after the conversation was loaded from the database. Before that, it contains only live messages. */
  readonly isLoaded: boolean;
}

/** A conversation before its first message. */
export const emptyConversation: Conversation = {
  messages: [],
  pending: [],
  readUpTo: {},
  remoteSession: null,
  hasEarlier: false,
  isLoaded: false,
};

/**
 * Adds a stored message and removes the pending message with the same `client_temp_id`. A message that the conversation already has
 * changes nothing.
 */
export function withMessage(conversation: Conversation, message: Message): Conversation {
  return withMessages(conversation, [message]);
}

/** Adds stored messages, in any order. */
export function withMessages(conversation: Conversation, added: readonly Message[]): Conversation {
  const known = new Set(conversation.messages.map(({ id }) => id));
  const fresh = added.filter(({ id }) => !known.has(id));
  const arrived = new Set(added.map(({ client_temp_id: tempId }) => tempId));
  const pending = conversation.pending.filter(({ clientTempId }) => !arrived.has(clientTempId));
  if (fresh.length === 0 && pending.length === conversation.pending.length) return conversation;
  return {
    ...conversation,
    messages: [...conversation.messages, ...fresh].toSorted((a, b) => a.sequence_number - b.sequence_number),
    pending,
  };
}

/** Adds the newest messages, from an answer of the API. */
export function withNewest(conversation: Conversation, answer: ConversationAnswer): Conversation {
  return {
    ...withMessages(conversation, answer.messages),
    readUpTo: furthest(conversation.readUpTo, answer.readUpTo),
    remoteSession: answer.remoteSession,
    hasEarlier: conversation.isLoaded ? conversation.hasEarlier : answer.hasMore,
    isLoaded: true,
  };
}

/** Adds earlier messages, from an answer of the API. */
export function withEarlier(conversation: Conversation, answer: ConversationAnswer): Conversation {
  return { ...withMessages(conversation, answer.messages), hasEarlier: answer.hasMore };
}

/** Records that a person has read messages. Messages that the page does not have are ignored. */
export function withReceipt(
  conversation: Conversation,
  personId: string,
  messageIds: readonly string[],
): Conversation {
  const ids = new Set(messageIds);
  const read = conversation.messages.findLast(({ id }) => ids.has(id))?.sequence_number ?? 0;
  if (read <= (conversation.readUpTo[personId] ?? 0)) return conversation;
  return { ...conversation, readUpTo: { ...conversation.readUpTo, [personId]: read } };
}

/** Adds a pending message, or changes its state. */
export function withPending(conversation: Conversation, message: PendingMessage): Conversation {
  // The event with the stored message may arrive before the answer to the request.
  if (conversation.messages.some(({ client_temp_id: tempId }) => tempId === message.clientTempId))
    return conversation;
  const isThere = conversation.pending.some(({ clientTempId }) => clientTempId === message.clientTempId);
  const pending = isThere
    ? conversation.pending.map((each) => (each.clientTempId === message.clientTempId ? message : each))
    : [...conversation.pending, message];
  return { ...conversation, pending };
}

/** Returns the last sequence number of a conversation, or 0 if it has no messages. */
export function lastSequenceNumber({ messages }: Conversation): number {
  return messages.at(-1)?.sequence_number ?? 0;
}

function furthest(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  const both = { ...a };
  for (const [personId, read] of Object.entries(b)) both[personId] = Math.max(both[personId] ?? 0, read);
  return both;
}
