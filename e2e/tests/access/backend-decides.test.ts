// The backend decides by HTTP which rooms a user may enter. It says yes or no, is slow, wrong or away, dies and comes back.
import { randomUUID } from 'node:crypto';
import { createClient } from '@millrace/client';
import { defineApp, type GatewayOptions } from '@millrace/gateway';
import { describe, expect, test } from 'vitest';
import { chatIn, chatModule, connectChat } from '../../fixtures/clients/chat-view.js';
import { MemberClient } from '../../fixtures/clients/member-client.js';
import { notification } from '../../fixtures/events/sample-events.js';
import { AccessBackend, type BackendMood } from '../../fixtures/http/access-backend.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { addMember, memberOptions, removeMember } from '../../fixtures/http/members.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { readReadiness } from '../../fixtures/http/readiness.js';
import { read } from '../../fixtures/http/room-reads.js';
import { apiKey, normalMode, signToken } from '../../fixtures/http/tokens.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { loadedModule } from '../../fixtures/processes/loaded-module.js';
import { EmbeddedGateway } from '../../fixtures/systems/embedded-gateway.js';
import { Resources } from '../../fixtures/systems/resources.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const undetermined =
  /HubException: Whether you may enter this room cannot be determined now\. Try again later\.$/;

async function startGateway(backend: AccessBackend, options: Partial<GatewayOptions> = {}) {
  return EmbeddedGateway.start({
    ...memberOptions,
    accessUrl: backend.url,
    accessKey: 'the-key-of-the-gateway',
    // Long, so that a busy machine does not make an answer late. Tests of a backend that hangs shorten it.
    accessTimeoutMs: 60_000,
    ...options,
  });
}

async function readPage(url: string, sub: string, path = 'events') {
  const token = await signToken({ sub, name: sub });
  return read(`${url}/v1/rooms/lobby/${path}`, { authorization: `Bearer ${token}` });
}

async function publish(url: string, title: string): Promise<string> {
  const event = notification('lobby', title);
  await acceptEvents(url, event, { key: apiKey });
  return event.event_id;
}

describe('an answer', () => {
  test('a yes opens the room to joins and to all ways of reading over HTTP, and is asked for once', async () => {
    await using backend = await AccessBackend.start();
    await using gateway = await startGateway(backend);
    await using client = await MemberClient.connect(gateway.url, { sub: 'ana', rooms: [] });
    await client.log.join('lobby');
    for (const path of ['events', 'position', 'members'])
      expect((await readPage(gateway.url, 'ana', path)).status).toBe(200);
    const id = await publish(gateway.url, 'hello');
    await client.log.event(({ event_id }) => event_id === id);
    // The token of the reader has another list of rooms than that of the client, but the same name.
    expect(backend.questions).toEqual([{ user_id: 'ana', name: 'ana', room_id: 'lobby' }]);
    expect(backend.keys).toEqual(new Set(['Bearer the-key-of-the-gateway']));
  });

  test('a no closes the room to joins and reads, whatever the claim says, and the own room stays open', async () => {
    await using backend = await AccessBackend.start();
    backend.mood = 'no';
    await using gateway = await startGateway(backend);
    await using client = await MemberClient.connect(gateway.url, { sub: 'ana', rooms: ['*'] });
    await expect(client.log.join('lobby')).rejects.toThrow(/HubException: You may not enter this room\.$/);
    await expect(client.log.join('user:bob')).rejects.toThrow(/HubException: You may not enter this room\.$/);
    expect((await readPage(gateway.url, 'ana')).body).toMatchObject({
      status: 403,
      code: 'room_forbidden',
      title: 'The user may not enter this room',
      detail: 'You may not enter this room.',
    });
    expect(await client.log.join('user:me')).toMatchObject({ roomId: 'user:ana' });
    expect(new Set(backend.questions.map(({ room_id }) => room_id))).toEqual(new Set(['lobby']));
  });

  test('a slow answer is waited for, and 500 joins and reads of one user and room at the same time are one question', async () => {
    await using backend = await AccessBackend.start();
    backend.mood = 'held';
    await using gateway = await startGateway(backend);
    await using resources = new Resources();
    const clients: MemberClient[] = [];
    for (let index = 0; index < 10; index += 1)
      clients.push(resources.use(await MemberClient.connect(gateway.url, { sub: 'ana', rooms: [] })));
    const joins = clients.flatMap(({ log }) => Array.from({ length: 40 }, () => log.join('lobby')));
    const pages = Array.from({ length: 100 }, () => readPage(gateway.url, 'ana'));
    await backend.asked(1);
    backend.release();
    expect(await Promise.all(joins)).toHaveLength(400);
    expect(new Set((await Promise.all(pages)).map(({ status }) => status))).toEqual(new Set([200]));
    expect(backend.questions).toHaveLength(1);
  });

  test('the backend is asked about the joins of one client concurrently, up to the limit per user, and the joins complete in order', async () => {
    await using backend = await AccessBackend.start();
    backend.mood = 'held';
    const ana = randomUUID();
    await using gateway = await startGateway(backend, { app: await loadedModule(chatModule) });
    await using client = await MemberClient.connect(gateway.url, { sub: ana });
    await using chat = await connectChat(gateway.url, {
      token: await signToken({ sub: 'bob', name: 'bob' }),
    });
    const rooms = Array.from({ length: 30 }, (_, index) => `room-${index}`);
    const done: string[] = [];
    const note = (call: Promise<unknown>, name: string) => call.then(() => done.push(name));
    const { connection } = client.log;
    const calls = rooms.map((room) => note(connection.invoke('JoinRoom', room), room));
    // This call is read after the joins, so its room is joined when it runs.
    calls.push(note(connection.invoke('SendTyping', 'room-29', true), 'typing'));
    await backend.asked(10);
    const joins = rooms.map((room) => chat.connection.invoke('JoinRoom', room));
    await backend.asked(20);
    const asked = (user: string) => backend.questions.filter(({ user_id }) => user_id === user).length;
    expect([asked(ana), asked('bob')]).toEqual([10, 10]);
    backend.release();
    await Promise.all([...calls, ...joins]);
    expect(done).toEqual([...rooms, 'typing']);
    expect(chat.callsOf('RoomJoined')).toEqual(rooms.map((room) => [room]));
    expect(backend.questions).toHaveLength(60);
  });
});

describe('a backend that does not answer', () => {
  test.each<BackendMood>(['500', 'redirect', 'a page', 'half an answer', 'silence'])(
    'a user is told to try again while the backend answers with “%s”, and gets in afterwards',
    async (mood) => {
      await using backend = await AccessBackend.start();
      backend.mood = mood;
      await using gateway = await startGateway(backend, mood === 'silence' ? { accessTimeoutMs: 500 } : {});
      await using client = await MemberClient.connect(gateway.url, { sub: 'ana' });
      await expect(client.log.join('lobby')).rejects.toThrow(undetermined);
      const page = await readPage(gateway.url, 'ana');
      expect(page.body).toMatchObject({ status: 503, code: 'room_unavailable' });
      expect(page.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
      expect(
        await readMetric(gateway.url, 'access_questions_total', { outcome: 'failed' }),
      ).toBeGreaterThanOrEqual(1);
      backend.mood = 'yes';
      await eventually(async () => expect(await client.log.join('lobby')).toMatchObject({ roomId: 'lobby' }));
    },
  );

  test('a stop of the gateway aborts the question', async () => {
    await using backend = await AccessBackend.start();
    backend.mood = 'silence';
    await using gateway = await startGateway(backend);
    const page = readPage(gateway.url, 'ana').catch(() => undefined);
    await backend.asked(1);
    await gateway.gateway.stop();
    await backend.abandoned(1);
    await page;
  });
});

test('users stay in their rooms when the backend dies, others are told to try again, and all of them continue after its restart', async () => {
  await using backend = await AccessBackend.start();
  await using gateway = await GatewayProcess.start({
    ...normalMode,
    MILLRACE_ACCESS_URL: backend.url,
    // Every call asks, so that an old yes is used while the backend is unavailable.
    MILLRACE_ACCESS_CACHE_MS: '0',
    MILLRACE_ACCESS_TIMEOUT_MS: '60000',
  });
  await using client = await MemberClient.connect(gateway.url, { sub: randomUUID() });
  await client.log.join('lobby');
  await backend.stop();
  const [before] = [await publish(gateway.url, 'while it is away')];
  await client.log.event(({ event_id }) => event_id === before);
  await client.log.connection.invoke('SendTyping', 'lobby', true);
  await client.log.join('lobby');
  await gateway.line(/"rule":"MILLRACE_ACCESS_URL".*ECONNREFUSED.*a question about access has no answer/);
  await gateway.line(/the access rule is unavailable/);
  expect(await readReadiness(gateway.url)).toMatchObject({
    status: 200,
    body: { details: [expect.stringContaining('MILLRACE_ACCESS_URL')] },
  });
  await using other = await MemberClient.connect(gateway.url, { sub: 'bob' });
  await expect(other.log.join('lobby')).rejects.toThrow(undetermined);

  const retrying = createClient({
    url: gateway.url,
    accessToken: () => signToken({ sub: 'eve', name: 'Eve' }),
    retryBaseMs: 20,
    retryMaxMs: 100,
  });
  // The client reports each attempt that failed, and joins again by itself.
  retrying.onError(() => {});
  try {
    await retrying.connect();
    const room = retrying.join('lobby');
    await backend.restart();
    await room.joined;
    await gateway.line(/the access rule answers again/);
  } finally {
    await retrying.close();
  }
  expect(client.removals).toEqual([]);
  expect(await readMetric(gateway.url, 'access_unasked_total', { outcome: 'stale' })).toBeGreaterThan(0);
  expect(await readMetric(gateway.url, 'access_away')).toBe(0);
});

describe('a right that ends', () => {
  test('a no on the next call makes all devices of the user leave the room, and those of others stay', async () => {
    await using backend = await AccessBackend.start();
    await using gateway = await startGateway(backend, { accessCacheMs: 0 });
    const sub = randomUUID();
    await using first = await MemberClient.connect(gateway.url, { sub });
    await using second = await MemberClient.connect(gateway.url, { sub });
    await using other = await MemberClient.connect(gateway.url, { sub: 'bob' });
    for (const client of [first, second, other]) await client.log.join('lobby');
    backend.mood = 'no';
    await expect(first.log.connection.invoke('SendTyping', 'lobby', true)).rejects.toThrow(
      /HubException: You may not enter this room\.$/,
    );
    for (const client of [first, second])
      expect(await client.removedFrom('lobby')).toEqual({ room_id: 'lobby', reason: 'access' });
    const id = await publish(gateway.url, 'behind it');
    await other.log.event(({ event_id }) => event_id === id);
    expect([...first.log.events, ...second.log.events]).toEqual([]);
    await expect(first.log.connection.invoke('MarkRead', 'lobby', [randomUUID()])).rejects.toThrow(
      /Join the room first/,
    );
  });

  test('a removal ends a kept yes at once: the backend is asked again when the user was added again', async () => {
    await using backend = await AccessBackend.start();
    await using gateway = await startGateway(backend, { accessCacheMs: 86_400_000 });
    await using client = await MemberClient.connect(gateway.url, { sub: 'ana' });
    await client.log.join('lobby');
    backend.mood = 'no';
    expect(await removeMember(gateway.url, 'lobby', 'ana')).toMatchObject({ status: 200 });
    expect(await client.removedFrom('lobby')).toMatchObject({ reason: 'removed' });
    expect(await addMember(gateway.url, 'lobby', 'ana')).toMatchObject({ status: 200 });
    await eventually(async () =>
      expect(client.log.join('lobby')).rejects.toThrow(/HubException: You may not enter this room\.$/),
    );
    expect(backend.questions.length).toBeGreaterThanOrEqual(2);
  });
});

test('a view of an application asks the same rule: a no refuses its joins, and its clients leave the room', async () => {
  await using backend = await AccessBackend.start();
  const app = await loadedModule(chatModule);
  await using gateway = await startGateway(backend, { app, accessCacheMs: 0 });
  const token = await signToken({ sub: 'ana', name: 'ana' });
  await using client = await chatIn(gateway.url, 'lobby', { token });
  backend.mood = 'no';
  await expect(client.connection.invoke('JoinRoom', 'other')).rejects.toThrow(
    /HubException: You may not enter this room\.$/,
  );
  expect((await readPage(gateway.url, 'ana')).status).toBe(403);
  expect(await client.callsUntil('RoomClosed', 1)).toEqual([[{ room: 'lobby', reason: 'access' }]]);
  expect(await client.connection.invoke('IsInRoom', 'lobby')).toBe(false);
});

describe('functions of an application', () => {
  test('the functions name the user and open the rooms, and one that throws refuses nobody', async () => {
    let isBroken = false;
    const app = defineApp({
      access: {
        userOf: ({ sub, name, role }) => ({ id: `desk-${String(sub)}`, name: String(name), role }),
        mayEnter: ({ role }, room) => {
          if (isBroken) throw new Error('no database');
          return role === 'agent' && room === 'lobby';
        },
      },
    });
    await using gateway = await EmbeddedGateway.start({ ...memberOptions, app });
    const claims = { sub: 'ana', name: 'Ana', role: 'agent' };
    await using agent = await MemberClient.connect(gateway.url, {
      sub: 'ana',
      token: await signToken(claims),
    });
    await agent.log.join('lobby');
    expect(await agent.log.join('user:me')).toMatchObject({ roomId: 'user:desk-ana' });
    await expect(agent.log.join('other')).rejects.toThrow(/You may not enter this room\.$/);
    await using guest = await MemberClient.connect(gateway.url, { sub: 'bob', rooms: ['*'] });
    await expect(guest.log.join('lobby')).rejects.toThrow(/You may not enter this room\.$/);
    isBroken = true;
    await expect(guest.log.join('lobby')).rejects.toThrow(undetermined);
    expect(agent.removals).toEqual([]);
    expect(await readMetric(gateway.url, 'access_questions_total', { outcome: 'failed' })).toBe(1);
  });

  test('a new token with fewer rights makes the connection leave the rooms that the function refuses', async () => {
    const app = defineApp({
      access: {
        userOf: ({ sub, role }) => ({ id: String(sub), role }),
        mayEnter: async ({ role }, room) => role === 'agent' || room === 'lobby',
      },
    });
    await using gateway = await EmbeddedGateway.start({ ...memberOptions, app });
    const token = (role: string) => signToken({ sub: 'ana', role } as Parameters<typeof signToken>[0]);
    await using client = await MemberClient.connect(gateway.url, { sub: 'ana', token: await token('agent') });
    for (const room of ['lobby', 'backstage']) await client.log.join(room);
    await client.log.connection.invoke('RefreshToken', await token('guest'));
    expect(await client.removedFrom('backstage')).toEqual({ room_id: 'backstage', reason: 'access' });
    const id = await publish(gateway.url, 'still here');
    await client.log.event(({ event_id }) => event_id === id);
    expect(client.removals).toHaveLength(1);
  });

  test('a new token opens no room before the answer and keeps the joined rooms, until a late refusal makes the user leave them', async () => {
    const questions = new Map<string, (isAllowed: boolean | Error) => void>();
    const app = defineApp({
      access: {
        userOf: ({ sub, role }) => ({ id: String(sub), role }),
        mayEnter: async ({ role }, room) => {
          if (role === 'agent') return true;
          const answer = await new Promise<boolean | Error>((resolve) => questions.set(room, resolve));
          if (typeof answer === 'boolean') return answer;
          throw answer;
        },
      },
    });
    await using gateway = await EmbeddedGateway.start({ ...memberOptions, app, accessTimeoutMs: 60_000 });
    const token = (role: string) => signToken({ sub: 'ana', role } as Parameters<typeof signToken>[0]);
    await using client = await MemberClient.connect(gateway.url, { sub: 'ana', token: await token('agent') });
    const { connection } = client.log;
    await client.log.join('lobby');
    await connection.invoke('RefreshToken', await token('guest'));
    const id = await publish(gateway.url, 'while nobody answers');
    await client.log.event(({ event_id }) => event_id === id);
    const [other, typing] = [client.log.join('other'), connection.invoke('SendTyping', 'lobby', true)].map(
      (call) => call.then(String, String),
    );
    await eventually(() => expect([...questions.keys()]).toEqual(['lobby', 'other']));
    // The first question fails. The application is then asked about the room again without a call of the client.
    questions.get('lobby')?.(new Error('no database'));
    questions.get('other')?.(false);
    expect(await other).toMatch(/You may not enter this room\.$/);
    expect(await typing).toMatch(undetermined);
    expect(client.removals).toEqual([]);
    questions.delete('lobby');
    await eventually(() => expect(questions.has('lobby')).toBe(true));
    questions.get('lobby')?.(false);
    expect(await client.removedFrom('lobby')).toEqual({ room_id: 'lobby', reason: 'access' });
  });
});
