import { createMemoryBroker } from '@millrace/broker';
import { describeBrokerConformance, fakeClock, SUITE_OPTIONS } from '@millrace/testkit';

describeBrokerConformance('the memory broker', async (options) => {
  const clock = fakeClock();
  const broker = createMemoryBroker({ ...SUITE_OPTIONS, ...options, clock });
  await broker.open();
  return {
    broker,
    passTime: (ms) => clock.advance(ms),
    [Symbol.asyncDispose]: () => broker.close(),
  };
});
