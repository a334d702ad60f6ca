// A burst of chat messages costs Redis one call per batch. The typing that each message ends costs almost nothing.
import { randomUUID } from 'node:crypto';
import { createRedisBroker } from '@millrace/broker';
import { eventCatalog } from '@millrace/contract';
import { type RedisServer, startRedis, startRedisCluster } from '@millrace/testkit';
import { expect, it } from 'vitest';
import { createPublisher } from '../../src/index.js';
import { ana, bob, chat, typing } from '../set-up.js';

async function openPublisher(url: string) {
  const broker = createRedisBroker({ url, streams: eventCatalog.streams });
  await broker.open();
  const publisher = createPublisher({ broker, catalog: eventCatalog });
  return {
    broker,
    publisher,
    async [Symbol.asyncDispose]() {
      await publisher.close();
      await broker.close();
    },
  };
}

/** Returns how many of these commands the servers have executed since `CONFIG RESETSTAT`. */
async function countCalls(servers: readonly RedisServer[], commands: RegExp): Promise<number> {
  const stats = await Promise.all(servers.map((server) => server.cli('info', 'commandstats')));
  const calls = [...stats.join('\n').matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)];
  return calls.reduce(
    (sum, [, command = '', count]) => sum + (commands.test(command) ? Number(count) : 0),
    0,
  );
}

/**
 * Returns the number of script calls, without the checks for overdue windows. The number of these checks depends on time
 * instead of messages.
 */
async function countScripts(servers: readonly RedisServer[]): Promise<number> {
  return (await countCalls(servers, /^eval/)) - (await countCalls(servers, /^zrangebyscore$/));
}

const messages = 2_000;

it('a burst of 2,000 messages causes at most 70 script calls while a user is typing', async () => {
  await using redis = await startRedis();
  await using system = await openPublisher(redis.url);
  await system.publisher.publish('typing_start', 'room-1', typing(ana, true));
  await system.publisher.publish('chat_message', 'elsewhere', chat(bob));
  await redis.cli('config', 'resetstat');
  await Promise.all(
    Array.from({ length: messages }, (_, n) =>
      system.publisher.publish('chat_message', `room-${n % 500}`, chat(n % 2 === 0 ? randomUUID() : ana)),
    ),
  );
  expect(await countScripts([redis])).toBeLessThanOrEqual(70);
  await system.publisher.flush();
  const entries = await system.broker.readRange('events:chat', { count: 1_000, direction: 'backward' });
  expect(entries.every(({ fields }) => fields['event_type'] === 'chat_message')).toBe(true);
});

it('a burst of 2,000 messages causes at most 90 script calls and 70 window checks on a cluster', async () => {
  await using cluster = await startRedisCluster({ nodeTimeoutMs: 30_000 });
  await using system = await openPublisher(cluster.url);
  await system.publisher.publish('typing_start', 'room-1', typing(ana, true));
  for (const node of cluster.nodes) await node.cli('config', 'resetstat');
  await Promise.all(
    Array.from({ length: messages }, (_, n) =>
      system.publisher.publish('chat_message', `room-${n % 500}`, chat(ana)),
    ),
  );
  await system.publisher.flush();
  expect(await countScripts(cluster.nodes)).toBeLessThanOrEqual(90);
  expect(await countCalls(cluster.nodes, /^zmscore/)).toBeLessThanOrEqual(70);
});
