// A stream may hold fewer entries than one read returns. A gap in it is noticed before the first entry after the gap is handled.
import { createMemoryBroker, createSubscriber } from '@millrace/broker';
import { append, CHAT, fakeClock, SUITE_OPTIONS } from '@millrace/testkit';
import { expect, it } from 'vitest';
import { probe } from '../support/broker-probe.js';

it('a gap in a stream that was cut at a hard cap below the size of a read is noticed before the next entry is handled', async () => {
  const clock = fakeClock();
  const streams = [{ name: CHAT, maxLength: 5 }];
  const broker = createMemoryBroker({ ...SUITE_OPTIONS, streams, hardCapFactor: 2, clock });
  await broker.open();
  const { probed, failing } = probe(broker);
  const log: string[] = [];
  const subscriber = createSubscriber(probed, {
    name: 'a',
    onEntry: (_, { fields }) => log.push(String(fields['n'])),
    onOvertaken: () => log.push('overtaken'),
    onGap: (_, lost, isKnown) => log.push(`gap of ${lost}, ${isKnown ? 'known' : 'unknown'}`),
    onError: () => {},
    clock,
  });
  await subscriber.start();
  const publish = (n: number) => append(broker, { stream: CHAT, fields: { n: String(n) } });
  await publish(1);
  await clock.advance(300);
  // The read that waits still returns the second entry.
  failing.add('readAfter');
  for (let n = 2; n <= 31; n++) await publish(n);
  await clock.advance(20);
  failing.clear();
  await clock.advance(1_000);
  expect(log.slice(0, 4)).toEqual(['1', '2', 'overtaken', '22']);
  expect(log.filter((line) => line.startsWith('gap'))).toEqual(['gap of 19, known']);
});
