// Turns rows of the database into records of the API. Columns are read one by one, because the driver adds its own fields.
import type { Message, Notification, Person, RemoteSession, Ticket } from '../api-types.js';
import { ticketRoom } from '../domain/rooms.js';

/** A row as the driver returns it, with the columns of the schema. */
export type Row = Readonly<Record<string, unknown>>;

/** A person with the email address. Events contain this address. The API's answers do not contain it. */
export interface PersonRecord extends Person {
  readonly email: string;
}

const text = (value: unknown): string => String(value);
const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);

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

/** Reads a row of `messages` that is joined with its sender (columns `sender_…`). */
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

/** Reads a row of `tickets` that also has the caller's `read_up_to`. */
export function ticketOf(row: Row, lastMessage: Message | null): Ticket {
  const id = text(row['id']);
  const requesterId = text(row['requester_id']);
  return {
    id,
    number: Number(row['number']),
    subject: text(row['subject']),
    // The value is valid, because only this program writes the column.
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
    // The value is valid, because only this program writes the column.
    state: row['state'] as RemoteSession['state'],
    startedAt: textOrNull(row['started_at']),
  };
}

/** Reads a row of `notifications`. */
export function notificationOf(row: Row): Notification {
  return {
    id: text(row['id']),
    // The value is valid, because only this program writes the column.
    kind: row['kind'] as Notification['kind'],
    title: text(row['title']),
    body: text(row['body']),
    ticketId: textOrNull(row['ticket_id']),
    createdAt: text(row['created_at']),
    isRead: row['is_read'] === 1,
  };
}
