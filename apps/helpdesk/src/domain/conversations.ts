// Reads tickets and their messages. Does not change them.
import {
  type ConversationAnswer,
  type Message,
  maxMessagesPerAnswer,
  newestFirst,
  type Person,
  type PublishedMessage,
  type Ticket,
} from '../api-types.js';
import type { HelpdeskDatabase } from '../database/helpdesk-database.js';
import { messageOf, type Row, remoteSessionOf, ticketOf } from '../database/rows.js';
import { HelpdeskError } from '../errors.js';

const selectMessages = `
  SELECT messages.*, people.username AS sender_username, people.full_name AS sender_full_name
  FROM messages LEFT JOIN people ON people.id = messages.sender_id`;

const selectTickets = `
  SELECT tickets.*, COALESCE(reads.sequence_number, 0) AS read_up_to
  FROM tickets LEFT JOIN reads ON reads.ticket_id = tickets.id AND reads.person_id = ?
    JOIN people AS requester ON requester.id = tickets.requester_id
    LEFT JOIN people AS assignee ON assignee.id = tickets.assignee_id`;

/** True for a ticket that a person may see. `roomPatternOf` says the same about rooms. */
const isVisible = "(? = 'agent' OR tickets.requester_id = ?)";

/** True for a ticket in which a word occurs: in its number, its subject, a name, or a message. */
const hasWord = `
  ('#' || tickets.number || ' ' || tickets.subject || ' ' || requester.full_name || ' ' || COALESCE(assignee.full_name, '')
    LIKE ? ESCAPE '\\'
    OR EXISTS (SELECT 1 FROM messages WHERE messages.ticket_id = tickets.id AND messages.content LIKE ? ESCAPE '\\'))`;

/** Maximum number of words in a search. Further words are ignored, because each word reads every message. */
const maxSearchWords = 6;

/** The tickets that a person may see. Agents see all tickets, and requesters their own. */
export class Conversations {
  readonly #database: HelpdeskDatabase;

  constructor(database: HelpdeskDatabase) {
    this.#database = database;
  }

  /**
   * Returns the newest 200 tickets. The ticket with the newest message comes first. With `search`, returns only tickets in which
   * every word of this text occurs: in the number, the subject, the name of the requester or assignee, or a message. Letters
   * outside of ASCII must have the same case.
   */
  list(person: Person, search = ''): readonly Ticket[] {
    const words = search.split(/\s+/).filter((word) => word !== '');
    const patterns = words.slice(0, maxSearchWords).map((word) => `%${word.replaceAll(/[\\%_]/g, '\\$&')}%`);
    const where = [isVisible, ...patterns.map(() => hasWord)].join(' AND ');
    const rows = this.#database
      .prepare(`${selectTickets} WHERE ${where} ORDER BY tickets.number DESC LIMIT 200`)
      .all(person.id, person.role, person.id, ...patterns.flatMap((pattern) => [pattern, pattern]));
    return newestFirst(rows.map((row) => this.#withReading(row as Row)));
  }

  /**
   * Returns a ticket.
   *
   * @throws HelpdeskError `not_found` if there is no such ticket, or if this person may not see it
   */
  ticket(person: Person, ticketId: string): Ticket {
    const row = this.#database
      .prepare(`${selectTickets} WHERE tickets.id = ? AND ${isVisible}`)
      .get(person.id, ticketId, person.role, person.id);
    if (row === undefined) throw new HelpdeskError('not_found', 'There is no such ticket.');
    return this.#withReading(row as Row);
  }

  /** Returns a ticket with its first messages after the sequence number `after`. Without `after`, returns the newest messages. */
  conversation(person: Person, ticketId: string, after?: number): ConversationAnswer {
    const ticket = this.ticket(person, ticketId);
    const found = this.#messages(ticketId, after);
    const remoteSession = this.#database
      .prepare("SELECT * FROM remote_sessions WHERE ticket_id = ? AND state <> 'ended'")
      .get(ticketId);
    return {
      ticket,
      messages: found
        .slice(0, maxMessagesPerAnswer)
        .toSorted((a, b) => a.sequence_number - b.sequence_number),
      hasMore: found.length > maxMessagesPerAnswer,
      readUpToByPerson: this.#readUpToByPerson(ticketId),
      remoteSession: remoteSession === undefined ? null : remoteSessionOf(remoteSession as Row),
    };
  }

  /** Returns a message with its ticket, as it is published. */
  published(message: Message): PublishedMessage {
    const ticket = this.#database.prepare('SELECT * FROM tickets WHERE id = ?').get(message.request_id);
    return { ...message, ticket: ticketOf(ticket as Row) };
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

  /** Loads one message more than an answer may contain. The caller then knows whether there are more. */
  #messages(ticketId: string, after: number | undefined): readonly Message[] {
    const order = after === undefined ? 'DESC' : 'ASC';
    return this.#database
      .prepare(
        `${selectMessages} WHERE ticket_id = ? AND sequence_number > ? ORDER BY sequence_number ${order} LIMIT ?`,
      )
      .all(ticketId, after ?? 0, maxMessagesPerAnswer + 1)
      .map((row) => messageOf(row as Row));
  }

  /** Returns the ticket of a row, with its last message and how far the row's person has read. */
  #withReading(row: Row): Ticket {
    const ticket = ticketOf(row);
    return { ...ticket, lastMessage: this.#lastMessage(ticket.id), readUpTo: Number(row['read_up_to']) };
  }

  #lastMessage(ticketId: string): Message | null {
    const row = this.#database
      .prepare(`${selectMessages} WHERE ticket_id = ? ORDER BY sequence_number DESC LIMIT 1`)
      .get(ticketId);
    return row === undefined ? null : messageOf(row as Row);
  }

  #readUpToByPerson(ticketId: string): Readonly<Record<string, number>> {
    const rows = this.#database
      .prepare('SELECT person_id, sequence_number FROM reads WHERE ticket_id = ?')
      .all(ticketId);
    return Object.fromEntries(
      rows.map((row) => [String((row as Row)['person_id']), Number((row as Row)['sequence_number'])]),
    );
  }
}
