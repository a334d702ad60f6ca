// The static types of the contract: wrong events do not compile, and the types of applications are inferred.
import {
  type AnyCatalog,
  type Catalog,
  defineCatalog,
  defineEventType,
  defineStream,
  type EventOf,
  type EventTypeDeclaration,
  type EventTypeName,
  eventCatalog,
  optional,
  type PayloadOf,
  type StreamEvent,
  Type,
  uuid,
} from '@millrace/contract';
import { expectTypeOf, test } from 'vitest';

type BuiltIn = typeof eventCatalog;

test('the names of the built-in event types are a union of string literals', () => {
  expectTypeOf<EventTypeName<BuiltIn>>().toEqualTypeOf<
    | 'chat_message'
    | 'typing_start'
    | 'typing_stop'
    | 'read_receipt'
    | 'status_change'
    | 'assignment_change'
    | 'notification'
    | 'remote_session_start'
    | 'remote_session_end'
  >();
});

test('the static types of payloads have exactly the fields of the data model', () => {
  expectTypeOf<PayloadOf<BuiltIn, 'typing_start'>>().toEqualTypeOf<{
    user_id: string;
    username: string;
    is_typing: true;
  }>();
  expectTypeOf<PayloadOf<BuiltIn, 'typing_stop'>['is_typing']>().toEqualTypeOf<false>();
  expectTypeOf<PayloadOf<BuiltIn, 'chat_message'>>().toEqualTypeOf<{
    id: string;
    request_id: string;
    sender_id?: string | null;
    sender?: { id: string; username: string; full_name?: string | null; email?: string | null } | null;
    content: string;
    sequence_number: number;
    is_screenshot: boolean;
    created_at: string;
    client_temp_id?: string | null;
  }>();
  expectTypeOf<PayloadOf<BuiltIn, 'assignment_change'>['assignee_id']>().toEqualTypeOf<string | null>();
  expectTypeOf<PayloadOf<BuiltIn, 'remote_session_end'>['mode']>().toEqualTypeOf<
    'view' | 'control' | null | undefined
  >();
  expectTypeOf<PayloadOf<BuiltIn, 'read_receipt'>['message_ids']>().toEqualTypeOf<string[]>();
});

test('the type of the payload follows from event_type', () => {
  const event = {} as EventOf<BuiltIn>;
  if (event.event_type === 'status_change') {
    expectTypeOf(event.payload.new_status).toEqualTypeOf<string>();
    // @ts-expect-error a status change has no content
    expectTypeOf(event.payload.content).toBeString();
  }
  expectTypeOf<EventOf<BuiltIn, 'notification'>>().toEqualTypeOf<
    StreamEvent<'notification', PayloadOf<BuiltIn, 'notification'>>
  >();
  expectTypeOf<EventOf<BuiltIn>>().toExtend<StreamEvent>();
});

test('payloads of a wrong type do not compile', () => {
  const typing = { user_id: 'u', username: 'ada' };
  const right: PayloadOf<BuiltIn, 'typing_start'> = { ...typing, is_typing: true };
  // @ts-expect-error a typing_start event requires `is_typing: true`
  const wrongValue: PayloadOf<BuiltIn, 'typing_start'> = { ...typing, is_typing: false };
  // @ts-expect-error a field is missing
  const missing: PayloadOf<BuiltIn, 'typing_start'> = typing;
  // @ts-expect-error an optional field may be null or absent, not undefined
  const undefinedField: PayloadOf<BuiltIn, 'notification'> = { type: 'a', title: 'b', body: undefined };
  // @ts-expect-error the catalog has no type of this name
  type Unknown = PayloadOf<BuiltIn, 'nope'>;
  expectTypeOf<
    [typeof right, typeof wrongValue, typeof missing, typeof undefinedField, Unknown]
  >().toBeArray();
});

test('parsing returns the typed event or its issues', () => {
  const result = eventCatalog.parseEvent({});
  if (result.ok) expectTypeOf(result.value).toEqualTypeOf<EventOf<BuiltIn>>();
  else expectTypeOf(result.issues[0]?.path).toEqualTypeOf<string | undefined>();
  const payload = eventCatalog.parsePayload('typing_stop', {});
  if (payload.ok) expectTypeOf(payload.value).toEqualTypeOf<PayloadOf<BuiltIn, 'typing_stop'>>();
  // @ts-expect-error the catalog has no type of this name
  eventCatalog.parsePayload('nope', {});
  const entry = eventCatalog.parseEntry({});
  if (entry.ok) expectTypeOf(entry.value.event).toEqualTypeOf<EventOf<BuiltIn>>();
});

test('the payload types of an application are inferred, and can be combined with the built-in types', () => {
  const orderPlaced = defineEventType({
    name: 'order_placed',
    payload: Type.Object({ id: uuid(), items: Type.Array(Type.Integer()), note: optional(Type.String()) }),
    stream: 'events:orders',
    lane: 'low',
    maxAgeMs: null,
    replay: { mode: 'latest', key: (payload) => payload.id },
    coalescing: {
      slot: 'orders',
      windowMs: 50,
      key: (payload) => {
        expectTypeOf(payload).toEqualTypeOf<{ id: string; items: number[]; note?: string | null }>();
        return payload.id;
      },
      merge: (earlier, later) => ({ ...later, items: [...earlier.items, ...later.items] }),
    },
  });
  const catalog = defineCatalog({
    streams: [...eventCatalog.streams, defineStream({ name: 'events:orders', maxLength: 10 })],
    eventTypes: [...eventCatalog.eventTypes, orderPlaced],
  });
  expectTypeOf<EventTypeName<typeof catalog>>().toEqualTypeOf<EventTypeName<BuiltIn> | 'order_placed'>();
  expectTypeOf<PayloadOf<typeof catalog, 'order_placed'>['items']>().toEqualTypeOf<number[]>();
  expectTypeOf<PayloadOf<typeof catalog, 'chat_message'>>().toEqualTypeOf<
    PayloadOf<BuiltIn, 'chat_message'>
  >();
  // @ts-expect-error the catalog has no such stream
  defineCatalog({ streams: eventCatalog.streams, eventTypes: [orderPlaced] });
  expectTypeOf(catalog).toExtend<AnyCatalog>();
});

test('wrong declarations do not compile', () => {
  const base = {
    name: 'a',
    payload: Type.Object({ id: Type.String() }),
    stream: 's',
    maxAgeMs: null,
    replay: { mode: 'all' },
  } as const;
  // @ts-expect-error there is no lane of this name
  const lane: EventTypeDeclaration = { ...base, lane: 'urgent' };
  // @ts-expect-error the payload has no field `nope`
  defineEventType({ ...base, lane: 'low', replay: { mode: 'latest', key: (value) => value.nope } });
  expectTypeOf(lane).toBeObject();
});

test('a function for catalogs of any event types accepts every catalog', () => {
  expectTypeOf<BuiltIn>().toExtend<AnyCatalog>();
  // TypeScript compares the members of a mapped type, as it does for a catalog of another copy of this package.
  expectTypeOf<Pick<BuiltIn, keyof BuiltIn>>().toExtend<AnyCatalog>();
  const names = (catalog: AnyCatalog): string[] => catalog.eventTypes.map((type) => type.name);
  expectTypeOf(names(eventCatalog)).toEqualTypeOf<string[]>();
  expectTypeOf<Catalog>().toExtend<AnyCatalog>();
});
