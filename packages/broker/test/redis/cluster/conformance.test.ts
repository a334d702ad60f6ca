import { type Broker, createRedisBroker } from '@millrace/broker';
import {
  CHAT,
  describeBrokerConformance,
  type RedisCluster,
  SUITE_OPTIONS,
  startRedisCluster,
} from '@millrace/testkit';
import { afterAll, beforeAll } from 'vitest';

let cluster: RedisCluster;

beforeAll(async () => {
  cluster = await startRedisCluster();
}, 60_000);

afterAll(() => cluster[Symbol.asyncDispose]());

describeBrokerConformance('the Redis broker on a cluster', async (options) => {
  await cluster.flush();
  const broker = createRedisBroker({ ...SUITE_OPTIONS, ...options, url: cluster.url });
  await broker.open();
  return {
    broker,
    passTime: (ms) => passBrokerTime(broker, ms),
    [Symbol.asyncDispose]: () => broker.close(),
  };
});

/** Waits until `ms` milliseconds have passed on the clock of Redis. */
async function passBrokerTime(broker: Broker, ms: number): Promise<void> {
  const endMs = (await broker.inspect(CHAT)).timeMs + ms;
  while ((await broker.inspect(CHAT)).timeMs < endMs) await new Promise((resolve) => setImmediate(resolve));
}
