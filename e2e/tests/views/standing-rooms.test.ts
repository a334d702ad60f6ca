// The clients of a view are in their own room and in that of everybody from the start, in the groups that the view names.
import { randomUUID } from 'node:crypto';
import { defineCatalog, defineStream, eventCatalog } from '@millrace/contract';
import { defineApp, defineGroupCalls, defineView } from '@millrace/gateway';
import { expect, test } from 'vitest';
import { ViewClient } from '../../fixtures/clients/view-client.js';
import { notification } from '../../fixtures/events/sample-events.js';
import { EmbeddedGateway } from '../../fixtures/systems/embedded-gateway.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';

const catalog = defineCatalog({
  streams: [...eventCatalog.streams, defineStream({ name: 'events:calls', maxLength: 1_000 })],
  eventTypes: [...eventCatalog.eventTypes, defineGroupCalls({ name: 'group_call', stream: 'events:calls' })],
});

const inbox = defineView({
  catalog,
  path: '/hubs/inbox',
  groups: ['room', 'own'],
  standing: ['own'],
  sends: {
    notification: ({ payload }) => {
      const { title, except } = payload as { readonly title?: string; readonly except?: string };
      return ['room', 'own'].map((group) => ({
        group: group as 'room' | 'own',
        method: `Noted${group}`,
        arguments: [title],
        ...(except === undefined ? {} : { exceptConnection: except }),
      }));
    },
  },
  appendsPosition: true,
  groupCalls: 'group_call',
  clientMethods: ['Called'],
  methods: {
    Join: { join: 'room' },
    JoinOwn: { join: 'own' },
    Leave: (caller, room) => caller.leave('own', room),
    IsIn: (caller, group, room) => caller.isIn(group as 'own' | 'room', String(room)),
    Publish: (caller, room) => caller.publish('notification', room, { type: 'info', title: 'from a client' }),
    Call: (caller, room) => caller.sendToOthers({ group: 'own', room }, 'Called'),
  },
});
const everyGroup = defineView({
  catalog,
  path: '/hubs/every-group',
  sends: { notification: { method: 'Noted' } },
});

const system = sharedSystem(() =>
  EmbeddedGateway.start({
    app: defineApp({ catalog, views: [inbox, everyGroup] }),
    maxRoomsPerConnection: 1,
  }),
);

function connect(query: string, { path = 'inbox', isBinary = false } = {}): Promise<ViewClient> {
  const methods = ['Noted', 'Notedroom', 'Notedown', 'Called'];
  return ViewClient.connect(`${system().url}/hubs/${path}`, { methods, query, isBinary });
}

test('broadcasts and the events of a user reach the clients of a view by its rules, on all devices, without a join', async () => {
  const [ana, ben] = [randomUUID(), randomUUID()];
  await using desktop = await connect(`?user=${ana}`);
  await using phone = await connect(`?user=${ana}`, { isBinary: true });
  await using other = await connect(`?user=${ben}`);
  await using plain = await connect(`?user=${ben}`, { path: 'every-group' });
  // Neither room takes a place in the limits, although a client joins it in another group: the limit is one room.
  for (const room of ['*', 'user:me', 'a room of its own']) await other.connection.invoke('Join', room);
  await other.connection.invoke('Leave', '*');
  await system().publisher.publishEvents([
    notification(`user:${ana}`, 'for Ana'),
    notification('*', 'for all'),
    notification(`user:${ben}`, 'for Ben'),
  ]);
  const position = expect.any(String);
  await Promise.all([desktop, phone].map((client) => client.callsUntil('Notedown', 2)));
  for (const client of [desktop, phone])
    expect(client.calls).toEqual([
      ['Notedown', 'for Ana', position],
      ['Notedown', 'for all', position],
    ]);
  await other.callsUntil('Notedown', 1);
  // It has left one group in the room of everybody, and joined the other one.
  expect(other.calls).toEqual([
    ['Notedroom', 'for all', position],
    ['Notedroom', 'for Ben', position],
    ['Notedown', 'for Ben', position],
  ]);
  expect(await plain.callsUntil('Noted', 2)).toEqual(
    ['for all', 'for Ben'].map((title) => [{ type: 'info', title }]),
  );
  const isIn = (group: string, room: string) => other.connection.invoke('IsIn', group, room);
  expect(await Promise.all([isIn('own', 'user:me'), isIn('own', '*'), isIn('room', '*')])).toEqual([
    true,
    false,
    true,
  ]);
});

test('a client with `resume=1` starts in no room, and resumes its own room and that of everybody with its position', async () => {
  const user = randomUUID();
  const join = (client: ViewClient, room: string, after?: string) =>
    client.connection.invoke<{ readonly position: string }>('JoinOwn', room, after);
  await using first = await connect(`?resume=1&user=${user}`);
  const { position } = await join(first, '*');
  await system().publisher.publishEvents([notification(`user:${user}`, 'one'), notification('*', 'two')]);
  await first.callsUntil('Notedown', 1);
  expect(first.callsOf('Notedown').map(([title]) => title)).toEqual(['two']);
  await using back = await connect(`?resume=1&user=${user}`);
  expect(await join(back, 'user:me', position)).toMatchObject({ recovered: true, replayed: 1 });
  expect(await join(back, '*', position)).toMatchObject({ recovered: true, replayed: 1 });
  expect(back.callsOf('Notedown').map(([title]) => title)).toEqual(['one', 'two']);
});

test('a client cannot send to everybody with the methods of a view', async () => {
  await using client = await connect('?user=ana');
  for (const method of ['Publish', 'Call'])
    await expect(client.connection.invoke(method, '*')).rejects.toThrow(
      'Clients may not send to everybody ("*")',
    );
});

test('a client that catches up is not sent the messages that exclude its connection', async () => {
  await using client = await connect('?resume=1&user=ana');
  await using witness = await connect('?resume=1&user=ben');
  const room = randomUUID();
  const { position } = await client.connection.invoke<{ readonly position: string }>('Join', room);
  await witness.connection.invoke('Join', room);
  const own = notification(room, 'own');
  const except = { ...own, payload: { ...own.payload, except: client.connection.connectionId } };
  await system().publisher.publishEvents([except, notification(room, 'of another')]);
  await witness.callsUntil('Notedroom', 2);
  await client.callsUntil('Notedroom', 1);
  expect(await client.connection.invoke('Join', room, position)).toMatchObject({
    recovered: true,
    replayed: 1,
  });
  expect(client.callsOf('Notedroom').map(([title]) => title)).toEqual(['of another', 'of another']);
});
