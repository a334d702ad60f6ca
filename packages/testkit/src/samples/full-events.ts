// A full, valid payload of each built-in event type, with every optional field, and an envelope around it.
import type { StreamEvent } from '@millrace/contract';

/** A UUID of version 4 for the fields of payloads. */
export const UUID = '7c9e6679-7425-40de-944b-e07fc1f90ae7';
/** A UUID of version 1. It is invalid as an `event_id`, but valid in other fields. */
export const UUID_V1 = 'c232ab00-9414-11ec-b3c8-9f6bdeced846';
/** The `event_id` of {@link eventOf}. */
export const EVENT_ID = '0b8f7f0e-3c1d-4a52-9c1e-6f0e3f3f7d11';
/** The `timestamp` of {@link eventOf}. */
export const TIMESTAMP = '2026-01-16T12:00:00.123456+00:00';

type Fields = Record<string, unknown>;

const remoteSession: Fields = {
  session_id: UUID,
  agent_id: UUID,
  requester_id: UUID,
  agent_name: 'Grace',
  request_id: UUID,
  request_title: 'Printer',
  mode: 'view',
};

/** A full payload of each built-in event type, by the type's name. */
export const fullPayloads: Readonly<Record<string, Fields>> = {
  chat_message: {
    id: UUID,
    request_id: UUID,
    sender_id: UUID,
    sender: { id: UUID, username: 'ada', full_name: 'Ada Lovelace', email: 'ada@example.org' },
    content: 'Grüße, 世界 👋',
    sequence_number: 1,
    is_screenshot: false,
    created_at: TIMESTAMP,
    client_temp_id: 'tmp-1',
  },
  typing_start: { user_id: UUID, username: 'ada', is_typing: true },
  typing_stop: { user_id: UUID, username: 'ada', is_typing: false },
  read_receipt: { user_id: UUID, message_ids: [UUID, EVENT_ID] },
  status_change: {
    request_id: UUID,
    old_status: 'open',
    new_status: 'closed',
    changed_by: 'ada',
    changed_at: TIMESTAMP,
  },
  assignment_change: { request_id: UUID, assignee_id: UUID, assignee_name: 'Grace', assigned_by: 'ada' },
  notification: { type: 'info', title: 'Hello', body: 'World', action_url: '/requests/1' },
  remote_session_start: remoteSession,
  remote_session_end: { ...remoteSession, reason: 'done' },
};

/** The fields of each payload that may be absent or null. All other fields are required. */
export const optionalFields: Readonly<Record<string, readonly string[]>> = {
  chat_message: ['sender_id', 'sender', 'client_temp_id'],
  typing_start: [],
  typing_stop: [],
  read_receipt: [],
  status_change: [],
  assignment_change: ['assignee_name'],
  notification: ['body', 'action_url'],
  remote_session_start: ['agent_name', 'request_id', 'request_title', 'mode'],
  remote_session_end: ['agent_name', 'request_id', 'request_title', 'mode', 'reason'],
};

/** Returns an event of the type `type`, by default with the full payload of that type. */
export function eventOf(
  type: string,
  payload: unknown = fullPayloads[type],
  envelope: Fields = {},
): StreamEvent {
  return {
    event_id: EVENT_ID,
    event_type: type,
    timestamp: TIMESTAMP,
    room_id: 'abc123',
    payload,
    metadata: { trace_id: 'trace', source_instance: 'api-1', coalesced_count: 1 },
    ...envelope,
  };
}
