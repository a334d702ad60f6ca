// The list of tickets: how an event changes it. Pure functions.
import type { DeliveredEvent } from '@millrace/client';
import { type Message, newestFirst, type PublishedMessage, type Ticket } from '../../src/api-types.js';

/**
 * Returns the list after an event in the room of the list. Each message there carries its ticket, so a new ticket, a new status and a
 * new assignee arrive in the same way as a message.
 *
 * @param ownId the person whose list it is: their own messages count as read
 */
export function reduceTickets(
  tickets: readonly Ticket[],
  event: DeliveredEvent,
  ownId: string,
): readonly Ticket[] {
  if (event.event_type !== 'chat_message' || !hasTicket(event.payload)) return tickets;
  const { ticket, ...message } = event.payload;
  const known = tickets.find(({ id }) => id === ticket.id);
  // The list was loaded after this message was written.
  if ((known?.lastMessage?.sequence_number ?? 0) >= message.sequence_number) return tickets;
  const readUpTo = message.sender_id === ownId ? message.sequence_number : (known?.readUpTo ?? 0);
  const others = tickets.filter(({ id }) => id !== ticket.id);
  return newestFirst([...others, { ...ticket, lastMessage: message, readUpTo }]);
}

/** Returns the number of messages that a person has not read. `readUpTo` is what this page knows about the person's reading. */
export function unreadCount({ lastMessage, readUpTo }: Ticket, readHere = 0): number {
  return Math.max(0, (lastMessage?.sequence_number ?? 0) - Math.max(readUpTo, readHere));
}

/** True for a message of the helpdesk. A program with an API key can send other messages to the room. */
export function hasTicket(message: Message): message is PublishedMessage {
  return typeof (message as Partial<PublishedMessage>).ticket?.id === 'string';
}
