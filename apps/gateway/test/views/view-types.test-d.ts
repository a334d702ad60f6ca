// The compiler checks the names of event types, groups and client methods in views, and types their events and payloads.
import { defineCatalog, defineEventType, defineStream, Type } from '@millrace/contract';
import { expectTypeOf, test } from 'vitest';
import { defineApp, defineView, type JoinedRoom, type View, type WrittenPayload } from '../../src/index.js';

const catalog = defineCatalog({
  streams: [defineStream({ name: 'orders', maxLength: 100 })],
  eventTypes: [
    defineEventType({
      name: 'order:shipped',
      payload: Type.Object({ parcels: Type.Integer() }),
      stream: 'orders',
      lane: 'high',
      maxAgeMs: null,
      replay: { mode: 'all' },
    }),
  ],
});
const path = '/hubs/orders';

test('an application accepts a view of any catalog, but only the result of `defineView`', () => {
  const built = defineView({ path: '/hubs/chat', sends: { chat_message: { method: 'ReceiveMessage' } } });
  const own = defineView({ catalog, path, sends: { 'order:shipped': { method: 'Shipped' } } });
  defineApp({ views: [built] });
  defineApp({ catalog, views: [own] });
  // @ts-expect-error a view is the result of defineView
  defineApp({ views: [{ path }] });
});

test('the rules of a view name event types of the catalog, and get events and payloads of these types', () => {
  defineView({
    catalog,
    path,
    sends: {
      'order:shipped': {
        method: 'Shipped',
        arguments(event, written) {
          expectTypeOf(event.event_type).toEqualTypeOf<'order:shipped'>();
          expectTypeOf(event.payload.parcels).toBeNumber();
          expectTypeOf(written).toEqualTypeOf<WrittenPayload>();
          return [event.payload.parcels];
        },
      },
    },
  });
  // @ts-expect-error the catalog has no event type of this name
  defineView({ catalog, path, sends: { 'order:lost': { method: 'Lost' } } });
  // @ts-expect-error a message names a client method
  defineView({ catalog, path, sends: { 'order:shipped': {} } });
});

test('a rule, a method, a caller and `standing` accept only groups of the view', () => {
  defineView({
    path,
    groups: ['order', 'user'],
    standing: ['user'],
    sends: { notification: [{ method: 'First' }, { group: 'user', method: 'Second' }] },
    methods: {
      Join: { join: 'order', reply: 'Joined' },
      async Enter(caller, room) {
        expectTypeOf(room).toBeUnknown();
        expectTypeOf(await caller.join('user', room)).toEqualTypeOf<JoinedRoom>();
        // @ts-expect-error the view has no group of this name
        await caller.join('users', room);
      },
    },
  });
  // @ts-expect-error the view has no group of this name
  defineView({ path, groups: ['order'], standing: ['user'] });
  // @ts-expect-error the view has no group of this name
  defineView({ path, groups: ['order'], sends: { notification: { group: 'user', method: 'Noted' } } });
  // @ts-expect-error the view has no group of this name
  defineView({ path, groups: ['order'], methods: { Join: { join: 'user' } } });
});

test('callers may reply only with listed client methods, and publish only event types of the catalog with their payloads', () => {
  defineView({
    catalog,
    path,
    clientMethods: ['Connected'],
    async onConnected(caller) {
      caller.reply('Connected', caller.user.userId);
      // @ts-expect-error the view does not list this client method
      caller.reply('Disconnected');
      await caller.publish('order:shipped', 'order-7', { parcels: 2 });
      // @ts-expect-error parcels is a number
      await caller.publish('order:shipped', 'order-7', { parcels: 'two' });
    },
  });
  expectTypeOf<View['appendsPosition']>().toEqualTypeOf<boolean | undefined>();
});
