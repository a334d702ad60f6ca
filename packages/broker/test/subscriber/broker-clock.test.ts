import type { Broker } from '@millrace/broker';
import { fakeClock } from '@millrace/testkit';
import { expect, it } from 'vitest';
import { BrokerClock } from '../../src/subscriber/broker-clock.js';
import { beatOnce } from '../../src/subscriber/heartbeat.js';
import { StreamHealth } from '../../src/subscriber/stream-health.js';
import { StreamTrack } from '../../src/subscriber/stream-track.js';

it('a BrokerClock returns undefined before its first sample', () => {
  expect(new BrokerClock(() => 0).wallMs()).toBeUndefined();
});

it('a BrokerClock uses the sample with the shortest round trip', async () => {
  const clock = fakeClock();
  const broker = new BrokerClock(() => clock.monotonicMs());
  // The broker's time is 1,000,000 ms ahead. The first and the third sample are wrong by 45 ms, because their round trips are long.
  broker.learn(0, 100, 1_000_005);
  broker.learn(200, 202, 1_000_201);
  broker.learn(300, 400, 1_000_395);
  await clock.advance(500);
  expect(broker.wallMs()).toBe(1_000_500);
});

it('a BrokerClock forgets its best sample after a minute, and then follows a change of the broker’s time', async () => {
  const clock = fakeClock();
  const broker = new BrokerClock(() => clock.monotonicMs());
  broker.learn(0, 1, 1_000_000.5);
  for (let second = 1; second <= 80; second++) {
    await clock.advance(1_000);
    broker.learn(second * 1_000, second * 1_000 + 10, 2_000_005 + second * 1_000);
  }
  expect(broker.wallMs()).toBe(2_080_000);
});

it.each(['moved', 'reset'] as const)(
  'a BrokerClock follows another server’s clock as soon as a heartbeat has the status %s',
  async (status) => {
    const clock = fakeClock();
    const brokerClock = new BrokerClock(() => clock.monotonicMs());
    const start = { stream: 's', epoch: 'e', cursor: '0-0', lastId: '0-0', entriesAdded: 0, timeMs: 0 };
    const track = new StreamTrack(start);
    let reply = { ...start, status: 'alive', timeMs: 1_000_000 };
    // A heartbeat needs only these parts of the broker, the options and the report.
    const unused = { broker: { heartbeat: async () => [reply] }, options: { name: 'a', clock }, report: {} };
    const dependencies = {
      ...(unused as unknown as { broker: Broker; options: never; report: never }),
      tracks: new Map([['s', track]]),
      brokerClock,
      health: new StreamHealth({ onTrouble: () => {}, onTroubleOver: () => {} }),
      isRegistered: () => true,
      onReply: () => {},
    };
    await beatOnce(dependencies);
    expect(brokerClock.wallMs()).toBe(1_000_000);
    await clock.advance(100);
    reply = { ...start, status, timeMs: 5_000_000 };
    await beatOnce(dependencies);
    expect(brokerClock.wallMs()).toBe(5_000_000);
  },
);
