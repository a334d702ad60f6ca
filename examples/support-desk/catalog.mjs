// The event types: the built-in nine, a tenth that the backend of the desk writes, and two for remote sessions.
import { defineCatalog, defineEventType, defineStream, eventCatalog, Type } from '@millrace/contract';
import { defineGroupCalls } from '@millrace/gateway';

const listUpdate = defineEventType({
  name: 'ticket_list_update',
  description: 'A ticket in the list of a user has changed.',
  payload: Type.Object({}),
  stream: 'events:chat',
  lane: 'medium',
  maxAgeMs: null,
  replay: { mode: 'all' },
});

const uacChange = defineEventType({
  name: 'uac_change',
  description: 'A prompt for rights has appeared on the shared screen, or is gone.',
  payload: Type.Object({ session_id: Type.String(), is_shown: Type.Boolean() }),
  stream: 'events:session',
  lane: 'high',
  maxAgeMs: 30_000,
  replay: { mode: 'all' },
});

/** The backend trims its streams. */
const streams = eventCatalog.streams.map((stream) => defineStream({ ...stream, retention: 'observe' }));

export const catalog = defineCatalog({
  streams: [...streams, defineStream({ name: 'events:session', maxLength: 1_000 })],
  eventTypes: [
    ...eventCatalog.eventTypes,
    listUpdate,
    uacChange,
    defineGroupCalls({ name: 'session_call', stream: 'events:session' }),
  ],
  // As large as the largest message of a client.
  maxEventBytes: 1_048_576,
});
