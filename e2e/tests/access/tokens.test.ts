// Tokens in normal mode: which connections are accepted, and which are refused.
import { randomUUID } from 'node:crypto';
import { SignJWT, UnsecuredJWT } from 'jose';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { askForWebSocket } from '../../fixtures/http/http-request.js';
import { jwtSecret, normalMode, signToken } from '../../fixtures/http/tokens.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';

const nowSeconds = Math.floor(Date.now() / 1000);
const claims = { sub: randomUUID(), name: 'Ana', rooms: ['r'] };

const gateway = sharedSystem(() => GatewayProcess.start({ ...normalMode, MILLRACE_LOG_LEVEL: 'debug' }));

test.each<[string, () => Promise<string>]>([
  ['an expired token', () => signToken({ ...claims, exp: nowSeconds - 3_600 })],
  ['a token signed with another secret', () => signToken(claims, `${jwtSecret}!`)],
  ['a token without a signature', async () => new UnsecuredJWT(claims).setExpirationTime('1h').encode()],
  ['a token of another algorithm', () => signWith('HS512')],
  ['a token of tomorrow', () => signWith('HS256', nowSeconds + 86_400)],
  ['a token without a user', async () => signToken({ rooms: ['r'] })],
  ['a token with an empty user', async () => signToken({ sub: '', rooms: ['r'] })],
  ['garbage', async () => 'garbage'],
  ['a cut token', async () => (await signToken(claims)).slice(0, -2)],
  ['no token', async () => ''],
])(
  'a client with %s cannot connect: `start()` fails with 401, and the token is not in the log',
  async (_, makeToken) => {
    const token = await makeToken();
    await expect(EventLog.connect(gateway().url, token === '' ? {} : { token })).rejects.toThrow(/401/);
    if (token !== '' && token !== 'garbage') expect(gateway().output).not.toContain(token);
  },
);

test('the user in the query of the URL has no effect in normal mode', async () => {
  await expect(
    EventLog.connect(gateway().url, { query: `?user=${randomUUID()}&name=Mallory` }),
  ).rejects.toThrow(/401/);
});

test('negotiate accepts a token in the Authorization header and in the query', async () => {
  const token = await signToken(claims);
  const negotiate = `${gateway().url}/hubs/events/negotiate?negotiateVersion=1`;
  const byHeader = await fetch(negotiate, { method: 'POST', headers: { authorization: `Bearer ${token}` } });
  const byQuery = await fetch(`${negotiate}&access_token=${token}`, { method: 'POST' });
  expect([byHeader.status, byQuery.status]).toEqual([200, 200]);
  expect(gateway().output).not.toContain(token);
});

test('a connection that was negotiated with a token cannot be used without this token', async () => {
  const token = await signToken(claims);
  const negotiate = `${gateway().url}/hubs/events/negotiate?negotiateVersion=1`;
  const answer = await fetch(negotiate, { method: 'POST', headers: { authorization: `Bearer ${token}` } });
  const { connectionToken } = (await answer.json()) as { connectionToken: string };
  const url = `${gateway().url}/hubs/events?id=${connectionToken}`;
  expect((await askForWebSocket(url)).status).toBe(401);
  expect((await askForWebSocket(`${url}&access_token=${token}`)).status).toBe(101);
});

async function signWith(algorithm: string, notBeforeSeconds?: number): Promise<string> {
  const token = new SignJWT(claims).setProtectedHeader({ alg: algorithm }).setExpirationTime('2d');
  if (notBeforeSeconds !== undefined) token.setNotBefore(notBeforeSeconds);
  return token.sign(new TextEncoder().encode(jwtSecret));
}
