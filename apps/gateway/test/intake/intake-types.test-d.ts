// The compiler checks the names of streams and event types in intake rules.
import { expectTypeOf, test } from 'vitest';
import { defineApp, type IntakeRule } from '../../src/index.js';

test('a rule belongs to a stream of the catalog', () => {
  defineApp({ intake: { 'events:chat': { snakeCase: 'camel' } } });
  // @ts-expect-error the catalog has no stream of this name
  defineApp({ intake: { 'events:chats': { snakeCase: 'camel' } } });
});

test('steps belong to an event type of the catalog', () => {
  defineApp({ intake: { 'events:chat': { types: { chat_message: { timestamps: ['created_at'] } } } } });
  // @ts-expect-error the catalog has no event type of this name
  defineApp({ intake: { 'events:chat': { types: { chat_mesage: {} } } } });
});

test('map gets the parts of the event and returns those that it changes', () => {
  defineApp({
    intake: {
      'events:chat': {
        map(event, entry) {
          expectTypeOf(event.payload).toBeUnknown();
          expectTypeOf(event.room_id).toEqualTypeOf<string | undefined>();
          expectTypeOf(entry.fields['any']).toEqualTypeOf<string | undefined>();
          return event.room_id === undefined ? null : { room_id: `chat-${event.room_id}` };
        },
      },
    },
  });
  // @ts-expect-error map is synchronous
  const late: IntakeRule = { map: async () => null };
  expectTypeOf(late).toEqualTypeOf<IntakeRule>();
});
