// A Redis that throws keys away when its memory is full loses what Millrace relies on: it is said at start and by readiness, with what to set.
import { startRedis } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const advice = /maxmemory-policy allkeys-lru.*Set maxmemory-policy to noeviction\./;

test('a policy that evicts is warned of once, stands in the details of readiness, and is gone when it is mended', async () => {
  await using redis = await startRedis({ args: ['--maxmemory-policy', 'allkeys-lru'] });
  await using gateway = await GatewayProcess.start({ MILLRACE_REDIS_URL: redis.url });
  await gateway.line(advice);
  const ready = await fetch(`${gateway.url}/readyz`);
  expect(ready.status).toBe(200);
  expect(await ready.json()).toEqual({ status: 'ready', details: [expect.stringMatching(advice)] });
  await redis.cli('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
  await eventually(async () =>
    expect(await (await fetch(`${gateway.url}/readyz`)).json()).toEqual({ status: 'ready' }),
  );
  expect(gateway.lines.filter((line) => advice.test(line))).toHaveLength(1);
  expect(gateway.lines.find((line) => advice.test(line))).toMatch(/^\{"level":"warn"/);
});

test('a Redis with noeviction causes no warning', async () => {
  await using redis = await startRedis();
  await using gateway = await GatewayProcess.start({
    MILLRACE_REDIS_URL: redis.url,
    MILLRACE_LOG_LEVEL: 'debug',
  });
  await eventually(async () =>
    expect(await (await fetch(`${gateway.url}/readyz`)).json()).toEqual({ status: 'ready' }),
  );
  expect(gateway.output).not.toContain('maxmemory');
});
