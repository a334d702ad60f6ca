// Reads tickets and their messages. Does not change them.
import {
  type ConversationAnswer,
  type Message,
  maxMessagesPerAnswer,
  type Person,
  type Ticket,
} from '../api-types.js';
import type { HelpdeskDatabase } from '../database/helpdesk-database.js';
import { messageOf, type Row, remoteSessionOf, ticketOf } from '../database/rows.js';
import { HelpdeskError } from '../errors.js';

const selectMessages = `
  SELECT messages.*, people.username AS sender_username, people.full_name AS sender_full_name,
    people.email AS sender_email
  FROM messages LEFT JOIN people ON people.id = messages.sender_id`;

const selectTickets = `
  SELECT tickets.*, COALESCE(reads.sequence_number, 0) AS read_up_to
  FROM tickets LEFT JOIN reads ON reads.ticket_id = tickets.id AND reads.person_id = ?`;

/**
 * A part of a conversation: the messages after the sequence number `after`, or the last messages before the sequence number
 * `before`.
 */
export interface MessageRange {
  readonly after?: number | undefined;
  readonly before?: number | undefined;
}

/** The tickets that a person may see: agents see all tickets, requesters see their own. */
export class Conversations {
  readonly #database: HelpdeskDatabase;

  constructor(database: HelpdeskDatabase) {
    this.#database = database;
  }

  /** Returns the newest 200 tickets. The ticket with the newest message comes first. */
  list(person: Person): readonly Ticket[] {
    const rows =
      person.role === 'agent'
        ? this.#database.prepare(`${selectTickets} ORDER BY number DESC LIMIT 200`).all(person.id)
        : this.#database
            .prepare(`${selectTickets} WHERE requester_id = ? ORDER BY number DESC LIMIT 200`)
            .all(person.id, person.id);
    return rows
      .map((row) => ticketOf(row as Row, this.#lastMessage(String((row as Row)['id']))))
      .toSorted((a, b) => timeOf(b).localeCompare(timeOf(a)));
  }

  /**
   * Returns a ticket.
   *
   * @throws HelpdeskError `not_found` if there is no such ticket, or if this person may not see it
   */
  ticket(person: Person, ticketId: string): Ticket {
    const row = this.#database.prepare(`${selectTickets} WHERE tickets.id = ?`).get(person.id, ticketId);
    const ticket = row === undefined ? undefined : ticketOf(row as Row, this.#lastMessage(ticketId));
    if (ticket === undefined || !(person.role === 'agent' || ticket.requesterId === person.id)) {
      throw new HelpdeskError('not_found', 'There is no such ticket.');
    }
    return ticket;
  }

  /** Returns a ticket with a part of its messages. Without `range`, returns the newest messages. */
  conversation(person: Person, ticketId: string, range: MessageRange = {}): ConversationAnswer {
    const ticket = this.ticket(person, ticketId);
    const found = this.#messages(ticketId, range);
    const remoteSession = this.#database
      .prepare("SELECT * FROM remote_sessions WHERE ticket_id = ? AND state <> 'ended'")
      .get(ticketId);
    return {
      ticket,
      messages: found
        .slice(0, maxMessagesPerAnswer)
        .toSorted((a, b) => a.sequence_number - b.sequence_number),
      hasMore: found.length > maxMessagesPerAnswer,
      readUpTo: this.#readUpTo(ticketId),
      remoteSession: remoteSession === undefined ? null : remoteSessionOf(remoteSession as Row),
    };
  }

  /** Returns a message. @throws HelpdeskError `not_found` */
  message(messageId: string): Message {
    const row = this.#database.prepare(`${selectMessages} WHERE messages.id = ?`).get(messageId);
    if (row === undefined) throw new HelpdeskError('not_found', 'There is no such message.');
    return messageOf(row as Row);
  }

  /** Returns the stored message with a sender's `clientTempId`, if there is one. */
  messageByTempId(ticketId: string, senderId: string, clientTempId: string): Message | undefined {
    const row = this.#database
      .prepare(
        `${selectMessages} WHERE messages.ticket_id = ? AND messages.sender_id = ? AND messages.client_temp_id = ?`,
      )
      .get(ticketId, senderId, clientTempId);
    return row === undefined ? undefined : messageOf(row as Row);
  }

  /** Loads one message more than an answer may contain, so that the caller knows whether there are more. */
  #messages(ticketId: string, { after, before }: MessageRange): readonly Message[] {
    const limit = maxMessagesPerAnswer + 1;
    const rows =
      after === undefined
        ? this.#database
            .prepare(
              `${selectMessages} WHERE ticket_id = ? AND sequence_number < ? ORDER BY sequence_number DESC LIMIT ?`,
            )
            .all(ticketId, before ?? Number.MAX_SAFE_INTEGER, limit)
        : this.#database
            .prepare(
              `${selectMessages} WHERE ticket_id = ? AND sequence_number > ? ORDER BY sequence_number LIMIT ?`,
            )
            .all(ticketId, after, limit);
    return rows.map((row) => messageOf(row as Row));
  }

  #lastMessage(ticketId: string): Message | null {
    const row = this.#database
      .prepare(`${selectMessages} WHERE ticket_id = ? ORDER BY sequence_number DESC LIMIT 1`)
      .get(ticketId);
    return row === undefined ? null : messageOf(row as Row);
  }

  #readUpTo(ticketId: string): Readonly<Record<string, number>> {
    const rows = this.#database
      .prepare('SELECT person_id, sequence_number FROM reads WHERE ticket_id = ?')
      .all(ticketId);
    return Object.fromEntries(
      rows.map((row) => [String((row as Row)['person_id']), Number((row as Row)['sequence_number'])]),
    );
  }
}

function timeOf(ticket: Ticket): string {
  return ticket.lastMessage?.created_at ?? ticket.createdAt;
}
