// While the key server is unavailable, no client is refused permanently. The gateway still uses the keys that it knows.
// Without known keys, it tells clients to try again later.
import { randomUUID } from 'node:crypto';
import { createClient } from '@millrace/client';
import { describe, expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { askForWebSocket } from '../../fixtures/http/http-request.js';
import { KeyServer, type KeyServerMood } from '../../fixtures/http/key-server.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { readReadiness } from '../../fixtures/http/readiness.js';
import { apiKey } from '../../fixtures/http/tokens.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';

const claims = { sub: randomUUID(), name: 'Ana', rooms: ['r'] };

/** Starts a gateway that gets its keys from the key server. It has an API key, because normal mode requires one. */
function startGateway(keyServer: KeyServer, environment: Record<string, string> = {}) {
  return GatewayProcess.start({
    MILLRACE_DEV: '0',
    MILLRACE_JWKS_URL: keyServer.url,
    MILLRACE_API_KEYS: apiKey,
    ...environment,
  });
}

const moods: readonly KeyServerMood[] = [
  '503',
  '404',
  'redirect',
  'silence',
  'a page',
  'half an answer',
  'no keys',
];

describe('without a known key', () => {
  test.concurrent.each(moods)(
    'a client with a valid token gets 503 while no key is known and the key server answers “%s”',
    async (mood) => {
      await using keyServer = await KeyServer.start();
      keyServer.mood = mood;
      await using gateway = await startGateway(keyServer);
      const token = await keyServer.sign(claims);
      expect(await negotiate(gateway, token)).toEqual(notNow);
      expect(await upgrade(gateway, token)).toEqual(notNow);
      // The log contains the reason once, even if the key server was asked several times. It does not contain the token.
      expect(gateway.lines.filter((line) => line.includes('key server is unavailable'))).toHaveLength(1);
      expect(gateway.output).not.toContain(token);
      keyServer.mood = 'keys';
      await using _client = await EventLog.connect(gateway.url, { token });
      await gateway.line(/key server is available again/);
    },
  );

  test('a client with a valid token gets 503 while the key server refuses connections, and 401 with an invalid one', async () => {
    await using keyServer = await KeyServer.start();
    await keyServer.stop();
    await using gateway = await startGateway(keyServer);
    const token = await keyServer.sign(claims);
    expect(await negotiate(gateway, token)).toEqual(notNow);
    expect(await upgrade(gateway, token)).toEqual(notNow);
    expect((await negotiate(gateway, 'garbage')).status).toBe(401);
    expect((await negotiate(gateway, '')).status).toBe(401);
    await gateway.line(/ECONNREFUSED.*key server is unavailable/);
    expect(await readMetric(gateway.url, 'key_server_requests_total', { outcome: 'failed' })).toBeGreaterThan(
      0,
    );
    const refused = { at: 'hub', code: 'authentication_unavailable' };
    expect(await readMetric(gateway.url, 'http_refusals_total', refused)).toBe(2);
  });
});

test('known keys stay in use while the key server is unavailable, and /readyz reports the outage', async () => {
  await using keyServer = await KeyServer.start();
  await using gateway = await startGateway(keyServer);
  const token = await keyServer.sign(claims);
  await using _before = await EventLog.inRoom(gateway.url, 'r', { token });
  keyServer.mood = 'no keys';
  await keyServer.addKey('second');
  // The gateway cannot look up an unknown key. Therefore it tells the client to try again later instead of refusing it.
  expect(await negotiate(gateway, await keyServer.sign(claims, 'second'))).toEqual(notNow);
  await using during = await EventLog.connect(gateway.url, { token });
  expect(await during.join('r')).toMatchObject({ roomId: 'r' });
  expect(await readReadiness(gateway.url)).toMatchObject({
    status: 200,
    body: { status: 'ready', details: [expect.stringContaining('MILLRACE_JWKS_URL')] },
  });
  keyServer.mood = 'keys';
  await using _second = await EventLog.connect(gateway.url, {
    token: await keyServer.sign(claims, 'second'),
  });
  expect(await readReadiness(gateway.url)).toEqual({ status: 200, body: { status: 'ready' } });
});

test('keys that are older than MILLRACE_JWKS_MAX_STALE_MS are no longer used, whatever the transport', async () => {
  await using keyServer = await KeyServer.start();
  await using gateway = await startGateway(keyServer, { MILLRACE_JWKS_MAX_STALE_MS: '1' });
  const token = await keyServer.sign(claims);
  const negotiated = await fetch(`${gateway.url}/hubs/events/negotiate?negotiateVersion=1`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
  });
  const { connectionToken } = (await negotiated.json()) as { connectionToken: string };
  await keyServer.stop();
  const url = `${gateway.url}/hubs/events?id=${connectionToken}`;
  const authorization = `Bearer ${token}`;
  for (const headers of [{ authorization }, { authorization, accept: 'text/event-stream' }])
    expect(answerOf(await fetch(url, { headers }))).toEqual(notNow);
  expect(answerOf(await fetch(url, { method: 'POST', headers: { authorization }, body: 'x' }))).toEqual(
    notNow,
  );
  expect(await upgrade(gateway, token)).toEqual(notNow);
});

test('tokens with invented key IDs cause at most about one request per second to the key server', async () => {
  await using keyServer = await KeyServer.start();
  await using gateway = await startGateway(keyServer);
  await keyServer.addKey('second');
  const good = await keyServer.sign(claims, 'second');
  const asked = keyServer.requests;
  const startedMs = performance.now();
  const answers = await Promise.all(
    Array.from({ length: 200 }, async (_, index) => {
      const [header = '', ...rest] = good.split('.');
      const invented = {
        ...JSON.parse(Buffer.from(header, 'base64url').toString()),
        kid: `invented-${index}`,
      };
      const token = [Buffer.from(JSON.stringify(invented)).toString('base64url'), ...rest].join('.');
      return (await negotiate(gateway, token)).status;
    }),
  );
  expect(new Set(answers)).toEqual(new Set([401]));
  const elapsedSeconds = (performance.now() - startedMs) / 1000;
  expect(keyServer.requests - asked).toBeLessThanOrEqual(elapsedSeconds + 2);
});

test('@millrace/client retries until the key server is available again, and then connects', async () => {
  await using keyServer = await KeyServer.start();
  await keyServer.stop();
  await using gateway = await startGateway(keyServer);
  const client = createClient({
    url: gateway.url,
    accessToken: () => keyServer.sign(claims),
    retryBaseMs: 20,
    retryMaxMs: 100,
  });
  const codes: string[] = [];
  client.onError(({ code }) => codes.push(code));
  try {
    const connected = client.connect();
    await gateway.line(/key server is unavailable/);
    await keyServer.restart();
    await connected;
    expect(client.state).toBe('live');
    expect(codes).not.toContain('unauthorized');
  } finally {
    await client.close();
  }
});

const notNow = { status: 503, retryAfter: expect.stringMatching(/^[1-9]\d*$/) };

function answerOf(response: Response) {
  return { status: response.status, retryAfter: response.headers.get('retry-after') };
}

async function negotiate(gateway: GatewayProcess, token: string) {
  const headers = { authorization: `Bearer ${token}` };
  return answerOf(
    await fetch(`${gateway.url}/hubs/events/negotiate?negotiateVersion=1`, { method: 'POST', headers }),
  );
}

/** Returns the answer to a request for a WebSocket. The status is 101 if a WebSocket was opened. */
async function upgrade(gateway: GatewayProcess, token: string) {
  const { status, headers } = await askForWebSocket(`${gateway.url}/hubs/events?access_token=${token}`);
  return { status, retryAfter: headers['retry-after'] ?? null };
}
