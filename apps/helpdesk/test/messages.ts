// A ticket, messages and events for tests of the page.
import type { DeliveredEvent } from '@millrace/client';
import type { Message, Ticket } from '../src/api-types.js';

/** A ticket without messages. */
export const ticket: Ticket = {
  id: '00000000-0000-4000-8000-000000000000',
  number: 1,
  subject: 'A ticket',
  status: 'open',
  requesterId: 'noa',
  assigneeId: null,
  roomId: 'ticket:noa:1',
  createdAt: '2026-01-16T09:00:00.000Z',
  lastMessage: null,
  readUpTo: 0,
};

/** Creates a stored message with this sequence number. */
export function message(number: number, tempId: string | null = null): Message {
  return {
    id: `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`,
    request_id: ticket.id,
    content: `line ${number}`,
    sequence_number: number,
    is_screenshot: false,
    created_at: '2026-01-16T10:00:00.000Z',
    client_temp_id: tempId,
  };
}

/** Creates an event as the client delivers it. Payloads of tests need not be valid, as those of other programs. */
export function eventOf(type: DeliveredEvent['event_type'], payload: object): DeliveredEvent {
  const event = {
    event_id: crypto.randomUUID(),
    event_type: type,
    timestamp: '2026-01-16T10:00:00.000Z',
    room_id: ticket.roomId,
    position: '',
    payload,
  };
  return event as unknown as DeliveredEvent;
}
