import { createMemoryBroker } from '@millrace/broker';
import { describeBrokerConformance, fakeClock, SUITE_OPTIONS } from '@millrace/testkit';

const deployments = [
  ['the memory broker', {}],
  ['the memory broker with a consumer group', { group: 'millrace' }],
] as const;

for (const [name, deployment] of deployments) {
  describeBrokerConformance(name, async (options) => {
    const clock = fakeClock();
    const broker = createMemoryBroker({ ...SUITE_OPTIONS, ...deployment, ...options, clock });
    await broker.open();
    return {
      broker,
      passTime: (ms) => clock.advance(ms),
      [Symbol.asyncDispose]: () => broker.close(),
    };
  });
}
