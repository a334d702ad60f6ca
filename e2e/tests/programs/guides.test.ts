// The guides for Express and FastAPI work unchanged, and so does long polling with curl.
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { MemberClient } from '../../fixtures/clients/member-client.js';
import { jwtSecret, normalMode } from '../../fixtures/http/tokens.js';
import { CliProcess, repositoryPath } from '../../fixtures/processes/cli-process.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { readSnippet } from '../../fixtures/readme.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';

const ana = '3f2504e0-4f89-41d3-9a0c-0305e82c3301';
const system = sharedSystem(() => startOnRedis());

test.each([
  ['express', 'docs/express.md'],
  ['fastapi', 'docs/fastapi.md'],
])('the guide shows the snippet “%s” of the README unchanged', async (name, page) => {
  expect(await readSnippet(name, page)).toBe(await readSnippet(name));
});

test.each([
  ['examples/express/app.mjs', 'docs/express.md'],
  ['examples/getting-started/main.js', 'docs/getting-started.md'],
  ['examples/getting-started/index.html', 'docs/getting-started.md'],
  ['examples/dotnet/Receiver.cs', 'docs/dotnet.md'],
  ['examples/dotnet/Publisher.cs', 'docs/dotnet.md'],
])('the file %s is in the page %s unchanged', async (file, page) => {
  const text = await readFile(`${repositoryPath}${page}`, 'utf8');
  expect(text).toContain(await readFile(`${repositoryPath}${file}`, 'utf8'));
});

test('the Express backend signs a token that opens its rooms, and publishes a message after it is stored', async () => {
  await using gateway = await GatewayProcess.start({ ...normalMode, MILLRACE_REDIS_URL: system().redis.url });
  await using app = new CliProcess({
    file: process.execPath,
    args: [`${repositoryPath}examples/express/app.mjs`],
    environment: { REDIS_URL: system().redis.url, MILLRACE_JWT_SECRET: jwtSecret, PORT: '0' },
  });
  const [, port = ''] = await app.line(/^ready at (\d+)$/);
  const headers = { 'x-user': ana, 'x-user-name': 'Ana', 'content-type': 'application/json' };
  const url = `http://127.0.0.1:${port}`;
  const token = await (await fetch(`${url}/token`, { headers })).text();
  await using client = await MemberClient.connect(gateway.url, { sub: ana, token });
  const requestId = crypto.randomUUID();
  await client.log.join(`ticket-${requestId}`);
  await expect(client.log.join('another')).rejects.toThrow(/You may not enter this room/);
  const body = JSON.stringify({ content: 'Hello' });
  const response = await fetch(`${url}/tickets/${requestId}/messages`, { method: 'POST', headers, body });
  expect(response.status).toBe(201);
  const stored = (await response.json()) as { readonly id: string };
  const event = await client.log.event(({ event_id }) => event_id === stored.id);
  expect(event).toMatchObject({
    event_type: 'chat_message',
    payload: { content: 'Hello', sender: { id: ana } },
  });
  expect(await app.stop('SIGTERM')).toBe(0);
});

test('the token of the FastAPI guide opens its rooms', async () => {
  const code = await readSnippet('fastapi-token', 'docs/fastapi.md');
  await using python = new CliProcess({
    file: '/usr/bin/python3',
    args: ['-c', `${code}\nprint(token_for("${ana}", "Ana", ["ticket-*"]))`],
    environment: { MILLRACE_JWT_SECRET: jwtSecret },
  });
  expect(await python.exit()).toBe(0);
  await using gateway = await GatewayProcess.start(normalMode);
  await using client = await MemberClient.connect(gateway.url, { sub: ana, token: python.output.trim() });
  expect(await client.log.join('ticket-42')).toMatchObject({ roomId: 'ticket-42' });
});

test('the long poll of the guide “From polling” answers with the event that is published meanwhile', async () => {
  const { url, publisher } = system();
  const code = await readSnippet('long-poll', 'docs/from-polling.md');
  await using curl = new CliProcess({
    file: 'bash',
    args: ['-xc', code.replaceAll('http://localhost:4400', url)],
    hasChildren: true,
  });
  await curl.line(/^\+ curl -sS .*wait=30'?$/); // the position is known
  await publisher.publish('notification', 'ticket-42', { type: 'info', title: 'seen by the poll' });
  expect(await curl.exit()).toBe(0);
  expect(curl.output).toContain('seen by the poll');
});
