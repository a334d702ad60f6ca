// The static types of events. They come from the built-in catalog, from a catalog of the application, or from a list of
// payload types.
import { defineCatalog, defineEventType, eventCatalog, type PayloadOf, Type } from '@millrace/contract';
import { expectTypeOf, test } from 'vitest';
import {
  type Client,
  createClient,
  type DeliveredEvent,
  type EventName,
  type RoomLoad,
} from '../src/index.js';

type BuiltInPayload<Name extends Parameters<typeof eventCatalog.parsePayload>[0]> = PayloadOf<
  typeof eventCatalog,
  Name
>;
declare const client: Client;

test('a client handles the nine built-in types by default', () => {
  expectTypeOf(createClient({ url: '' })).toEqualTypeOf<Client>();
  client.on('chat_message', (event) => {
    expectTypeOf(event.payload).toEqualTypeOf<BuiltInPayload<'chat_message'>>();
    expectTypeOf(event.event_type).toEqualTypeOf<'chat_message'>();
    expectTypeOf(event.position).toEqualTypeOf<string>();
    // @ts-expect-error a chat message has no title
    expectTypeOf(event.payload.title).toBeString();
  });
  client.join('a').on('status_change', ({ payload }) => {
    expectTypeOf(payload).toEqualTypeOf<BuiltInPayload<'status_change'>>();
  });
  // @ts-expect-error the client has no event type of this name
  client.on('nope', () => {});
});

test('a handler for all types distinguishes events by event_type', () => {
  client.onAny((event) => {
    if (event.event_type === 'assignment_change')
      expectTypeOf(event.payload.assignee_id).toEqualTypeOf<string | null>();
  });
  expectTypeOf<DeliveredEvent['event_type']>().toEqualTypeOf<
    (typeof eventCatalog)['eventTypes'][number]['name']
  >();
});

test('the type of a catalog determines the event types of a client', () => {
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
  const own = {} as Client<typeof catalog>;
  own.on('order_placed', ({ payload }) => expectTypeOf(payload).toEqualTypeOf<{ id: string }>());
  own.on('chat_message', ({ payload }) =>
    expectTypeOf(payload).toEqualTypeOf<BuiltInPayload<'chat_message'>>(),
  );
  // @ts-expect-error the client has no event type of this name
  own.personalRoom.on('nope', () => {});
});

test('a list of payload types can be used instead of a catalog', () => {
  const own = {} as Client<{ order_placed: { id: string }; order_sent: { at: string } }>;
  own.on('order_sent', ({ payload }) => expectTypeOf(payload.at).toEqualTypeOf<string>());
  expectTypeOf<EventName<{ order_placed: { id: string } }>>().toEqualTypeOf<'order_placed'>();
  // @ts-expect-error the client has no event type of this name
  own.on('chat_message', () => {});
});

test('the loader determines the type of the state', () => {
  const room = client.join('a');
  const plain = room.load(async ({ signal }) => ({ isAborted: signal.aborted }), {
    reduce: (state, event) => {
      expectTypeOf(state).toEqualTypeOf<{ isAborted: boolean }>();
      expectTypeOf(event).toEqualTypeOf<DeliveredEvent>();
      return state;
    },
    whenDown: { pollMs: 5 },
  });
  expectTypeOf(plain).toEqualTypeOf<RoomLoad<{ isAborted: boolean }>>();
  expectTypeOf(plain.getSnapshot().state).toEqualTypeOf<{ isAborted: boolean } | undefined>();
  if (plain.snapshot.status === 'live')
    expectTypeOf(plain.snapshot.state).toEqualTypeOf<{ isAborted: boolean }>();
});

test('a loader can say how far its state is', () => {
  const room = client.join('a');
  const loaded = room.load(async () => ({ state: { title: 'x' }, upTo: { sequence: 5 } }));
  expectTypeOf(loaded).toEqualTypeOf<RoomLoad<{ title: string }>>();
  // @ts-expect-error upTo has no field of this name
  room.load<number>(async () => ({ state: 5, upTo: { number: 5 } }));
});

test('members have a state of any type, which the application checks', () => {
  const room = {} as Client['personalRoom'];
  room.onMembers(({ list }) => expectTypeOf(list[0]?.state).toEqualTypeOf<unknown>());
  expectTypeOf(room.members.isComplete).toEqualTypeOf<boolean>();
});
