// The changes that people make to tickets and messages. Each call is one transaction that writes the change and the events
// that report it.
//
// A change of a ticket is told in two ways. Each message carries its ticket, in the room of the ticket and in the rooms of the lists:
// a new column of `tickets` is live on all pages without a further event. A change that has an event type of its own is also
// published as this type, for programs that read no messages. It has the sequence number of its message, so that a reader knows
// whether the messages that it has loaded include the change.
import { randomUUID } from 'node:crypto';
import {
  type Message,
  maxNotifications,
  type NewTicket,
  type Notification,
  type Person,
  type Ticket,
  type TicketStatus,
} from '../api-types.js';
import type { HelpdeskDatabase } from '../database/helpdesk-database.js';
import { HelpdeskError } from '../errors.js';
import type { TransactionalOutbox } from '../outbox/transactional-outbox.js';
import { texts } from '../texts.js';
import type { Conversations } from './conversations.js';
import type { People } from './people.js';
import { personRoom, roomsOfMessages } from './rooms.js';

/** Dependencies of {@link TicketChanges}. */
export interface TicketChangesDependencies {
  readonly database: HelpdeskDatabase;
  readonly outbox: TransactionalOutbox;
  readonly people: People;
  readonly conversations: Conversations;
}

/** Returns the current time in the format of the database. */
export function now(): string {
  return new Date().toISOString();
}

/** A message to be written. If `senderId` is null, the helpdesk itself is the sender. */
interface NewMessage {
  readonly senderId: string | null;
  readonly content: string;
  readonly clientTempId?: string;
}

/** Changes to tickets and messages. */
export class TicketChanges {
  readonly #dependencies: TicketChangesDependencies;

  constructor(dependencies: TicketChangesDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Creates a ticket with its first message, and notifies the requester and every other agent. A requester creates their own
   * tickets. An agent creates a ticket for a requester, for example during a phone call.
   *
   * @throws HelpdeskError `forbidden` or `invalid_request` if the author may not create a ticket for this person
   */
  createTicket(author: Person, { requesterId, subject, content }: NewTicket): Ticket {
    const { database, outbox, people, conversations } = this.#dependencies;
    const requester = this.#requesterOf(author, requesterId);
    return outbox.transact(() => {
      const id = randomUUID();
      database
        .prepare(
          `INSERT INTO tickets (id, number, subject, status, requester_id, created_at)
           VALUES (?, (SELECT COALESCE(MAX(number), 1000) + 1 FROM tickets), ?, 'open', ?, ?)`,
        )
        .run(id, subject, requester.id, now());
      const ticket = conversations.ticket(requester, id);
      this.addMessage(ticket, { senderId: author.id, content });
      this.markRead(author, id, 1);
      const created = texts.notifications.ticketCreated(requester.fullName, subject);
      for (const agent of people.agents())
        if (agent.id !== author.id) this.notify(agent.id, 'ticket_created', { ...created, ticketId: id });
      const received = texts.notifications.ticketReceived(ticket.number, subject);
      this.notify(requester.id, 'ticket_received', { ...received, ticketId: id });
      return conversations.ticket(author, id);
    });
  }

  /** Writes a message. A repeated call with the same `clientTempId` returns the stored message. */
  sendMessage(sender: Person, ticketId: string, content: string, clientTempId: string): Message {
    const { outbox, conversations } = this.#dependencies;
    const ticket = conversations.ticket(sender, ticketId);
    const known = conversations.messageByTempId(ticketId, sender.id, clientTempId);
    if (known !== undefined) return known;
    return outbox.transact(() => {
      const message = this.addMessage(ticket, { senderId: sender.id, content, clientTempId });
      // A person who writes a message has read all earlier messages.
      this.markRead(sender, ticketId, message.sequence_number);
      return message;
    });
  }

  /** Sets the status of a ticket. Does nothing if the ticket already has this status. */
  setStatus(agent: Person, ticketId: string, status: TicketStatus): Ticket {
    const { database, outbox, conversations } = this.#dependencies;
    const ticket = this.#asAgent(agent, ticketId);
    if (ticket.status === status) return ticket;
    return outbox.transact(() => {
      database.prepare('UPDATE tickets SET status = ? WHERE id = ?').run(status, ticketId);
      const [from, to] = [texts.status[ticket.status], texts.status[status]];
      const content = texts.system.statusChanged(from, to, agent.fullName);
      const { created_at: timestamp, sequence_number } = this.addSystemMessage(ticket, agent, content);
      const payload = {
        request_id: ticketId,
        old_status: ticket.status,
        new_status: status,
        changed_by: agent.fullName,
        changed_at: timestamp,
        sequence_number,
      };
      outbox.add('status_change', ticket.roomId, payload, { timestamp });
      const notification = texts.notifications.statusChanged(ticket.number, to, ticket.subject);
      this.notify(ticket.requesterId, 'status_changed', { ...notification, ticketId });
      return conversations.ticket(agent, ticketId);
    });
  }

  /** Assigns a ticket to an agent, or to nobody. */
  assign(agent: Person, ticketId: string, assigneeId: string | null): Ticket {
    const { database, outbox, people, conversations } = this.#dependencies;
    const ticket = this.#asAgent(agent, ticketId);
    const assignee = assigneeId === null ? null : people.get(assigneeId);
    if (assignee?.role === 'requester') {
      throw new HelpdeskError('invalid_request', 'A ticket can be assigned to agents only.');
    }
    if (ticket.assigneeId === assigneeId) return ticket;
    return outbox.transact(() => {
      database.prepare('UPDATE tickets SET assignee_id = ? WHERE id = ?').run(assigneeId, ticketId);
      const content =
        assignee === null
          ? texts.system.unassigned(agent.fullName)
          : texts.system.assigned(assignee.fullName, agent.fullName);
      const { created_at: timestamp, sequence_number } = this.addSystemMessage(ticket, agent, content);
      const payload = {
        request_id: ticketId,
        assignee_id: assigneeId,
        assignee_name: assignee?.fullName ?? null,
        assigned_by: agent.fullName,
        sequence_number,
      };
      outbox.add('assignment_change', ticket.roomId, payload, { timestamp });
      if (assignee !== null && assignee.id !== agent.id) {
        const notification = texts.notifications.assigned(ticket.number, agent.fullName, ticket.subject);
        this.notify(assignee.id, 'ticket_assigned', { ...notification, ticketId });
      }
      return conversations.ticket(agent, ticketId);
    });
  }

  /**
   * Stores the last sequence number that a person has read, so that read marks survive a reload of the page. The number never
   * decreases. The page also calls the hub method `MarkRead`, which informs other people.
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
   * Writes a message with the ticket's next sequence number, and adds its event to the room of the ticket and to the rooms of the lists
   * that contain it. A change of the ticket must come before its message. Must be called inside
   * {@link TransactionalOutbox.transact}.
   */
  addMessage(ticket: Ticket, { senderId, content, clientTempId }: NewMessage): Message {
    const { database, outbox, conversations } = this.#dependencies;
    const id = randomUUID();
    database
      .prepare(
        `INSERT INTO messages (id, ticket_id, sequence_number, sender_id, content, client_temp_id, created_at)
         VALUES (?, ?, (SELECT COALESCE(MAX(sequence_number), 0) + 1 FROM messages WHERE ticket_id = ?), ?, ?, ?, ?)`,
      )
      .run(id, ticket.id, ticket.id, senderId, content, clientTempId ?? null, now());
    const message = conversations.message(id);
    const published = conversations.published(message);
    for (const roomId of roomsOfMessages(ticket))
      outbox.add('chat_message', roomId, published, { timestamp: message.created_at });
    return message;
  }

  /**
   * Adds a message about an action of `person`. It counts as read by this person, unless the person has unread earlier
   * messages. Must be called inside {@link TransactionalOutbox.transact}.
   */
  addSystemMessage(ticket: Ticket, person: Person, content: string): Message {
    const { readUpTo } = this.#dependencies.conversations.ticket(person, ticket.id);
    const message = this.addMessage(ticket, { senderId: null, content });
    const { sequence_number: number } = message;
    // A read position cannot skip messages. Therefore this message stays unread while an earlier one is unread.
    if (readUpTo === number - 1) this.markRead(person, ticket.id, number);
    return message;
  }

  /**
   * Stores a notification and adds its event, whose ID is that of the notification and whose `type` is the reason. Must be called
   * inside {@link TransactionalOutbox.transact}.
   */
  notify(
    personId: string,
    type: string,
    notification: Pick<Notification, 'title' | 'body' | 'ticketId'>,
  ): void {
    const { database, outbox, people } = this.#dependencies;
    const { title, body, ticketId } = notification;
    const id = randomUUID();
    const timestamp = now();
    database
      .prepare(
        'INSERT INTO notifications (id, person_id, title, body, ticket_id, created_at) VALUES (?, ?, ?, ?, ?, ?)',
      )
      .run(id, personId, title, body, ticketId, timestamp);
    database
      .prepare(
        `DELETE FROM notifications WHERE person_id = ? AND rowid NOT IN
         (SELECT rowid FROM notifications WHERE person_id = ? ORDER BY rowid DESC LIMIT ?)`,
      )
      .run(personId, personId, maxNotifications);
    const actionUrl = ticketId === null ? null : `/${people.get(personId).role}/${ticketId}`;
    const payload = { type, title, body, action_url: actionUrl };
    outbox.add('notification', personRoom(personId), payload, { timestamp, eventId: id });
  }

  #requesterOf(author: Person, requesterId: string | undefined): Person {
    if (author.role === 'requester') {
      if (requesterId === undefined || requesterId === author.id) return author;
      throw new HelpdeskError('forbidden', 'Requesters can create tickets only for themselves.');
    }
    const requester = requesterId === undefined ? undefined : this.#dependencies.people.get(requesterId);
    if (requester?.role === 'requester') return requester;
    throw new HelpdeskError('invalid_request', 'A ticket that an agent creates must name its requester.');
  }

  #asAgent(agent: Person, ticketId: string): Ticket {
    if (agent.role !== 'agent')
      throw new HelpdeskError('forbidden', 'Only agents can change the status or the assignee of a ticket.');
    return this.#dependencies.conversations.ticket(agent, ticketId);
  }
}
