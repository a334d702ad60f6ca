// How often a subscriber calls the broker: when it is busy, when it is idle, and when calls fail. The test moves the clock.
import { type Broker, createMemoryBroker, createSubscriber, type SubscriberOptions } from '@millrace/broker';
import { append, CHAT, fakeClock, present, SUITE_OPTIONS, TICKET } from '@millrace/testkit';
import { expect, it } from 'vitest';
import { probe } from '../support/broker-probe.js';

/** Starts a subscriber on a memory broker. The test can count its calls and make them fail. */
async function setUp(options: Partial<SubscriberOptions> = {}) {
  const clock = fakeClock();
  const broker = createMemoryBroker({ ...SUITE_OPTIONS, livenessMs: 3_000, leaseMs: 3_000, clock });
  await broker.open();
  const { probed, count, failing, lastArgumentsOf } = probe(broker);
  const log: string[] = [];
  const subscriber = createSubscriber(probed, {
    name: 'a',
    onEntry: () => {},
    onStateChange: (state) => log.push(state),
    onError: (_, source) => log.push(`error:${source}`),
    clock,
    ...options,
  });
  await subscriber.start();
  const during = async (ms: number, name: string): Promise<number> => {
    const before = count(name);
    await clock.advance(ms);
    return count(name) - before;
  };
  return { clock, broker, subscriber, log, failing, count, during, lastArgumentsOf };
}

const publish = (broker: Broker) => append(broker, { stream: CHAT, fields: { n: '1' } });

it('a subscriber runs a pass once a second on an idle stream, and every 100 ms on a busy one', async () => {
  const { clock, broker, during, subscriber } = await setUp();
  await clock.advance(2_000);
  // Each of the two streams has one pass in this second.
  expect(await during(1_000, 'runLedgerPass')).toBe(2);
  let passes = 0;
  for (let n = 0; n < 100; n++) {
    await publish(broker);
    passes += await during(10, 'runLedgerPass');
  }
  // The busy stream has about ten passes, and the stream without new entries has one.
  expect(passes).toBeGreaterThanOrEqual(9);
  expect(passes).toBeLessThanOrEqual(13);
  const stopping = subscriber.stop();
  await clock.advance(1_000);
  await stopping;
});

it('a subscriber that was idle acknowledges its next entry within 26 ms', async () => {
  const { clock, broker } = await setUp();
  await clock.advance(2_010);
  await publish(broker);
  await clock.advance(26);
  expect(await broker.inspect(CHAT)).toMatchObject({ unconsumed: 0, pending: 0 });
});

it('a subscriber acknowledges a backlog of 1,900 entries within 60 ms, in at least ten short passes', async () => {
  const { clock, broker, during } = await setUp();
  await Promise.all(Array.from({ length: 1_900 }, () => publish(broker)));
  const passes = await during(60, 'runLedgerPass');
  expect(await broker.inspect(CHAT)).toMatchObject({ unconsumed: 0, pending: 0 });
  expect(passes).toBeGreaterThanOrEqual(10);
  await clock.advance(0);
});

it('a subscriber sends a heartbeat every 250 ms, and trims and renews its leases about once a second', async () => {
  const { clock, during } = await setUp();
  await clock.advance(3_000);
  const [beats, trims, claims, leases] = [
    await during(4_000, 'heartbeat'),
    await during(4_000, 'trim'),
    await during(4_000, 'claimSlot'),
    await during(4_000, 'acquireLease'),
  ];
  expect(beats).toBe(16);
  // Each of the two streams is trimmed about once a second. A trim that is due waits for the next round of the loop.
  expect(trims).toBeGreaterThanOrEqual(6);
  expect(trims).toBeLessThanOrEqual(8);
  expect(claims).toBeGreaterThanOrEqual(3);
  expect(claims).toBeLessThanOrEqual(4);
  expect(leases).toBe(2 * 4);
});

it.each(['readAfter', 'heartbeat', 'runLedgerPass'])(
  'a subscriber backs off while its calls of %s fail, and reports the failure once',
  async (name) => {
    const { clock, subscriber, failing, during, log, count } = await setUp();
    await clock.advance(1_000);
    failing.add(name);
    const attempts = await during(60_000, name);
    expect(attempts).toBeGreaterThan(20);
    // Full jitter of up to two seconds gives about one attempt per second. For passes, this rate applies to each of the two
    // streams.
    expect(attempts).toBeLessThan(name === 'runLedgerPass' ? 400 : 300);
    expect(log.filter((line) => line.startsWith('error:')).length).toBe(1);
    failing.clear();
    await clock.advance(5_000);
    expect(subscriber.state).toBe('tailing');
    expect(count(name)).toBeGreaterThan(attempts);
  },
);

it('a subscriber runs no acknowledgement passes and acquires no leases while its reads fail', async () => {
  const { clock, failing, during } = await setUp();
  await clock.advance(1_000);
  failing.add('readAfter');
  await clock.advance(3_000);
  expect(await during(3_000, 'runLedgerPass')).toBe(0);
  expect(await during(3_000, 'acquireLease')).toBe(0);
  failing.clear();
  await clock.advance(5_000);
  expect(await during(1_000, 'runLedgerPass')).toBeGreaterThan(0);
});

it('a subscriber with a readBlockMs of ten minutes recovers within 5 s after an outage', async () => {
  const { clock, failing, subscriber } = await setUp({ readBlockMs: 600_000 });
  await clock.advance(1_000);
  failing.add('readAfter');
  failing.add('heartbeat');
  await clock.advance(600_000);
  expect(subscriber.state).toBe('recovering');
  failing.clear();
  await clock.advance(5_000);
  expect(subscriber.state).toBe('tailing');
});

it('a subscriber that lost a lease acquires it again, once it is free, before the next regular renewal', async () => {
  const { clock, broker } = await setUp();
  await clock.advance(1_100);
  const lease = present(await broker.acquireLease(CHAT, 'a'));
  await broker.releaseLease(lease);
  // The idle loop runs twice in this time. The next regular renewal would come later.
  await clock.advance(520);
  expect(await broker.acquireLease(CHAT, 'b')).toBeUndefined();
});

it('a subscriber requests fewer entries per read and per pass when the entries are large', async () => {
  const { clock, broker, lastArgumentsOf } = await setUp();
  await clock.advance(1_000);
  expect(lastArgumentsOf('readAfter')[1]).toMatchObject({ count: 500 });
  expect(lastArgumentsOf('runLedgerPass')[1]).toMatchObject({ count: 200 });
  for (const { name } of SUITE_OPTIONS.streams) {
    await append(broker, { stream: name, fields: { payload: 'x'.repeat(500_000) } });
  }
  await clock.advance(1_000);
  expect(lastArgumentsOf('readAfter')[1]).toMatchObject({ count: 4 });
  expect(lastArgumentsOf('runLedgerPass')[1]).toMatchObject({ count: 2 });
});

it('a subscriber does not take over streams right after an outage, so that others can renew their leases', async () => {
  const { clock, broker, failing, count } = await setUp();
  const other = probe(broker);
  const second = createSubscriber(other.probed, { name: 'b', onEntry: () => {}, clock });
  await second.start();
  await clock.advance(5_000);
  const holders = async (): Promise<readonly boolean[]> => [
    (await broker.acquireLease(CHAT, 'a')) !== undefined,
    (await broker.acquireLease(TICKET, 'b')) !== undefined,
  ];
  expect(await holders()).toEqual([true, true]);
  const all = ['heartbeat', 'readAfter', 'claimSlot', 'acquireLease', 'runLedgerPass', 'trim'];
  for (const set of [failing, other.failing]) for (const name of all) set.add(name);
  await clock.advance(5_000);
  failing.clear();
  const before = count('claimSlot');
  // The subscriber sees only its own slot, and every lease has expired.
  while (count('claimSlot') === before) await clock.advance(50);
  await clock.advance(2_000);
  expect(await broker.acquireLease(CHAT, 'somebody')).toBeUndefined();
  expect(await broker.acquireLease(TICKET, 'b')).toBeDefined();
  // The other subscriber does not come back, so the first one takes over its stream.
  await clock.advance(8_000);
  expect(await broker.acquireLease(TICKET, 'b')).toBeUndefined();
});

it('a subscriber that stops acknowledges all handled entries, even if it never had a slot or a lease', async () => {
  const { clock, broker, subscriber, failing } = await setUp();
  failing.add('acquireLease');
  failing.add('claimSlot');
  await clock.advance(5_000);
  for (let n = 0; n < 700; n++) await publish(broker);
  await clock.advance(1_000);
  expect(await broker.inspect(CHAT)).toMatchObject({ unconsumed: 700 });
  failing.clear();
  const stopping = subscriber.stop();
  await clock.advance(0);
  await stopping;
  expect(await broker.inspect(CHAT)).toMatchObject({ unconsumed: 0, pending: 0 });
});
