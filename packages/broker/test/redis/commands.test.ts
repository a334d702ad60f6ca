// `connectRedis` with a single server, with one node of a cluster, and with a server that is stopped and restarted.
import { type BrokerState, connectRedis, type RedisCommands } from '@millrace/broker';
import { codeOf, startRedis, startRedisCluster, until } from '@millrace/testkit';
import { expect, it, onTestFinished } from 'vitest';

const clientName = 'millrace-test';
const keys = Array.from({ length: 50 }, (_, n) => `key-${n}`);

async function connect(url: string, onStateChange?: (state: BrokerState) => void): Promise<RedisCommands> {
  const redis = await connectRedis({ url, clientName, ...(onStateChange && { onStateChange }) });
  onTestFinished(() => redis.close());
  return redis;
}

/** Sets each key with a script, and returns the values of the keys. */
async function setAndGet(redis: RedisCommands): Promise<unknown[]> {
  const script = "return redis.call('SET', KEYS[1], ARGV[1])";
  await Promise.all(keys.map((key) => redis.eval(script, { keys: [key], arguments: [`${key} ä`] })));
  return Promise.all(keys.map((key) => redis.get(key)));
}

const values = keys.map((key) => `${key} ä`);

it('connectRedis runs scripts and reads values on a single server', async () => {
  await using server = await startRedis();
  const redis = await connect(server.url);
  expect(await setAndGet(redis)).toEqual(values);
  expect(await redis.get('nothing')).toBeNull();
  redis.close();
  redis.close();
  expect(await codeOf(redis.get('nothing'))).toBe('closed');
});

it('connectRedis finds the node of each key in a cluster from the URL of one node', async () => {
  await using cluster = await startRedisCluster();
  const [node] = cluster.nodes;
  const redis = await connect(node?.url ?? '');
  expect(await setAndGet(redis)).toEqual(values);
});

it('connectRedis reports an outage of its server, rejects commands meanwhile, and works again afterwards', async () => {
  await using server = await startRedis();
  const states: BrokerState[] = [];
  const redis = await connect(server.url, (state) => states.push(state));
  await server.stop();
  await until(() => states.at(-1) === 'unavailable');
  expect(await codeOf(redis.get('key'))).toBe('unavailable');
  await server.restart();
  await until(() => states.at(-1) === 'ready');
  expect(await setAndGet(redis)).toEqual(values);
});

it('connectRedis rejects with “refused” if the server refuses the login', async () => {
  await using server = await startRedis({ args: ['--requirepass', 'other'] });
  expect(await codeOf(connectRedis({ url: server.url, clientName }))).toBe('refused');
});
