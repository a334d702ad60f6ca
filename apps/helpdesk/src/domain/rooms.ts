// Names of the rooms that the helpdesk publishes to, and who may join them.
import type { Person, Ticket } from '../api-types.js';

/** The room of the agents' list of tickets. Agents share it, because they see the same tickets. */
const agentsListRoom = 'ticket:list';

/** Stands in place of a ticket's ID in the name of a room. No ticket has such an ID. */
const listInPlaceOfId = 'list';
const everyTicket = '*';

/**
 * Returns the room of a ticket. Its name contains the requester's ID, so that one pattern in a token covers all tickets of
 * this requester.
 */
export function ticketRoom(requesterId: string, ticketId: string): string {
  return `ticket:${requesterId}:${ticketId}`;
}

/** Returns the room of a person's list of tickets: it gets every message of these tickets. */
export function listRoom({ role, id }: Pick<Person, 'role' | 'id'>): string {
  return role === 'agent' ? agentsListRoom : ticketRoom(id, listInPlaceOfId);
}

/** Returns the rooms that get each message of a ticket: its own, and those of the lists that contain it. */
export function roomsOfMessages({
  roomId,
  requesterId,
}: Pick<Ticket, 'roomId' | 'requesterId'>): readonly string[] {
  return [roomId, agentsListRoom, ticketRoom(requesterId, listInPlaceOfId)];
}

/**
 * Returns the pattern of the ticket rooms that a person may join, for the person's token. It covers the tickets that `Conversations`
 * shows to this person, and those that are created later. In development mode, in which the demo runs, the gateway opens every room
 * to everybody.
 */
export function roomPatternOf({ role, id }: Pick<Person, 'role' | 'id'>): string {
  return role === 'agent' ? `ticket:${everyTicket}` : ticketRoom(id, everyTicket);
}

/** Returns the room of a person's notifications. The gateway joins every connection to the room of its own user. */
export function personRoom(personId: string): string {
  return `user:${personId}`;
}
