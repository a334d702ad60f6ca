import { type Broker, createRedisBroker } from '@millrace/broker';
import { describeBrokerConformance, type RedisServer, SUITE_OPTIONS, startRedis } from '@millrace/testkit';
import { afterAll, beforeAll } from 'vitest';

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(() => redis[Symbol.asyncDispose]());

const deployments = [
  ['the Redis broker', {}],
  ['the Redis broker with a key prefix and a consumer group', { keyPrefix: 'acme:', group: 'millrace' }],
] as const;

for (const [name, deployment] of deployments) {
  describeBrokerConformance(name, async (options) => {
    await redis.cli('flushall');
    const broker = createRedisBroker({ ...SUITE_OPTIONS, ...deployment, ...options, url: redis.url });
    await broker.open();
    return {
      broker,
      passTime: (ms) => passBrokerTime(broker, ms),
      [Symbol.asyncDispose]: () => broker.close(),
    };
  });
}

/** Waits until `ms` milliseconds have passed on the clock of Redis. */
async function passBrokerTime(broker: Broker, ms: number): Promise<void> {
  const stream = 'events:chat';
  const endMs = (await broker.inspect(stream)).timeMs + ms;
  while ((await broker.inspect(stream)).timeMs < endMs) await new Promise((resolve) => setImmediate(resolve));
}
