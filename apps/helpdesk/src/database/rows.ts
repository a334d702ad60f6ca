// From rows of the database to what the API answers. Columns are read one by one: the driver adds fields of its own.
import type { Message, Notification, Person, RemoteSession, Ticket } from '../api-types.js';

/** A row as the driver gives it; its columns are those of the schema. */
export type Row = Readonly<Record<string, unknown>>;

/** A person, and what only events carry. */
export interface PersonRecord extends Person {
  readonly email: string;
}

const text = (value: unknown): string => String(value);
const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);

/** The room of a ticket. It begins with the requester, so that a token can open all tickets of one requester. */
export function ticketRoom(requesterId: string, ticketId: string): string {
  return `ticket:${requesterId}:${ticketId}`;
}

/** The room of a person. */
export function personRoom(personId: string): string {
  return `user:${personId}`;
}

/** Reads a row of `people`. */
export function personOf(row: Row): PersonRecord {
  return {
    id: text(row['id']),
    role: row['role'] === 'agent' ? 'agent' : 'requester',
    fullName: text(row['full_name']),
    username: text(row['username']),
    title: text(row['title']),
    email: text(row['email']),
  };
}

/** Reads a row of `messages` joined with its sender (`sender_…`). */
export function messageOf(row: Row): Message {
  const senderId = textOrNull(row['sender_id']);
  return {
    id: text(row['id']),
    request_id: text(row['ticket_id']),
    sender_id: senderId,
    sender:
      senderId === null
        ? null
        : {
            id: senderId,
            username: text(row['sender_username']),
            full_name: text(row['sender_full_name']),
            email: text(row['sender_email']),
          },
    content: text(row['content']),
    sequence_number: Number(row['sequence_number']),
    is_screenshot: row['is_screenshot'] === 1,
    created_at: text(row['created_at']),
    client_temp_id: textOrNull(row['client_temp_id']),
  };
}

/** Reads a row of `tickets` with `read_up_to`. */
export function ticketOf(row: Row, lastMessage: Message | null): Ticket {
  const id = text(row['id']);
  const requesterId = text(row['requester_id']);
  return {
    id,
    number: Number(row['number']),
    subject: text(row['subject']),
    // Written by this program only.
    status: row['status'] as Ticket['status'],
    requesterId,
    assigneeId: textOrNull(row['assignee_id']),
    roomId: ticketRoom(requesterId, id),
    createdAt: text(row['created_at']),
    lastMessage,
    readUpTo: Number(row['read_up_to'] ?? 0),
  };
}

/** Reads a row of `remote_sessions`. */
export function remoteSessionOf(row: Row): RemoteSession {
  return {
    id: text(row['id']),
    ticketId: text(row['ticket_id']),
    agentId: text(row['agent_id']),
    requesterId: text(row['requester_id']),
    mode: row['mode'] === 'control' ? 'control' : 'view',
    // Written by this program only.
    state: row['state'] as RemoteSession['state'],
    startedAt: textOrNull(row['started_at']),
  };
}

/** Reads a row of `notifications`. */
export function notificationOf(row: Row): Notification {
  return {
    id: text(row['id']),
    // Written by this program only.
    kind: row['kind'] as Notification['kind'],
    title: text(row['title']),
    body: text(row['body']),
    ticketId: textOrNull(row['ticket_id']),
    createdAt: text(row['created_at']),
    isRead: row['is_read'] === 1,
  };
}
