// Functions that the tests against real Redis share.
import { type Broker, createRedisBroker, type Lease, type RedisBrokerOptions } from '@millrace/broker';
import {
  append,
  beat,
  CHAT,
  type RedisServer,
  registerAt,
  runAllPasses,
  SUITE_OPTIONS,
  startRedis,
} from '@millrace/testkit';
import { afterAll, beforeAll, beforeEach } from 'vitest';

/** Opens a broker. With `await using`, the broker is closed at the end of the block. */
export async function openBroker(
  url: string,
  options: Partial<Omit<RedisBrokerOptions, 'url'>> = {},
): Promise<Broker & AsyncDisposable> {
  const broker = createRedisBroker({ ...SUITE_OPTIONS, ...options, url });
  await broker.open();
  return Object.assign(broker, { [Symbol.asyncDispose]: () => broker.close() });
}

/** Moves a subscriber to this entry, and runs passes until nothing is left to do. */
export async function settle(broker: Broker, lease: Lease, cursor: string): Promise<void> {
  const start = await registerAt(broker, lease.owner);
  await beat(broker, lease.owner, { ...start, cursor });
  await runAllPasses(broker, lease, cursor);
}

/**
 * Starts a Redis for the tests of a file, and empties it before each test. It has the members of a started one, but only while a
 * test runs.
 */
export function sharedRedis(): RedisServer {
  let redis: RedisServer | undefined;
  beforeAll(async () => {
    redis = await startRedis();
  });
  beforeEach(() => redis?.cli('flushall'));
  afterAll(() => redis?.[Symbol.asyncDispose]());
  return new Proxy({} as RedisServer, {
    get(_, name) {
      if (redis === undefined) throw new Error('Redis is not running');
      const value: unknown = Reflect.get(redis, name, redis);
      return typeof value === 'function' ? value.bind(redis) : value;
    },
  });
}

/** Runs a command with redis-cli, and returns its reply parsed from JSON. */
export async function query(redis: RedisServer, ...command: readonly string[]): Promise<unknown> {
  return JSON.parse(await redis.cli('--json', ...command));
}

/**
 * Publishes `count` numbered entries of about 450 bytes, with the six fields of the data model. Resolves with
 * their IDs.
 */
export async function publishEvents(broker: Broker, count: number, stream = CHAT): Promise<string[]> {
  const receipts = await Promise.all(
    Array.from({ length: count }, (_, n) => append(broker, { stream, fields: eventFields(n) })),
  );
  return receipts.map(({ id }) => id);
}

/** Returns the fields of event number `n`, as a publisher writes them. */
export function eventFields(n: number): Record<string, string> {
  return {
    event_id: `3f2504e0-4f89-41d3-9a0c-${String(n).padStart(12, '0')}`,
    event_type: 'chat_message',
    timestamp: '2026-01-16T10:00:00.000Z',
    room_id: '7c9e6679-7425-40de-944b-e07fc1f90ae7',
    payload: JSON.stringify({ id: n, content: 'x'.repeat(200) }),
    metadata: '{"source_instance":"a"}',
  };
}
