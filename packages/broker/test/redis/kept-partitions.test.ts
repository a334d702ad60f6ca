// The number of partitions is deleted or evicted while a gateway runs. The gateway stores it again, and reports another number.
import { type Clock, systemClock } from '@millrace/internal';
import { append, beat, CHAT, codeOf, registerAt, until } from '@millrace/testkit';
import { expect, it } from 'vitest';
import { openBroker, sharedRedis } from '../support/redis-fixture.js';

const redis = sharedRedis();
const NUMBER = `partitions:{${CHAT}}`;
const streams = (partitions: number) => [{ name: CHAT, maxLength: 100, partitions }];

/** Opens the broker of a gateway that has run for a minute, and whose number of partitions is deleted now. */
async function withoutNumber() {
  let passedMs = 0;
  const clock: Clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + passedMs };
  const broker = await openBroker(redis.url, { streams: streams(3), clock });
  const start = await registerAt(broker, 'a');
  const heartbeat = () => beat(broker, 'a', start);
  expect(await redis.cli('getdel', NUMBER)).toBe('3');
  return { broker, heartbeat, passMinute: () => void (passedMs += 60_000) };
}

it('the number of partitions is stored again, so that a gateway without a number adopts it', async () => {
  const { broker, heartbeat, passMinute } = await withoutNumber();
  await using _ = broker;
  passMinute();
  await heartbeat();
  await until(async () => (await redis.cli('get', NUMBER)) === '3');
  await using other = await openBroker(redis.url, { streams: [{ name: CHAT, maxLength: 100 }] });
  expect(other.partitioning.countOf(CHAT)).toBe(3);
});

it('a gateway reports another number of partitions that a later process has stored, until that number is gone', async () => {
  const { broker, heartbeat, passMinute } = await withoutNumber();
  await using _ = broker;
  await using other = await openBroker(redis.url, { streams: streams(2) });
  await append(other, { stream: CHAT, fields: { n: '1' } });
  const codeOfHeartbeat = () => codeOf(heartbeat());
  passMinute();
  await until(async () => (await codeOfHeartbeat()) === 'partitions_differ');
  await redis.cli('del', NUMBER);
  passMinute();
  await until(async () => (await heartbeat().catch(() => undefined)) !== undefined);
  expect(await redis.cli('get', NUMBER)).toBe('3');
});
