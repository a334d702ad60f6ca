// A Redis that may lose its data: it evicts keys when its memory is full, or does not write to its disk. The gateway's log at
// the start and its readiness report the setting and the remedy.
import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { RedisServer } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { notification } from '../../fixtures/events/sample-events.js';
import { acceptEvents, refusal } from '../../fixtures/http/ingest.js';
import { readReadiness } from '../../fixtures/http/readiness.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const durable = ['--appendonly', 'yes'];
const ready = { status: 200, body: { status: 'ready' } };

const risks = [
  {
    risk: 'evicts keys when its memory is full',
    args: [...durable, '--maxmemory-policy', 'allkeys-lru'],
    advice: /maxmemory-policy allkeys-lru.*Set maxmemory-policy to noeviction\./,
    remedy: ['maxmemory-policy', 'noeviction'],
  },
  {
    risk: 'has neither an append-only file nor snapshots',
    args: ['--appendonly', 'no', '--save', ''],
    advice: /writes nothing to its disk .*a restart loses all stored events.*Set appendonly to yes\./,
    remedy: ['appendonly', 'yes'],
  },
];

test.each(risks)(
  'a Redis that $risk causes one warning, and a readiness detail that disappears after the correction',
  async ({ args, advice, remedy }) => {
    await using system = await startOnRedis({ redis: { args } });
    const { redis, gateway } = system;
    await gateway.line(advice);
    expect(await readReadiness(gateway.url)).toEqual({
      status: 200,
      body: { status: 'ready', details: [expect.stringMatching(advice)] },
    });
    await redis.cli('CONFIG', 'SET', ...remedy);
    await eventually(async () => expect(await readReadiness(gateway.url)).toEqual(ready));
    expect(gateway.lines.filter((line) => advice.test(line))).toHaveLength(1);
    expect(gateway.lines.find((line) => advice.test(line))).toMatch(/^\{"level":"warn"/);
  },
);

test.each([
  ['an append-only file', durable],
  ['snapshots', ['--save', '3600', '1']],
])('a Redis with noeviction and %s causes no warning', async (_, args) => {
  await using system = await startOnRedis({
    redis: { args },
    environment: { MILLRACE_LOG_LEVEL: 'debug' },
  });
  const { gateway } = system;
  await eventually(async () => expect(await readReadiness(gateway.url)).toEqual(ready));
  expect(gateway.output).not.toMatch(/maxmemory|disk|INFO/);
});

test.each([
  [
    'neither INFO nor CONFIG',
    ['-info', '-config'],
    /that maxmemory-policy is noeviction and that appendonly is yes/,
  ],
  ['only INFO', ['-config'], /make sure that appendonly is yes/],
])(
  'a Redis whose user may use %s causes one line about what could not be checked',
  async (_, rights, line) => {
    await using system = await startOnRedis({
      redis: { args: ['--user', 'hosted', 'on', '>secret', '~*', '&*', '+@all', ...rights] },
    });
    const url = new URL(system.redis.url);
    await using gateway = await GatewayProcess.start({
      MILLRACE_REDIS_URL: `redis://hosted:secret@${url.host}`,
      MILLRACE_INSTANCE: 'hosted',
    });
    await gateway.line(line);
    await eventually(async () => expect(await readReadiness(gateway.url)).toEqual(ready));
    expect(gateway.lines.filter((one) => line.test(one))).toHaveLength(1);
  },
);

test('an event for a Redis that is out of memory is answered with this cause, and is stored when there is memory again', async () => {
  await using system = await startOnRedis({ redis: { args: ['--maxmemory-policy', 'noeviction'] } });
  await system.redis.cli('CONFIG', 'SET', 'maxmemory', '1');
  const event = notification(randomUUID(), 'stored later');
  const problem = await refusal(system.url, event);
  expect([problem.status, problem.code]).toEqual([503, 'broker_unavailable']);
  expect(problem.detail).toMatch(/^The event store is out of memory \(maxmemory of Redis\)\. Some events/);
  await system.redis.cli('CONFIG', 'SET', 'maxmemory', '0');
  await acceptEvents(system.url, event);
});

const refusals = [
  {
    state: 'out of memory',
    prepare: (redis: RedisServer) => redis.cli('CONFIG', 'SET', 'maxmemory', '1'),
    repair: (redis: RedisServer) => redis.cli('CONFIG', 'SET', 'maxmemory', '0'),
    // Gateways still read, so they keep their clients.
    status: 200,
    advice: 'Redis is out of memory and refuses every event. Raise maxmemory, or delete what fills it.',
  },
  {
    state: 'unable to write to its disk',
    prepare: async (redis: RedisServer) => {
      await redis.cli('CONFIG', 'SET', 'save', '3600 1');
      // Redis cannot replace a folder by its snapshot.
      await mkdir(join(await folderOf(redis), 'dump.rdb'));
      await redis.cli('BGSAVE');
    },
    repair: (redis: RedisServer) => redis.cli('CONFIG', 'SET', 'save', ''),
    // It refuses the heartbeats of gateways as well.
    status: 503,
    advice: 'Redis cannot write to its disk and refuses every event. Its log contains the reason.',
  },
];

test.each(refusals)(
  'a Redis that is $state causes one warning, and a readiness detail until it accepts events again',
  async ({ prepare, repair, advice, status }) => {
    await using system = await startOnRedis({ redis: { args: durable }, mayLogErrors: true });
    const { redis, gateway } = system;
    await prepare(redis);
    const reported = { status, body: expect.objectContaining({ details: [advice] }) };
    await eventually(async () => expect(await readReadiness(gateway.url)).toEqual(reported));
    expect((await refusal(system.url, notification(randomUUID(), 'refused'))).status).toBe(503);
    await repair(redis);
    await eventually(async () => expect(await readReadiness(gateway.url)).toEqual(ready));
    expect(gateway.lines.filter((line) => line.includes(advice))).toHaveLength(1);
    await gateway.line(/Redis accepts events again/);
  },
);

async function folderOf(redis: RedisServer): Promise<string> {
  const [, folder = ''] = (await redis.cli('CONFIG', 'GET', 'dir')).split('\n');
  return folder;
}
