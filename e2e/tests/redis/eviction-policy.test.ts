// A Redis that evicts keys when its memory is full loses data that Millrace needs. The gateway reports this
// policy and the remedy, in the log at its start and in its readiness answer.
import { expect, test } from 'vitest';
import { readReadiness } from '../../fixtures/http/readiness.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const advice = /maxmemory-policy allkeys-lru.*Set maxmemory-policy to noeviction\./;

test('a Redis that evicts keys causes one warning, and a readiness detail until the setting is corrected', async () => {
  await using system = await startOnRedis({ redis: { args: ['--maxmemory-policy', 'allkeys-lru'] } });
  const { redis, gateway } = system;
  await gateway.line(advice);
  expect(await readReadiness(gateway.url)).toEqual({
    status: 200,
    body: { status: 'ready', details: [expect.stringMatching(advice)] },
  });
  await redis.cli('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
  await eventually(async () =>
    expect(await readReadiness(gateway.url)).toEqual({ status: 200, body: { status: 'ready' } }),
  );
  expect(gateway.lines.filter((line) => advice.test(line))).toHaveLength(1);
  expect(gateway.lines.find((line) => advice.test(line))).toMatch(/^\{"level":"warn"/);
});

test('a Redis with noeviction causes no warning', async () => {
  await using system = await startOnRedis({ environment: { MILLRACE_LOG_LEVEL: 'debug' } });
  const { gateway } = system;
  await eventually(async () =>
    expect(await readReadiness(gateway.url)).toEqual({ status: 200, body: { status: 'ready' } }),
  );
  expect(gateway.output).not.toContain('maxmemory');
});
