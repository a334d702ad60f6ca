// A reader over HTTP has the rights of a SignalR client with the same token, in all three forms of reading.
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { eventsUrl, StreamReader } from '../../fixtures/clients/stream-reader.js';
import { notification } from '../../fixtures/events/sample-events.js';
import { ask } from '../../fixtures/http/http-request.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { read } from '../../fixtures/http/room-reads.js';
import { apiKey, normalMode, signToken } from '../../fixtures/http/tokens.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';

const origin = 'https://app.example';
const gateway = sharedSystem(() =>
  GatewayProcess.start({ ...normalMode, MILLRACE_ALLOWED_ORIGINS: origin, MILLRACE_LOG_LEVEL: 'info' }),
);

const forms = {
  page: { query: '', accept: 'application/json' },
  stream: { query: '', accept: 'text/event-stream' },
  poll: { query: '?wait=1', accept: '*/*' },
} as const;

function bearer(token: string): Readonly<Record<string, string>> {
  return { authorization: `Bearer ${token}` };
}

describe.each(Object.entries(forms))('a %s', (_, { query, accept }) => {
  const address = (room: string): string => eventsUrl(gateway().url, room, query);

  test('a reader without a valid token is refused with 401', async () => {
    const claims = { sub: randomUUID(), rooms: ['lobby'] };
    const expired = await signToken({ ...claims, exp: Math.floor(Date.now() / 1_000) - 60 });
    const foreign = await signToken(claims, 'another-secret-of-more-than-32-bytes-in-all');
    for (const headers of [{}, bearer(expired), bearer(foreign), bearer('garbage')]) {
      const answer = await read(address('lobby'), { accept, ...headers });
      expect(answer.body).toMatchObject({ status: 401, code: 'token_refused' });
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    }
  });

  test('a room that the token does not allow is refused with 403, even if its name is similar', async () => {
    const headers = {
      accept,
      ...bearer(await signToken({ sub: randomUUID(), rooms: ['lobby', 'ticket-*', '*'] })),
    };
    expect((await read(address(`user:${randomUUID()}`), headers)).body).toMatchObject({
      status: 403,
      code: 'room_forbidden',
    });
    const narrow = {
      accept,
      ...bearer(await signToken({ sub: randomUUID(), rooms: ['lobby', 'ticket-*'] })),
    };
    for (const room of ['lobb', 'lobby2', 'Lobby', 'ticket'])
      expect((await read(address(room), narrow)).body).toMatchObject({ status: 403, code: 'room_forbidden' });
  });

  test('a page of a refused origin gets 403, and the log names the origin', async () => {
    const headers = { accept, origin: 'https://other.example' };
    const answer = await read(address('lobby'), headers);
    expect(answer.body).toMatchObject({ status: 403, code: 'origin_not_allowed' });
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
    await gateway().line(/"origin":"https:\/\/other\.example".*MILLRACE_ALLOWED_ORIGINS/);
  });
});

test('the query may contain the token of a stream, and `user:me` is the room of its user', async () => {
  const sub = randomUUID();
  const token = await signToken({ sub, rooms: [] });
  const query = `?access_token=${token}`;
  await using reader = await StreamReader.open(gateway().url, 'user:me', { query });
  expect(await reader.joined()).toMatchObject({ room_id: `user:${sub}`, recovered: false });
  const event = notification(`user:${sub}`, 'for you');
  await acceptEvents(gateway().url, event, { key: apiKey });
  expect(await reader.idsUpTo(event.event_id)).toEqual([event.event_id]);
  const page = await read(`${gateway().url}/v1/rooms/user:me/position${query}`);
  expect(page.body).toMatchObject({ room_id: `user:${sub}` });
});

test('a reader of one room receives no event from the personal room of its user', async () => {
  const sub = randomUUID();
  const headers = bearer(await signToken({ sub, rooms: ['lobby'] }));
  await using reader = await StreamReader.open(gateway().url, 'lobby', { headers });
  await reader.joined();
  const personal = notification(`user:${sub}`, 'personal');
  const event = notification('lobby', 'for the lobby');
  await acceptEvents(gateway().url, [personal, event], { key: apiKey });
  expect(await reader.idsUpTo(event.event_id)).toEqual([event.event_id]);
});

test('a page of an allowed origin may read a room as a page, a poll and a stream, also after a preflight', async () => {
  const headers = { origin, ...bearer(await signToken({ sub: randomUUID(), rooms: ['lobby'] })) };
  const page = await read(eventsUrl(gateway().url, 'lobby'), headers);
  expect([page.status, page.headers.get('access-control-allow-origin')]).toEqual([200, origin]);
  const asked = { 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' };
  const preflight = await ask(eventsUrl(gateway().url, 'lobby'), {
    method: 'OPTIONS',
    headers: { origin, ...asked },
  });
  expect(preflight).toMatchObject({
    status: 204,
    headers: { 'access-control-allow-origin': origin, 'access-control-allow-headers': 'authorization' },
  });
  const foreign = await ask(eventsUrl(gateway().url, 'lobby'), {
    method: 'OPTIONS',
    headers: { origin: 'https://other.example', ...asked },
  });
  expect(foreign.headers['access-control-allow-origin']).toBeUndefined();
  const stream = await fetch(eventsUrl(gateway().url, 'lobby'), {
    headers: { ...headers, accept: 'text/event-stream' },
  });
  expect(stream.headers.get('access-control-allow-origin')).toBe(origin);
  await stream.body?.cancel();
});

test('the log contains no token although a stream has its token in the URL', async () => {
  const token = await signToken({ sub: randomUUID(), rooms: ['lobby'] });
  await read(eventsUrl(gateway().url, 'other', `?access_token=${token}`));
  expect(gateway().output).not.toContain(token);
});
