// The static types of events. They come from the declaration in `Register`, or from the type of the client's room.

import type { BuiltIn, Client, Room } from '@millrace/client';
import { defineCatalog, defineEventType, eventCatalog, Type } from '@millrace/contract';
import { expectTypeOf, test } from 'vitest';
import { type EventsOf, MillraceProvider, useClient, useEvents, useRoom } from '../src/index.js';

test('the hooks handle the nine built-in types by default', () => {
  useEvents('a', 'chat_message', ({ payload, event_type }) => {
    expectTypeOf(payload.content).toEqualTypeOf<string>();
    expectTypeOf(event_type).toEqualTypeOf<'chat_message'>();
  });
  useEvents('a', ['chat_message', 'notification'], (event) => {
    expectTypeOf(event.event_type).toEqualTypeOf<'chat_message' | 'notification'>();
    if (event.event_type === 'chat_message') expectTypeOf(event.payload.content).toEqualTypeOf<string>();
  });
  useEvents(useRoom('a'), (event) => {
    if (event.event_type === 'assignment_change')
      expectTypeOf(event.payload.assignee_id).toEqualTypeOf<string | null>();
  });
  // @ts-expect-error there is no event type of this name
  useEvents('a', 'nope', () => {});
  expectTypeOf(useRoom(null).room).toEqualTypeOf<Room | undefined>();
  expectTypeOf(useClient()).toEqualTypeOf<Client | null>();
});

test('a declaration in Register determines the types of all hooks', () => {
  expectTypeOf<EventsOf>().toEqualTypeOf<BuiltIn>();
  expectTypeOf<EventsOf<{ events: { order_placed: { id: string } } }>>().toEqualTypeOf<{
    order_placed: { id: string };
  }>();
});

test('the type of a room determines the types of its events', () => {
  const room = useRoom<{ order_placed: { id: string } }>('shop');
  useEvents(room, 'order_placed', ({ payload }) => expectTypeOf(payload.id).toEqualTypeOf<string>());
  // @ts-expect-error there is no event type of this name
  useEvents(room, 'chat_message', () => {});
  const orderPlaced = defineEventType({
    name: 'order_placed',
    payload: Type.Object({ id: Type.String() }),
    stream: 'events:ticket',
    lane: 'high',
    maxAgeMs: null,
    replay: { mode: 'all' },
  });
  const catalog = defineCatalog({
    streams: eventCatalog.streams,
    eventTypes: [...eventCatalog.eventTypes, orderPlaced],
  });
  const shop = useRoom<typeof catalog>('shop');
  useEvents(shop, ['order_placed', 'chat_message'], (event) => {
    if (event.event_type === 'order_placed') expectTypeOf(event.payload).toEqualTypeOf<{ id: string }>();
  });
  MillraceProvider<typeof catalog>({ client: {} as Client<typeof catalog> });
});
