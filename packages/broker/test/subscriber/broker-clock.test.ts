import { fakeClock } from '@millrace/testkit';
import { expect, it } from 'vitest';
import { BrokerClock } from '../../src/subscriber/broker-clock.js';

it('the broker clock has no time before its first sample', () => {
  expect(new BrokerClock(() => 0).wallMs()).toBeUndefined();
});

it('the broker clock uses the sample with the shortest round trip of the last minute', async () => {
  const clock = fakeClock();
  const broker = new BrokerClock(() => clock.monotonicMs());
  // The broker's time is 1,000,000 ms ahead. The long round trips of the first and the third sample make these wrong by 45 ms.
  broker.learn(0, 100, 1_000_005);
  broker.learn(200, 202, 1_000_201);
  broker.learn(300, 400, 1_000_395);
  await clock.advance(500);
  expect(broker.wallMs()).toBe(1_000_500);
});

it('the broker clock forgets a good sample after a minute, and follows a clock that was set', async () => {
  const clock = fakeClock();
  const broker = new BrokerClock(() => clock.monotonicMs());
  broker.learn(0, 1, 1_000_000.5);
  for (let second = 1; second <= 80; second++) {
    await clock.advance(1_000);
    broker.learn(second * 1_000, second * 1_000 + 10, 2_000_005 + second * 1_000);
  }
  expect(broker.wallMs()).toBe(2_080_000);
});
