// An application module that takes in the entries of another program. Check it with
// npx millrace check --app ./app.mjs
import { defineApp } from '@millrace/gateway';

export default defineApp({
  name: 'taken-in',
  intake: {
    // One Redis field that holds everything: {"UserId":"42","Method":"Notify","Payload":{"Text":"Hello"}}
    'events:notification': {
      jsonField: 'message',
      fields: {
        event_type: { from: 'Method', values: { Notify: 'notification', Ping: null } },
        room_id: 'UserId',
        payload: 'Payload',
      },
      rename: { Text: 'title' },
      defaults: { type: 'info' },
      room: 'user:{room_id}',
      examples: [{ message: '{"UserId":"42","Method":"Notify","Payload":{"Text":"Hello"}}' }],
    },
    // Flat fields, names in camelCase, a timestamp in seconds, and an ID that is not a UUID.
    'events:chat': {
      fields: {
        event_id: 'messageId',
        event_type: { default: 'chat_message' },
        timestamp: { from: 'sentAt', unit: 's' },
        room_id: 'channel',
      },
      eventId: 'hashed',
      flatPayload: { sequenceNumber: 'number', isScreenshot: 'boolean' },
      snakeCase: 'camel',
      rename: { body: 'content' },
      defaultsFrom: { created_at: 'timestamp', id: 'event_id' },
      defaults: { is_screenshot: false, sequence_number: 0 },
      // The rest: the ID of the request is a part of the channel's name.
      map: ({ room_id, payload }) => ({
        payload: { ...payload, request_id: room_id.slice('request-'.length) },
      }),
      examples: [
        {
          messageId: 'm-17',
          sentAt: '1768557600',
          channel: 'request-3f2504e0-4f89-41d3-9a0c-0305e82c3301',
          body: 'The printer is on fire',
          sequenceNumber: '17',
        },
      ],
    },
  },
});
