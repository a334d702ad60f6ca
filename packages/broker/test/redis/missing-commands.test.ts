// A command is missing (an older Redis, `rename-command`), or the user may not run it. The error names the command and the remedy, also
// if a script calls it.
import { createSubscriber, explainRedisFailure } from '@millrace/broker';
import { append, CHAT, startRedis, until } from '@millrace/testkit';
import { describe, expect, it } from 'vitest';
import { openBroker } from '../support/redis-fixture.js';

const fields = { n: '1' };

async function messageOf(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => new Error('resolved'),
    (cause: unknown) => cause,
  );
  return error instanceof Error ? error.message : String(error);
}

describe('a Redis without a command', () => {
  it.each([
    ['XINFO', 'XINFO STREAM'],
    ['XGROUP', 'XGROUP CREATE'],
    ['HGETALL', 'HGETALL'],
  ])('a gateway that needs %s does not start, and the error names it', async (missing, named) => {
    await using redis = await startRedis({ args: ['--rename-command', missing, ''] });
    await using broker = await openBroker(redis.url);
    const failure: unknown = await broker.register('a').catch((error: unknown) => error);
    const { message } = await explainRedisFailure(failure, redis.url);
    expect(message).toMatch(
      new RegExp(
        `^Redis at .* lacks a command that is needed: ERR unknown command '${named.split(' ')[0]}.*', which the script register needs. Redis 7.0 or newer is needed, with its commands under their own names, and no proxy before it\\.$`,
      ),
    );
  });

  it('an append to a Redis without XADD names the command and the remedy', async () => {
    await using redis = await startRedis({ args: ['--rename-command', 'XADD', ''] });
    await using broker = await openBroker(redis.url);
    expect(await messageOf(append(broker, { stream: CHAT, fields }))).toBe(
      "Redis: ERR unknown command 'XADD'; the commands of Redis 7.0 are needed, under their own names",
    );
  });
});

it('a running gateway whose user may no longer run a command reports which one, once, and works again when it may', async () => {
  await using redis = await startRedis();
  await redis.cli('acl', 'setuser', 'gateway', 'on', '>secret', '~*', '&*', '+@all');
  await using broker = await openBroker(redis.url.replace('redis://', 'redis://gateway:secret@'), {
    heartbeatMs: 20,
  });
  const told: string[] = [];
  const read: string[] = [];
  const subscriber = createSubscriber(broker, {
    name: 'a',
    onEntry: (_, { id }) => read.push(id),
    onTrouble: ({ stream, message }) => told.push(`${stream}: ${message}`),
  });
  await subscriber.start();
  const remedy = 'docs/redis-rights.md lists the rights that are needed';
  await redis.cli('acl', 'setuser', 'gateway', '-xreadgroup');
  await until(() => told.length >= 2);
  expect(told).toContain(
    `${CHAT}: Redis: NOPERM the user has no permissions to run the 'XREADGROUP' command, which the script ledgerPass needs; ${remedy}`,
  );
  expect(told).toHaveLength(2);
  await redis.cli('acl', 'setuser', 'gateway', '+xreadgroup');
  await until(() => subscriber.troubles.length === 0);

  await redis.cli('acl', 'setuser', 'gateway', '-xread');
  await until(() => told.length >= 4);
  expect(told).toContain(
    `${CHAT}: Redis: NOPERM this user has no permissions to run the 'xread' command; ${remedy}`,
  );
  await redis.cli('acl', 'setuser', 'gateway', '+xread');
  const { id } = await append(broker, { stream: CHAT, fields });
  await until(() => read.includes(id));
  await until(() => subscriber.troubles.length === 0);
  expect(told).toHaveLength(4);
  await subscriber.stop();
});
