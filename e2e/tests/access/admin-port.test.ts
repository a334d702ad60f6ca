// With an admin port, /metrics and the reasons of /readyz are not on the port of the clients.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { ask } from '../../fixtures/http/http-request.js';
import { readMetricsText } from '../../fixtures/http/metrics.js';
import { readReadiness } from '../../fixtures/http/readiness.js';
import { normalMode } from '../../fixtures/http/tokens.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const gateway = sharedSystem(() => GatewayProcess.start({ MILLRACE_ADMIN_PORT: '0' }));

async function statusOf(url: string, method = 'GET'): Promise<number | undefined> {
  const { status } = await ask(url, { method });
  return status;
}

describe('a gateway with an admin port', () => {
  test('the admin port serves metrics, and the port of the clients does not', async () => {
    expect(await statusOf(`${gateway().url}/metrics`)).toBe(404);
    expect(await readMetricsText(gateway().adminUrl)).toContain('events_delivered_total');
  });

  test('both ports answer the probes of load balancers and orchestrators', async () => {
    for (const url of [gateway().url, gateway().adminUrl]) {
      expect(await statusOf(`${url}/healthz`)).toBe(200);
      expect(await readReadiness(url)).toEqual({ status: 200, body: { status: 'ready' } });
    }
  });

  test.each([
    ['POST', '/v1/events'],
    ['GET', '/v1/openapi.json'],
    ['POST', '/hubs/events/negotiate?negotiateVersion=1'],
    ['GET', '/'],
  ])('the admin port does not serve %s %s', async (method, path) => {
    const { status, text } = await ask(`${gateway().adminUrl}${path}`, { method });
    expect(status).toBe(404);
    expect(JSON.parse(text)).toMatchObject({
      code: 'not_found',
      detail: expect.stringContaining('/metrics') as string,
    });
  });

  test('the admin port of development mode answers only requests to this machine', async () => {
    const headers = { host: 'attacker.example' };
    const { status } = await ask(`${gateway().adminUrl}/metrics`, { method: 'GET', headers });
    expect(status).toBe(421);
  });

  test('a gateway that is not ready shows its reasons only on the admin port', async () => {
    // Redis writes its data to its disk. Otherwise the details would contain advice about that.
    const redis = { args: ['--appendonly', 'yes'] };
    await using system = await startOnRedis({ redis, environment: { MILLRACE_ADMIN_PORT: '0' } });
    await system.redis.cli('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    const details = { details: [expect.stringContaining('maxmemory-policy')] };
    await eventually(async () =>
      expect((await readReadiness(system.gateway.adminUrl)).body).toEqual({ status: 'ready', ...details }),
    );
    expect(await readReadiness(system.gateway.url)).toEqual({ status: 200, body: { status: 'ready' } });
    system.gateway.mayLogErrors = true;
    await system.redis.stop();
    await eventually(async () => {
      const admin = await readReadiness(system.gateway.adminUrl);
      expect(admin).toMatchObject({ status: 503, body: { reasons: expect.any(Array) as string[] } });
    });
    expect(await readReadiness(system.gateway.url)).toEqual({ status: 503, body: { status: 'not ready' } });
  });
});

test('a gateway without an admin port serves everything on one port', async () => {
  await using one = await GatewayProcess.start();
  expect(one.adminUrl).toBe('');
  expect(await readMetricsText(one.url)).toContain('events_delivered_total');
});

test('the admin port can listen on a separate address', async () => {
  await using own = await GatewayProcess.start({
    ...normalMode,
    MILLRACE_HOST: '0.0.0.0',
    MILLRACE_ADMIN_PORT: '0',
    MILLRACE_ADMIN_HOST: '127.0.0.2',
  });
  expect(own.adminUrl).toMatch(/^http:\/\/127\.0\.0\.2:\d+$/);
  expect(await statusOf(`${own.adminUrl}/metrics`)).toBe(200);
  const { port } = new URL(own.adminUrl);
  await expect(statusOf(`http://127.0.0.1:${port}/metrics`)).rejects.toThrow(/ECONNREFUSED/);
});

test('a gateway does not start if its admin port is in use, and the error names the variable', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  try {
    await expect(GatewayProcess.start({ MILLRACE_ADMIN_PORT: String(port) })).rejects.toThrow(
      /in use.*MILLRACE_ADMIN_PORT/,
    );
  } finally {
    other.close();
  }
});
