// Names of the rooms that the helpdesk publishes to.

/** The room of a ticket. Its name begins with the requester, so one pattern in a token covers all tickets of a requester. */
export function ticketRoom(requesterId: string, ticketId: string): string {
  return `ticket:${requesterId}:${ticketId}`;
}

/** The room of a person's notifications. */
export function personRoom(personId: string): string {
  return `user:${personId}`;
}
