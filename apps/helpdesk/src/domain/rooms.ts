// Names of the rooms that the helpdesk publishes to.

/**
 * Returns the room of a ticket. The name of the room contains the requester's ID, so that one pattern in a
 * token covers all tickets of this requester.
 */
export function ticketRoom(requesterId: string, ticketId: string): string {
  return `ticket:${requesterId}:${ticketId}`;
}

/** Returns the room of a person's notifications. */
export function personRoom(personId: string): string {
  return `user:${personId}`;
}
