// The changes that people make to tickets and messages. Each call is one transaction that writes the change and the events
// that report it.
import { randomUUID } from 'node:crypto';
import type { Message, Notification, Person, Ticket, TicketStatus } from '../api-types.js';
import type { HelpdeskDatabase } from '../database/helpdesk-database.js';
import type { PersonRecord } from '../database/rows.js';
import { HelpdeskError } from '../errors.js';
import type { TransactionalOutbox } from '../outbox/transactional-outbox.js';
import { texts } from '../texts.js';
import type { Conversations } from './conversations.js';
import type { People } from './people.js';
import { personRoom } from './rooms.js';

/** Dependencies of {@link TicketChanges}. */
export interface TicketChangesDependencies {
  readonly database: HelpdeskDatabase;
  readonly outbox: TransactionalOutbox;
  readonly people: People;
  readonly conversations: Conversations;
  readonly wallMs: () => number;
}

/** A message to be written. If `senderId` is null, the helpdesk itself is the sender. */
interface NewMessage {
  readonly senderId: string | null;
  readonly content: string;
  readonly clientTempId?: string;
}

/** Maximum number of stored notifications for a person. The oldest notifications are deleted first. */
const maxNotificationsPerPerson = 100;

/** Changes to tickets and messages. */
export class TicketChanges {
  readonly #dependencies: TicketChangesDependencies;

  constructor(dependencies: TicketChangesDependencies) {
    this.#dependencies = dependencies;
  }

  /** Creates a ticket with its first message, and notifies every agent. */
  createTicket(requester: PersonRecord, subject: string, content: string): Ticket {
    const { database, outbox, people, conversations } = this.#dependencies;
    if (requester.role !== 'requester')
      throw new HelpdeskError('forbidden', 'Only requesters can create tickets.');
    return outbox.change(() => {
      const id = randomUUID();
      database
        .prepare(
          `INSERT INTO tickets (id, number, subject, status, requester_id, created_at)
           VALUES (?, (SELECT COALESCE(MAX(number), 1000) + 1 FROM tickets), ?, 'open', ?, ?)`,
        )
        .run(id, subject, requester.id, this.now());
      const ticket = conversations.ticket(requester, id);
      this.addMessage(ticket, { senderId: requester.id, content });
      this.markRead(requester, id, 1);
      const { title, body } = texts.notifications.ticketCreated(requester.fullName, subject);
      for (const agent of people.agents()) {
        this.notify(agent.id, { kind: 'ticket_created', title, body, ticketId: id });
      }
      const received = texts.notifications.ticketReceived(ticket.number, subject);
      this.notify(requester.id, { kind: 'ticket_received', ...received, ticketId: id });
      return conversations.ticket(requester, id);
    });
  }

  /** Writes a message. A repeated call with the same `clientTempId` returns the stored message. */
  sendMessage(sender: PersonRecord, ticketId: string, content: string, clientTempId: string): Message {
    const { outbox, conversations } = this.#dependencies;
    const ticket = conversations.ticket(sender, ticketId);
    const known = conversations.messageByTempId(ticketId, sender.id, clientTempId);
    if (known !== undefined) return known;
    return outbox.change(() => {
      const message = this.addMessage(ticket, { senderId: sender.id, content, clientTempId });
      // A person who writes a message has read all earlier messages.
      this.markRead(sender, ticketId, message.sequence_number);
      return message;
    });
  }

  /** Sets the status of a ticket. Does nothing if the ticket already has this status. */
  setStatus(agent: PersonRecord, ticketId: string, status: TicketStatus): Ticket {
    const { database, outbox, conversations } = this.#dependencies;
    const ticket = this.#asAgent(agent, ticketId);
    if (ticket.status === status) return ticket;
    return outbox.change(() => {
      database.prepare('UPDATE tickets SET status = ? WHERE id = ?').run(status, ticketId);
      const now = this.now();
      outbox.add(
        'status_change',
        ticket.roomId,
        {
          request_id: ticketId,
          old_status: ticket.status,
          new_status: status,
          changed_by: agent.fullName,
          changed_at: now,
        },
        now,
      );
      const from = texts.status[ticket.status];
      const to = texts.status[status];
      this.addSystemMessage(ticket, agent, texts.system.statusChanged(from, to, agent.fullName));
      const { title, body } = texts.notifications.statusChanged(ticket.number, to, ticket.subject);
      this.notify(ticket.requesterId, { kind: 'status_changed', title, body, ticketId });
      return conversations.ticket(agent, ticketId);
    });
  }

  /** Assigns a ticket to an agent, or to nobody. */
  assign(agent: PersonRecord, ticketId: string, assigneeId: string | null): Ticket {
    const { database, outbox, people, conversations } = this.#dependencies;
    const ticket = this.#asAgent(agent, ticketId);
    const assignee = assigneeId === null ? null : people.get(assigneeId);
    if (assignee?.role === 'requester') {
      throw new HelpdeskError('invalid_request', 'A ticket can be assigned to agents only.');
    }
    if (ticket.assigneeId === assigneeId) return ticket;
    return outbox.change(() => {
      database.prepare('UPDATE tickets SET assignee_id = ? WHERE id = ?').run(assigneeId, ticketId);
      outbox.add(
        'assignment_change',
        ticket.roomId,
        {
          request_id: ticketId,
          assignee_id: assigneeId,
          assignee_name: assignee?.fullName ?? null,
          assigned_by: agent.fullName,
        },
        this.now(),
      );
      const content =
        assignee === null
          ? texts.system.unassigned(agent.fullName)
          : texts.system.assigned(assignee.fullName, agent.fullName);
      this.addSystemMessage(ticket, agent, content);
      if (assignee !== null && assignee.id !== agent.id) {
        const { title, body } = texts.notifications.assigned(ticket.number, agent.fullName, ticket.subject);
        this.notify(assignee.id, { kind: 'ticket_assigned', title, body, ticketId });
      }
      return conversations.ticket(agent, ticketId);
    });
  }

  /**
   * Stores the last sequence number that a person has read, so that read marks survive a reload of the page.
   * The stored number never decreases. The page also calls the hub method `MarkRead`, which informs other
   * people.
   */
  markRead(person: Person, ticketId: string, sequenceNumber: number): void {
    this.#dependencies.database
      .prepare(
        `INSERT INTO reads (ticket_id, person_id, sequence_number) VALUES (?, ?, ?)
         ON CONFLICT (ticket_id, person_id) DO UPDATE SET sequence_number = MAX(sequence_number, excluded.sequence_number)`,
      )
      .run(ticketId, person.id, sequenceNumber);
  }

  /**
   * Writes a message with the ticket's next sequence number, and adds its event. Must be called inside {@link
   * TransactionalOutbox.change}.
   */
  addMessage(ticket: Ticket, { senderId, content, clientTempId }: NewMessage): Message {
    const { database, outbox, conversations } = this.#dependencies;
    const id = randomUUID();
    const now = this.now();
    database
      .prepare(
        `INSERT INTO messages (id, ticket_id, sequence_number, sender_id, content, client_temp_id, created_at)
         VALUES (?, ?, (SELECT COALESCE(MAX(sequence_number), 0) + 1 FROM messages WHERE ticket_id = ?), ?, ?, ?, ?)`,
      )
      .run(id, ticket.id, ticket.id, senderId, content, clientTempId ?? null, now);
    const message = conversations.message(id);
    outbox.add('chat_message', ticket.roomId, message, message.created_at);
    return message;
  }

  /**
   * Adds a message about an action of `person`. The message counts as read by this person, unless the person
   * has unread earlier messages. Must be called inside {@link TransactionalOutbox.change}.
   */
  addSystemMessage(ticket: Ticket, person: PersonRecord, content: string): void {
    const { readUpTo } = this.#dependencies.conversations.ticket(person, ticket.id);
    const { sequence_number: number } = this.addMessage(ticket, { senderId: null, content });
    // A read position cannot skip messages, so this message stays unread while an earlier message is unread.
    if (readUpTo === number - 1) this.markRead(person, ticket.id, number);
  }

  /** Stores a notification and adds its event. Must be called inside {@link TransactionalOutbox.change}. */
  notify(personId: string, notification: Pick<Notification, 'kind' | 'title' | 'body' | 'ticketId'>): void {
    const { database, outbox, people } = this.#dependencies;
    const { kind, title, body, ticketId } = notification;
    const now = this.now();
    database
      .prepare(
        'INSERT INTO notifications (id, person_id, kind, title, body, ticket_id, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
      )
      .run(randomUUID(), personId, kind, title, body, ticketId, now);
    database
      .prepare(
        `DELETE FROM notifications WHERE person_id = ? AND rowid NOT IN
         (SELECT rowid FROM notifications WHERE person_id = ? ORDER BY rowid DESC LIMIT ?)`,
      )
      .run(personId, personId, maxNotificationsPerPerson);
    const { role } = people.get(personId);
    const actionUrl = ticketId === null ? null : `/${role}/${ticketId}`;
    outbox.add('notification', personRoom(personId), { type: kind, title, body, action_url: actionUrl }, now);
  }

  /** Returns the current time in the format of the database. */
  now(): string {
    return new Date(this.#dependencies.wallMs()).toISOString();
  }

  #asAgent(agent: PersonRecord, ticketId: string): Ticket {
    if (agent.role !== 'agent')
      throw new HelpdeskError('forbidden', 'Only agents can change the status or the assignee of a ticket.');
    return this.#dependencies.conversations.ticket(agent, ticketId);
  }
}
