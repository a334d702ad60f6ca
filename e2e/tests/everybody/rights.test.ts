// Rights in the room of everybody (`*`): everybody reads it, only backends write to it, and nobody can be removed from it.
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { eventsUrl } from '../../fixtures/clients/stream-reader.js';
import { chatMessage, chatMessages, idsOf, notification } from '../../fixtures/events/sample-events.js';
import { eraseOverHttp } from '../../fixtures/http/erase.js';
import { acceptEvents, postEvents, refusal } from '../../fixtures/http/ingest.js';
import { addMember, memberKey, removeMember } from '../../fixtures/http/members.js';
import { read } from '../../fixtures/http/room-reads.js';
import { jwtSecret, signToken } from '../../fixtures/http/tokens.js';
import { EmbeddedGateway } from '../../fixtures/systems/embedded-gateway.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';

const key = 'a-key-that-publishes-and-erases';
const roomKey = 'a-key-for-the-rooms-of-tickets';

const system = sharedSystem(() =>
  EmbeddedGateway.start({
    jwtSecret,
    apiKeys: [
      { name: 'backend', key, scopes: ['publish', 'erase', 'read'] },
      { name: 'tickets', key: roomKey, rooms: ['ticket-*'] },
      { name: 'members', key: memberKey, scopes: ['members'] },
    ],
  }),
);

const connect = async (rooms: readonly string[], sub: string = randomUUID()): Promise<EventLog> =>
  EventLog.connect(system().url, { token: await signToken({ sub, rooms }) });

test('a user without any room receives broadcasts, and a claim `*` opens every room but those of users', async () => {
  await using nobody = await connect([]);
  await using all = await connect(['*']);
  const other = randomUUID();
  await expect(nobody.join('ticket-42')).rejects.toThrow('You may not enter this room');
  await expect(all.join(`user:${other}`)).rejects.toThrow('You may not enter this room');
  await expect(all.join('*:acme')).rejects.toThrow('You may not enter this room');
  await all.join('ticket-42');
  const events = [
    chatMessage('*', 'for everybody'),
    chatMessage(`user:${other}`, 'for one'),
    chatMessage('*', 'again'),
  ];
  await acceptEvents(system().url, events, { key });
  const ids = idsOf(events.filter(({ room_id }) => room_id === '*'));
  for (const log of [nobody, all]) {
    await log.received(2);
    expect(log.ids).toEqual(ids);
    expect(await log.join('*')).toMatchObject({ roomId: '*', typing: [] });
  }
});

test('a user receives the events of `user:<id>` on all devices, and nobody else does', async () => {
  const sub = randomUUID();
  await using phone = await connect([], sub);
  await using desktop = await connect(['ticket-*'], sub);
  await using other = await connect(['*']);
  const events = [notification(`user:${sub}`, 'yours'), notification('*', 'the end')];
  await acceptEvents(system().url, events, { key });
  for (const log of [phone, desktop]) expect(idsOf(await log.received(2))).toEqual(idsOf(events));
  expect(idsOf(await other.received(1))).toEqual(idsOf(events.slice(1)));
});

test('a client cannot send to everybody, in whatever way', async () => {
  await using log = await connect(['*']);
  await log.join('*');
  const call = (method: string, ...more: readonly unknown[]): Promise<unknown> =>
    log.connection.invoke(method, '*', ...more);
  const refused =
    'Clients may not send to everybody ("*"): only backends may, with an API key or a publisher.';
  await expect(call('SendTyping', true)).rejects.toThrow(refused);
  await expect(call('MarkRead', [randomUUID()])).rejects.toThrow(refused);
  for (const [method, ...more] of [['SetPresence', 'here'], ['GetMembers'], ['WatchMembers', true]] as const)
    await expect(call(method, ...more)).rejects.toThrow(
      'The room of everybody ("*") has no members and no states',
    );
  expect(await refusal(system().url, chatMessage('*', 'x'))).toMatchObject({ code: 'unauthorized' });
  expect(await refusal(system().url, chatMessage('*', 'x'), { key: roomKey })).toMatchObject({
    code: 'forbidden',
    errors: [{ path: '/room_id' }],
  });
  await call('LeaveRoom');
  await call('JoinRoom');
});

test('a reader over HTTP needs a token for broadcasts, but no room', async () => {
  const token = await signToken({ sub: randomUUID(), rooms: [] });
  const headers = { authorization: `Bearer ${token}` };
  const { url } = system();
  expect(await read(eventsUrl(url, '*'))).toMatchObject({ status: 401 });
  const { next } = (await read(eventsUrl(url, '*'), headers)).body;
  const event = chatMessage('*', 'for readers');
  await acceptEvents(url, event, { key });
  const { body } = await read(eventsUrl(url, '*', `?after=${next}&wait=20`), headers);
  expect(body).toMatchObject({ room_id: '*', recovered: true, events: [{ event_id: event.event_id }] });
  const members = await read(`${url}/v1/rooms/*/members`, { authorization: `Bearer ${key}` });
  expect(members).toMatchObject({ status: 400, body: { code: 'invalid_parameter' } });
  expect(await read(`${url}/v1/rooms/*/members`, headers)).toMatchObject({ status: 400 });
});

test('nobody can be removed from the room of everybody, or added to it', async () => {
  for (const act of [removeMember, addMember])
    expect(await act(system().url, '*', randomUUID())).toMatchObject({
      status: 400,
      body: {
        code: 'invalid_parameter',
        detail: expect.stringContaining('A user cannot be removed from the room of everybody ("*")'),
      },
    });
});

test('erased broadcasts are sent to nobody any more, and clients are told', async () => {
  const { url } = system();
  await using log = await connect([]);
  const { position } = await log.join('*');
  const erased: string[] = [];
  log.connection.on(
    'event_erased',
    ({ event_id }: { readonly event_id: string }) => void erased.push(event_id),
  );
  const events = chatMessages('*', 3);
  await acceptEvents(url, events, { key });
  await log.received(3);
  expect((await eraseOverHttp(url, '/v1/rooms/*/events', key)).erased).toBeGreaterThanOrEqual(3);
  const last = chatMessage('*', 'after the erasure');
  await acceptEvents(url, last, { key });
  await log.event(({ event_id }) => event_id === last.event_id);
  expect(erased).toEqual(expect.arrayContaining([...idsOf(events)]));
  await using back = await EventLog.connect(url, {
    query: '?resume=1',
    token: await signToken({ sub: randomUUID() }),
  });
  await back.join('*', position);
  expect(back.ids).toEqual([last.event_id]);
  expect((await postEvents(url, last, { key })).body).toMatchObject({ is_duplicate: true });
});
