// The FastAPI application of examples/fastapi beside a gateway that asks it: plain SignalR clients sign in there and hear its events.
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { freePort } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { jwtSecret, normalMode, signToken } from '../../fixtures/http/tokens.js';
import { CliProcess, repositoryPath } from '../../fixtures/processes/cli-process.js';
import { readSnippet } from '../../fixtures/readme.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const folder = `${repositoryPath}examples/fastapi`;
const accessKey = 'the-key-of-the-gateway';

/** Starts the application and waits until it serves. */
async function startApp(port: number, redisUrl: string): Promise<CliProcess> {
  const app = new CliProcess({
    // Debian's Python, because FastAPI is a Debian package there.
    file: '/usr/bin/python3',
    args: ['-m', 'uvicorn', 'app:app', '--port', String(port), '--app-dir', folder],
    environment: {
      REDIS_URL: redisUrl,
      MILLRACE_JWT_SECRET: jwtSecret,
      ACCESS_KEY: accessKey,
      PYTHONDONTWRITEBYTECODE: '1',
    },
  });
  await app.line(/Uvicorn running/);
  return app;
}

test('the FastAPI guide shows the functions of the application unchanged', async () => {
  const app = await readFile(`${folder}/app.py`, 'utf8');
  for (const [snippet, name] of [
    ['fastapi', 'async def publish'],
    ['fastapi-token', 'def token_for'],
  ] as const) {
    const code = await readSnippet(snippet, 'docs/fastapi.md');
    const [, found = 'nothing'] = new RegExp(`(${name}.*?)(?:\n\n|$)`, 's').exec(code) ?? [];
    expect(app).toContain(`\n\n${found}\n\n`);
  }
});

test('a token that the application cannot use, or a key that is not ASCII, is refused with a message, and never with 500', async () => {
  const port = await freePort();
  await using system = await startOnRedis({ environment: normalMode });
  system.use(await startApp(port, system.redis.url));
  const ask = async (path: string, authorization: string, body: object): Promise<string> => {
    const headers = { 'content-type': 'application/json', authorization };
    const request = { method: 'POST', headers, body: JSON.stringify(body) };
    const response = await fetch(`http://127.0.0.1:${port}${path}`, request);
    return `${response.status} ${await response.text()}`;
  };
  const typing = `/tickets/${randomUUID()}/typing`;
  for (const [claims, claim] of [
    [{ name: 'Ana' }, 'sub'],
    [{ sub: '', name: 'Ana' }, 'sub'],
    [{ sub: randomUUID() }, 'name'],
  ] as const)
    expect(await ask(typing, `Bearer ${await signToken(claims)}`, { is_typing: true })).toBe(
      `401 {"detail":"the token has no text in its claim ${claim}: sign in at /login"}`,
    );
  expect(await ask(typing, 'none', { is_typing: true })).toBe('401 {"detail":"sign in again"}');
  const question = { user_id: 'ana', name: 'Ana', room_id: 'room' };
  expect(await ask('/millrace/access', 'Bearer \u00fc', question)).toMatch(/^401 /);
});

test('clients sign in at a FastAPI application, enter the rooms that it allows, and receive its events, even after its restart', async () => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  await using system = await startOnRedis({
    environment: {
      ...normalMode,
      MILLRACE_ACCESS_URL: `${url}/millrace/access`,
      MILLRACE_ACCESS_KEY: accessKey,
    },
  });
  const first = system.use(await startApp(port, system.redis.url));
  const call = async (method: string, path: string, body: object = {}, token = ''): Promise<unknown> => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
    const response = await fetch(`${url}${path}`, { method, headers, body: JSON.stringify(body) });
    const text = await response.text();
    return response.ok ? (text === '' ? undefined : JSON.parse(text)) : response.status;
  };
  const signIn = async (name: string) => {
    const { user_id, token } = (await call('POST', '/login', { name })) as { user_id: string; token: string };
    return { id: user_id, token, log: system.use(await EventLog.connect(system.url, { token })) };
  };
  const [ana, bob, eve] = [await signIn('Ana'), await signIn('Bob'), await signIn('Eve')];
  const ticket = randomUUID();
  const room = `ticket-${ticket}`;
  const path = `/tickets/${ticket}`;
  await call('PUT', `${path}/participants/${bob.id}`, {}, ana.token);

  // Only participants may enter, and act.
  for (const { log } of [ana, bob]) await log.join(room);
  await expect(eve.log.join(room)).rejects.toThrow(/You may not enter this room\.$/);
  expect(await call('POST', `${path}/messages`, { content: 'let me in' }, eve.token)).toBe(403);
  expect(await call('PUT', `${path}/participants/${eve.id}`, {}, eve.token)).toBe(403);
  expect(await call('POST', `${path}/messages`, { content: 'no token' }, 'none')).toBe(401);
  const question = { user_id: ana.id, name: 'Ana', room_id: room };
  expect(await call('POST', '/millrace/access', question, 'another key')).toBe(401);

  // Only one of several users who name a ticket at the same time begins it.
  for (const contested of Array.from({ length: 10 }, () => randomUUID())) {
    const begin = ({ id, token }: typeof ana) =>
      call('PUT', `/tickets/${contested}/participants/${id}`, {}, token);
    const statuses = await Promise.all([ana, bob, eve].map(begin));
    expect(statuses.filter((status) => status === 403)).toHaveLength(2);
  }

  // Each kind of event.
  await call('POST', `${path}/typing`, { is_typing: true }, ana.token);
  await bob.log.received(1);
  const message = await call('POST', `${path}/messages`, { content: 'No sound' }, ana.token);
  await call('PUT', `${path}/status`, { status: 'solved' }, bob.token);
  await call('POST', `/users/${bob.id}/notifications`, { title: 'Ana has written' }, ana.token);
  const events = await bob.log.received(4);
  const payloadOf = (type: string) => events.find(({ event_type }) => event_type === type)?.payload;
  expect(payloadOf('typing_start')).toEqual({ user_id: ana.id, username: 'Ana', is_typing: true });
  expect(message).toMatchObject({ sequence_number: 1, sender_id: ana.id });
  expect(payloadOf('chat_message')).toEqual(message);
  expect(payloadOf('status_change')).toMatchObject({
    old_status: 'open',
    new_status: 'solved',
    changed_by: 'Bob',
  });
  expect(payloadOf('notification')).toEqual({ type: 'info', title: 'Ana has written' });
  expect(ana.log.events.map(({ event_type }) => event_type).toSorted()).toEqual([
    'chat_message',
    'status_change',
  ]);

  // A restart: members stay, nobody new is refused, and the application continues where it was.
  await first.stop('SIGKILL');
  const other = `ticket-${randomUUID()}`;
  await expect(eve.log.join(other)).rejects.toThrow(/cannot be determined now\. Try again later\.$/);
  system.use(await startApp(port, system.redis.url));
  expect(await call('POST', `${path}/messages`, { content: 'Again' }, bob.token)).toMatchObject({
    sequence_number: 2,
  });
  await ana.log.event(({ payload }) => payload['content'] === 'Again');
  await call('PUT', `${path}/participants/${eve.id}`, {}, ana.token);
  await eventually(async () => expect(await eve.log.join(room)).toMatchObject({ roomId: room }));
  expect(await readAllowed(system.url, room, eve.token)).toBe(200);
});

async function readAllowed(url: string, room: string, token: string): Promise<number> {
  const response = await fetch(`${url}/v1/rooms/${room}/events`, {
    headers: { authorization: `Bearer ${token}` },
  });
  return response.status;
}
