// A gateway in development mode accepts every client, so it answers only requests to a host name of this machine. Otherwise a
// foreign web page could use it through a host name that resolves to this machine (DNS rebinding).
import { describe, expect, test } from 'vitest';
import { ask, askForWebSocket } from '../../fixtures/http/http-request.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { normalMode, signToken } from '../../fixtures/http/tokens.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';

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

describe.each(strangers)('the foreign host %s', (host) => {
  test.each([
    ['POST', '/hubs/events/negotiate?negotiateVersion=1'],
    ['GET', '/hubs/events?id=x'],
    ['GET', '/readyz'],
    ['POST', '/v1/events'],
    ['OPTIONS', '/v1/events'],
    ['GET', '/nothing/here'],
  ])(
    'a request with a foreign Host header (%s %s) is refused with status 421 and the reason',
    async (method, path) => {
      const { status, headers, text } = await ask(`${gateway().url}${path}`, { method, headers: { host } });
      expect([status, headers['content-type']]).toEqual([421, 'application/problem+json']);
      expect(JSON.parse(text)).toMatchObject({
        code: 'host_not_allowed',
        detail: expect.stringContaining('MILLRACE_DEV') as string,
      });
    },
  );

  test('an upgrade request with a foreign Host header is refused with status 421 and the reason', async () => {
    const { status, text } = await askForWebSocket(`${gateway().url}/hubs/events`, { host });
    expect([status, text]).toEqual([421, expect.stringContaining('host_not_allowed')]);
  });
});

test.each(own)('the host %s is accepted as a name of this machine', async (host) => {
  const { url } = gateway();
  expect((await ask(`${url}/readyz`, { headers: { host } })).status).toBe(200);
  expect((await askForWebSocket(`${url}/hubs/events`, { host })).status).toBe(101);
});

test('a request that is refused for its Host header is counted in the metrics', async () => {
  const refused = { at: 'api', code: 'host_not_allowed' };
  const before = await readMetric(gateway().url, 'http_refusals_total', refused);
  await ask(`${gateway().url}/readyz`, { headers: { host: 'attacker.example' } });
  expect(await readMetric(gateway().url, 'http_refusals_total', refused)).toBe(before + 1);
});

test('a gateway in normal mode accepts every Host header, because a proxy may have changed it', async () => {
  await using closed = await GatewayProcess.start(normalMode);
  const url = `${closed.url}/hubs/events?access_token=${await signToken({ sub: 'ana', rooms: [] })}`;
  const host = 'live.app.example';
  expect((await ask(`${closed.url}/readyz`, { headers: { host } })).status).toBe(200);
  expect((await askForWebSocket(url, { host })).status).toBe(101);
});
