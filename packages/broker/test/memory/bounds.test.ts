// The bounds of the memory broker, the order of its IDs, and trims after the clock was set back.
import { createMemoryBroker } from '@millrace/broker';
import { append, CHAT, fakeClock, present, SUITE_OPTIONS } from '@millrace/testkit';
import { expect, it } from 'vitest';
import { ExpiringMap } from '../../src/memory/expiring-map.js';
import { RetainedEntries } from '../../src/memory/retained-entries.js';

it('the memory broker forgets a pending entry when the hard cap removes it from the stream', async () => {
  const streams = [{ name: CHAT, maxLength: 10 }];
  const broker = createMemoryBroker({ ...SUITE_OPTIONS, streams, hardCapFactor: 5, clock: fakeClock() });
  await broker.open();
  await broker.register('a');
  const lease = present(await broker.acquireLease(CHAT, 'a'));
  for (let n = 0; n < 500; n++) {
    await append(broker, { stream: CHAT, fields: { n: String(n) } });
    await broker.runLedgerPass(lease, { consumer: 'c', count: 10 });
  }
  expect(await broker.inspect(CHAT)).toMatchObject({ length: 50, pending: 50, expired: 450, unconsumed: 0 });
});

it('an ExpiringMap forgets expired values, and its oldest values if it has too many', () => {
  const map = new ExpiringMap<number>(100, 3);
  for (let n = 0; n < 5; n++) map.set(`k${n}`, n, 0);
  expect(['k0', 'k1', 'k2', 'k3', 'k4'].map((key) => map.get(key, 0))).toEqual([
    undefined,
    undefined,
    2,
    3,
    4,
  ]);
  expect(map.get('k4', 99)).toBe(4);
  expect(map.get('k4', 100)).toBeUndefined();
});

it('RetainedEntries assigns rising IDs even when the clock stalls or is set back', () => {
  const log = new RetainedEntries();
  const ids = [5, 5, 3, 6, 1].map((ms) => log.append({}, ms));
  expect(ids).toEqual(['5-0', '5-1', '5-2', '6-0', '6-1']);
});

it('RetainedEntries gives the same results as a plain array over many appends and removals', () => {
  const log = new RetainedEntries();
  let plain: string[] = [];
  for (let round = 0; round < 200; round++) {
    for (let n = 0; n < 37; n++) plain.push(log.append({}, round));
    log.removeOldest(round % 3 === 0 ? 90 : 5);
    plain = plain.slice(round % 3 === 0 ? 90 : 5);
    const middle = plain[Math.floor(plain.length / 2)];
    expect(log.length).toBe(plain.length);
    expect(log.firstId).toBe(plain[0]);
    if (middle === undefined) continue;
    expect(log.countBelow(middle)).toBe(plain.indexOf(middle));
    expect(log.range(middle, undefined, 10).map(({ id }) => id)).toEqual(
      plain.slice(plain.indexOf(middle) + 1).slice(0, 10),
    );
  }
});

it('a memory broker whose clock was set back trims entries that were first seen minAgeMs ago', async () => {
  const clock = fakeClock();
  const streams = [{ name: CHAT, maxLength: 10 }];
  const broker = createMemoryBroker({ ...SUITE_OPTIONS, streams, minAgeMs: 1_000, clock });
  await broker.open();
  await broker.register('a');
  const lease = present(await broker.acquireLease(CHAT, 'a'));
  const publishAll = async (count: number): Promise<string> => {
    let id = '';
    for (let n = 0; n < count; n++)
      ({ id } = await append(broker, { stream: CHAT, fields: { n: String(n) } }));
    return id;
  };
  const trim = async (cursor: string): Promise<unknown> => {
    await broker.runLedgerPass(lease, { consumer: 'c', count: 200, cursor });
    await broker.runLedgerPass(lease, { consumer: 'c', count: 200, cursor });
    return broker.trim(lease);
  };
  await publishAll(1);
  clock.step(-600_000);
  const old = await publishAll(50);
  expect(await trim(old)).toMatchObject({ removed: 0 });
  await clock.advance(1_000);
  const young = await publishAll(20);
  // The 51 entries that the first trim saw are old enough now. The other 20 entries are too young.
  expect(await trim(young)).toMatchObject({ removed: 51, expired: 0 });
  expect(await trim(young)).toMatchObject({ removed: 0 });
  await clock.advance(1_000);
  expect(await trim(young)).toMatchObject({ removed: 10 });
});
