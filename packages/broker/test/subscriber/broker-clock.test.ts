import { fakeClock } from '@millrace/testkit';
import { expect, it } from 'vitest';
import { BrokerClock } from '../../src/subscriber/broker-clock.js';

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
