// The examples of docs/access.md work unchanged: the FastAPI backend, and the application module.
import { readFile } from 'node:fs/promises';
import { freePort } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { MemberClient } from '../../fixtures/clients/member-client.js';
import { normalMode, signToken, type TokenClaims } from '../../fixtures/http/tokens.js';
import { CliProcess, repositoryPath } from '../../fixtures/processes/cli-process.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { readSnippet } from '../../fixtures/readme.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const guide = 'docs/access.md';
const ana = '3f2504e0-4f89-41d3-9a0c-0305e82c3301';
const accessKey = 'the-key-of-the-gateway';

test.each([
  ['access-app', 'app.mjs'],
  ['access-fastapi', 'backend.py'],
])('the guide’s snippet %s is the same as examples/access/%s', async (snippet, file) => {
  const code = await readSnippet(snippet, guide);
  expect(`${code}\n`).toBe(await readFile(`${repositoryPath}examples/access/${file}`, 'utf8'));
});

test('the guide’s FastAPI backend opens its rooms to their participants only', async () => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  // Uses Debian's Python, because FastAPI is a Debian package there.
  await using _backend = new CliProcess({
    file: '/usr/bin/python3',
    args: [
      '-m',
      'uvicorn',
      'backend:app',
      '--port',
      String(port),
      '--app-dir',
      `${repositoryPath}examples/access`,
    ],
    environment: { ACCESS_KEY: accessKey, PYTHONDONTWRITEBYTECODE: '1' },
  });
  await eventually(async () => expect((await fetch(`${url}/docs`)).status).toBe(200));
  const asked = await fetch(`${url}/millrace/access`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer \u00fc' },
    body: JSON.stringify({ user_id: ana, name: 'Ana', room_id: 'ticket-42' }),
  });
  expect(asked.status).toBe(401);
  await using gateway = await GatewayProcess.start({
    ...normalMode,
    MILLRACE_ACCESS_URL: `${url}/millrace/access`,
    MILLRACE_ACCESS_KEY: accessKey,
  });
  await using participant = await MemberClient.connect(gateway.url, { sub: ana, rooms: [] });
  expect(await participant.log.join('ticket-42')).toMatchObject({ roomId: 'ticket-42' });
  await expect(participant.log.join('ticket-43')).rejects.toThrow(/You may not enter this room/);
  await using stranger = await MemberClient.connect(gateway.url, { sub: 'bob', rooms: ['*'] });
  await expect(stranger.log.join('ticket-42')).rejects.toThrow(/You may not enter this room/);
});

test('the guide’s application module names the users and opens rooms, and the command check prints its rule', async () => {
  const example = `${repositoryPath}examples/access/app.mjs`;
  await using gateway = await GatewayProcess.start({ ...normalMode, MILLRACE_APP: example });
  const connect = async (claims: TokenClaims & { readonly username: string; readonly role?: string }) =>
    MemberClient.connect(gateway.url, {
      sub: '',
      token: await signToken(claims),
    });
  await using client = await connect({ sub: 'ana', username: 'Ana' });
  await client.log.join('ticket-42');
  await expect(client.log.join('ticket-43')).rejects.toThrow(/You may not enter this room/);
  await using agent = await connect({ sub: 'bob', username: 'Bob', role: 'agent' });
  await agent.log.join('ticket-43');
  await using check = CliProcess.millrace(['check', '--app', example]);
  expect(await check.exit()).toBe(0);
  expect(check.output).toContain('access: userOf(claims) names the user; mayEnter(user, room) opens rooms');
});

test('a gateway with an application that has no rule does not start, and says what to set', async () => {
  await using program = CliProcess.millrace(
    ['serve', '--app', `${repositoryPath}e2e/fixtures/processes/app-without-rule.mjs`],
    {
      ...normalMode,
      MILLRACE_PORT: '0',
    },
  );
  expect(await program.exit()).toBe(1);
  expect(program.output).toMatch(/no rule opens rooms\. Define access\.mayEnter.*MILLRACE_ACCESS_URL/);
});
