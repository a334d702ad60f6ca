// Turns rows of the database into records of the API. Columns are read one by one, because the driver adds fields of its own.
import type { Message, Notification, Person, PublishedMessage, RemoteSession, Ticket } from '../api-types.js';
import { ticketRoom } from '../domain/rooms.js';

/** A row as the driver returns it, with the columns of the schema. */
export type Row = Readonly<Record<string, unknown>>;

const text = (value: unknown): string => String(value);
const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);

/** Reads a row of `people`. */
export function personOf(row: Row): Person {
  return {
    id: text(row['id']),
    role: row['role'] === 'agent' ? 'agent' : 'requester',
    fullName: text(row['full_name']),
    username: text(row['username']),
    title: text(row['title']),
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
          },
    content: text(row['content']),
    sequence_number: Number(row['sequence_number']),
    is_screenshot: row['is_screenshot'] === 1,
    created_at: text(row['created_at']),
    client_temp_id: textOrNull(row['client_temp_id']),
  };
}

/** Reads a row of `tickets`. */
export function ticketOf(row: Row): PublishedMessage['ticket'] {
  const id = text(row['id']);
  const requesterId = text(row['requester_id']);
  return {
    id,
    number: Number(row['number']),
    subject: text(row['subject']),
    // The cast is safe: only this program writes the column.
    status: row['status'] as Ticket['status'],
    requesterId,
    assigneeId: textOrNull(row['assignee_id']),
    roomId: ticketRoom(requesterId, id),
    createdAt: text(row['created_at']),
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
    // The cast is safe: only this program writes the column.
    state: row['state'] as RemoteSession['state'],
  };
}

/** Reads a row of `notifications`. */
export function notificationOf(row: Row): Notification {
  return {
    id: text(row['id']),
    title: text(row['title']),
    body: text(row['body']),
    ticketId: textOrNull(row['ticket_id']),
    createdAt: text(row['created_at']),
    isRead: row['is_read'] === 1,
  };
}
