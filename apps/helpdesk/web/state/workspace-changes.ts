// Reads a workspace's state, and changes its tickets, conversations and notifications. Pure functions: each change returns a new
// state, or the same state if nothing changes.
import type { Message, Notification, RemoteSession, Ticket } from '../../src/api-types.js';
import { type Conversation, emptyConversation } from './conversation.js';
import type { WorkspaceState } from './workspace-state.js';

const maxToasts = 3;
const maxNotifications = 50;

/** Returns the conversation of a ticket, or an empty conversation if nothing of it has arrived yet. */
export function conversationOf({ conversations }: WorkspaceState, ticketId: string): Conversation {
  return conversations.get(ticketId) ?? emptyConversation;
}

/** Returns the ticket with an ID, if it is in the list. */
export function ticketWithId({ tickets }: WorkspaceState, ticketId: string): Ticket | undefined {
  return tickets.find(({ id }) => id === ticketId);
}

/** Returns the ticket whose events arrive in a room, if it is in the list. */
export function ticketInRoom({ tickets }: WorkspaceState, roomId: string): Ticket | undefined {
  return tickets.find((ticket) => ticket.roomId === roomId);
}

/** Changes the conversation of a ticket. */
export function withConversation(
  state: WorkspaceState,
  ticketId: string,
  change: (conversation: Conversation) => Conversation,
): WorkspaceState {
  const before = conversationOf(state, ticketId);
  const after = change(before);
  if (after === before) return state;
  return { ...state, conversations: new Map(state.conversations).set(ticketId, after) };
}

/** Shows a remote session in its conversation until the session has ended. */
export function withRemoteSession(state: WorkspaceState, session: RemoteSession): WorkspaceState {
  return withConversation(state, session.ticketId, (conversation) => ({
    ...conversation,
    remoteSession: session.state === 'ended' ? null : session,
  }));
}

/** Adds a ticket or replaces it, and sorts the list. */
export function withTicket(state: WorkspaceState, ticket: Ticket): WorkspaceState {
  const others = state.tickets.filter(({ id }) => id !== ticket.id);
  // The read position in the answer may be older than the read position in the state.
  const readUpTo = Math.max(ticketWithId(state, ticket.id)?.readUpTo ?? 0, ticket.readUpTo);
  return { ...state, tickets: newestFirst([...others, { ...ticket, readUpTo }]) };
}

/** Changes some fields of a ticket. */
export function withTicketFields(
  state: WorkspaceState,
  ticketId: string,
  fields: Partial<Ticket>,
): WorkspaceState {
  return {
    ...state,
    tickets: state.tickets.map((each) => (each.id === ticketId ? { ...each, ...fields } : each)),
  };
}

/** Shows a message as the last message of its ticket, unless the ticket has a newer message. */
export function withLastMessage(state: WorkspaceState, message: Message, ownId: string): WorkspaceState {
  const ticket = ticketWithId(state, message.request_id);
  if (ticket === undefined) return state;
  if ((ticket.lastMessage?.sequence_number ?? 0) >= message.sequence_number) return state;
  const isOwn = message.sender_id === ownId;
  return withTicket(state, {
    ...ticket,
    lastMessage: message,
    readUpTo: isOwn ? message.sequence_number : ticket.readUpTo,
  });
}

/** Adds a notification to the list of notifications and to the toasts. Both are bounded: the oldest elements are dropped. */
export function withNotification(state: WorkspaceState, notification: Notification): WorkspaceState {
  const { id, title, body, ticketId } = notification;
  return {
    ...state,
    notifications: [notification, ...state.notifications].slice(0, maxNotifications),
    toasts: [...state.toasts, { id, title, body, ticketId }].slice(-maxToasts),
  };
}

function newestFirst(tickets: readonly Ticket[]): readonly Ticket[] {
  const timeOf = ({ lastMessage, createdAt }: Ticket): string => lastMessage?.created_at ?? createdAt;
  return tickets.toSorted((a, b) => timeOf(b).localeCompare(timeOf(a)));
}
