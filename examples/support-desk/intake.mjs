// The entries that the backend writes become events of the data model. Payloads that the data model leaves open stay as they are written.

/** The backend names the bare ID of a user. A request's ID reaches nobody, neither here nor in the old service. */
const ofUser = { room: 'user:{room_id}' };

/** The data model asks for four members, of which the backend writes three or none. */
const statusChange = {
  defaultsFrom: { changed_by: 'payload.updatedBy.username', changed_at: 'timestamp' },
  defaults: { old_status: '', new_status: '', changed_by: '' },
};

const user = '3f2504e0-4f89-41d3-9a0c-0305e82c3301';
const request = '9b2f9a4e-8a0b-4c56-9a2d-0d1c6a7e5f10';

/** Returns an example entry. `millrace check` shows it before and after. */
function example(type, room, payload) {
  return {
    event_id: '7c9e6679-7425-40de-944b-e07fc1f90ae7',
    event_type: type,
    timestamp: '2026-01-16T10:00:00+00:00Z',
    room_id: room,
    payload: JSON.stringify(payload),
  };
}

export const intake = {
  'events:chat': {
    types: { chat_message: { snakeCase: 'camel', timestamps: ['created_at', 'updated_at'] } },
    examples: [
      example('chat_message', request, {
        id: user,
        requestId: request,
        senderId: user,
        sender: { id: user, username: 'ana', fullName: 'Ana', email: null },
        content: 'Hello',
        sequenceNumber: 1,
        isScreenshot: false,
        createdAt: '2026-01-16T10:00:00+00:00Z',
      }),
      example('ticket_list_update', `user-tickets:${user}`, { request_id: request, update_type: 'assigned' }),
    ],
  },
  'events:ticket': {
    types: { status_change: statusChange, notification: ofUser },
    examples: [
      example('status_change', request, {
        request_id: request,
        updatedFields: [],
        updatedBy: { username: 'ana' },
      }),
      example('notification', user, { requester_id: user, ticket: { id: request } }),
    ],
  },
  'events:notification': { types: { notification: ofUser } },
  'events:remote': {
    ...ofUser,
    examples: [
      example('remote_session_start', user, { requester_id: user, sessionId: request, requestId: null }),
    ],
  },
};
