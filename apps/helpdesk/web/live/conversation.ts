// The conversation of the open ticket: how it is loaded, and how an event changes it.
import type { BuiltIn, DeliveredEvent, LoadedState, PayloadsOf } from '@millrace/client';
import type { ConversationAnswer, Message, RemoteSession, Ticket } from '../../src/api-types.js';
import type { HelpdeskApi } from './helpdesk-api.js';
import { hasTicket } from './tickets.js';

/** The open ticket, and the part of its conversation that the page has. */
export interface Conversation {
  readonly ticket: Ticket;
  /** The messages in the order of their sequence numbers. */
  readonly messages: readonly Message[];
  /** The last sequence number that each person has read. */
  readonly readUpToByPerson: Readonly<Record<string, number>>;
  /** The last remote session, which may have ended, or null. */
  readonly remoteSession: RemoteSession | null;
}

/** Loads a conversation: the newest messages, or all messages after the sequence number `after`. */
export async function loadConversation(
  api: HelpdeskApi,
  ticketId: string,
  after?: number,
): Promise<LoadedState<Conversation>> {
  const messages: Message[] = [];
  let answer: ConversationAnswer;
  let isBehind: boolean;
  do {
    answer = await api.conversation(ticketId, messages.at(-1)?.sequence_number ?? after);
    messages.push(...answer.messages);
    // An answer with the newest messages has more only before them.
    isBehind = after !== undefined && answer.hasMore;
  } while (isBehind);
  const { ticket, readUpToByPerson, remoteSession } = answer;
  const state = { ticket, messages, readUpToByPerson, remoteSession };
  return { state, upTo: { sequence: lastSequenceNumber(messages) } };
}

/** Returns the conversation after an event in the room of its ticket. */
export function reduceConversation(conversation: Conversation, event: DeliveredEvent): Conversation {
  switch (event.event_type) {
    case 'chat_message':
      return withMessage(conversation, event.payload);
    case 'read_receipt':
      return withReceipt(conversation, event.payload);
    case 'notification':
    case 'remote_session_start':
    case 'remote_session_end':
      return withRemoteSession(conversation, event.payload);
    case 'status_change':
    case 'assignment_change':
    // For other programs. The message about the change carries the ticket.
    case 'typing_start':
    case 'typing_stop':
    default:
      return conversation;
  }
}

/** Returns the last sequence number, or 0 without messages. */
export function lastSequenceNumber(messages: readonly Message[]): number {
  return messages.at(-1)?.sequence_number ?? 0;
}

/**
 * Adds a message. It carries the ticket as it is after the message. `useRoomState` hands over every message once and in order, and none
 * that the loaded state has.
 */
function withMessage({ ticket, messages, ...rest }: Conversation, message: Message): Conversation {
  const current = hasTicket(message) ? { ...ticket, ...message.ticket } : ticket;
  return { ...rest, ticket: current, messages: [...messages, message] };
}

/** Records that a person has read messages. Messages that the page does not have are ignored. */
function withReceipt(conversation: Conversation, receipt: PayloadsOf<BuiltIn>['read_receipt']): Conversation {
  const { user_id: personId, message_ids: messageIds } = receipt;
  // The payload may have another form, because the contract only recommends the fields of this type.
  if (!Array.isArray(messageIds)) return conversation;
  const ids = new Set<string>(messageIds);
  const read = conversation.messages.findLast(({ id }) => ids.has(id))?.sequence_number ?? 0;
  const { readUpToByPerson } = conversation;
  if (read <= (readUpToByPerson[personId] ?? 0)) return conversation;
  return { ...conversation, readUpToByPerson: { ...readUpToByPerson, [personId]: read } };
}

const stateOrder = { invited: 0, active: 1, ended: 2 } as const;

/**
 * Shows the remote session that the helpdesk added to the payload of an event. A session never returns to an earlier state: events of
 * different types can arrive in another order than they were published.
 */
function withRemoteSession(conversation: Conversation, payload: object): Conversation {
  const { remote_session: next } = payload as { readonly remote_session?: RemoteSession };
  const { remoteSession: current } = conversation;
  if (next === undefined) return conversation;
  const isOlder =
    current?.id === next.id
      ? stateOrder[current.state] >= stateOrder[next.state]
      : current !== null && next.state === 'ended';
  return isOlder ? conversation : { ...conversation, remoteSession: next };
}
