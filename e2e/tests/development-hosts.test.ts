// Development mode lets everybody in, so it answers to this machine's own names only: a page of a stranger whose name leads here is refused.
import { randomBytes } from 'node:crypto';
import { type IncomingMessage, request } from 'node:http';
import { describe, expect, test } from 'vitest';
import { GatewayProcess } from '../fixtures/gateway-process.js';
import { readMetric } from '../fixtures/metrics.js';
import { sharedSystem } from '../fixtures/shared-system.js';
import { normalMode, signToken } from '../fixtures/tokens.js';

const gateway = sharedSystem(() => GatewayProcess.start());

const strangers = [
  'attacker.example',
  'attacker.example:4400',
  'localhost.attacker.example',
  'notlocalhost',
  '127.0.0.1.attacker.example',
  '192.168.1.10',
  '0.0.0.0',
  '[::2]',
  'localhost@attacker.example',
] as const;

const own = [
  'localhost',
  'LOCALHOST:4400',
  'localhost.',
  'desk.localhost:1',
  '127.0.0.1',
  '127.8.9.10',
  '[::1]:80',
];

describe.each(strangers)('the strange host %s', (host) => {
  test.each([
    ['POST', '/hubs/events/negotiate?negotiateVersion=1'],
    ['GET', '/hubs/events?id=x'],
    ['GET', '/readyz'],
    ['POST', '/v1/events'],
    ['OPTIONS', '/v1/events'],
    ['GET', '/nothing/here'],
  ])('a strange host is refused %s %s with 421 and told why', async (method, path) => {
    const { status, type, text } = await ask(gateway().url, { method, path, host });
    expect([status, type]).toEqual([421, 'application/problem+json']);
    expect(JSON.parse(text)).toMatchObject({
      code: 'host_not_allowed',
      detail: expect.stringContaining('MILLRACE_DEV') as string,
    });
  });

  test('a strange host is refused an upgrade with 421 and told why', async () => {
    const { status, text } = await ask(gateway().url, {
      method: 'GET',
      path: '/hubs/events',
      host,
      isUpgrade: true,
    });
    expect([status, text]).toEqual([421, expect.stringContaining('host_not_allowed')]);
  });
});

test.each(own)('the host %s is this machine', async (host) => {
  const { url } = gateway();
  expect((await ask(url, { method: 'GET', path: '/readyz', host })).status).toBe(200);
  expect((await ask(url, { method: 'GET', path: '/hubs/events', host, isUpgrade: true })).status).toBe(101);
});

test('a request refused for its Host is counted in the metrics', async () => {
  const refused = { at: 'api', code: 'host_not_allowed' };
  const before = await readMetric(gateway().url, 'http_refusals_total', refused);
  await ask(gateway().url, { method: 'GET', path: '/readyz', host: 'attacker.example' });
  expect(await readMetric(gateway().url, 'http_refusals_total', refused)).toBe(before + 1);
});

test('outside development mode any host is served: a proxy may have renamed it', async () => {
  await using closed = await GatewayProcess.start(normalMode);
  const path = `/hubs/events?access_token=${await signToken({ sub: 'ana', rooms: [] })}`;
  const host = 'live.app.example';
  expect((await ask(closed.url, { method: 'GET', path: '/readyz', host })).status).toBe(200);
  expect((await ask(closed.url, { method: 'GET', path, host, isUpgrade: true })).status).toBe(101);
});

interface Question {
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly isUpgrade?: boolean;
}

async function ask(url: string, { method, path, host, isUpgrade = false }: Question) {
  const upgrade = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': randomBytes(16).toString('base64'),
  };
  const asked = request(`${url}${path}`, { method, headers: { host, ...(isUpgrade ? upgrade : {}) } });
  asked.end();
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    asked.once('response', resolve);
    asked.once('upgrade', (upgraded, socket) => {
      socket.destroy();
      resolve(upgraded);
    });
    asked.once('error', reject);
  });
  const chunks: Buffer[] = [];
  if (response.statusCode !== 101) for await (const chunk of response) chunks.push(chunk as Buffer);
  return {
    status: response.statusCode,
    type: response.headers['content-type'],
    text: Buffer.concat(chunks).toString(),
  };
}
