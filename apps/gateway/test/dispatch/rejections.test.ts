// A rejected entry becomes a dead letter even if the broker does not accept it at that moment.
import { type Broker, BrokerError, createMemoryBroker } from '@millrace/broker';
import { eventCatalog } from '@millrace/contract';
import { fakeClock } from '@millrace/testkit';
import { describe, expect, it, vi } from 'vitest';
import { DeadLetterWriter, type UnstoredEntry } from '../../src/dispatch/dead-letter-writer.js';
import { Rejections } from '../../src/dispatch/rejections.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { createMetrics } from '../../src/telemetry/metrics.js';

const chat = 'events:chat';

async function openBroker(): Promise<Broker> {
  const broker = createMemoryBroker({ streams: eventCatalog.streams });
  await broker.open();
  return broker;
}

async function reasonsOf(broker: Broker): Promise<readonly string[]> {
  return (await broker.listDeadLetters(chat, { count: 100 })).map(({ reason }) => reason);
}

it('a gateway that stops first stores the dead letters that the broker had not accepted, and those of types that it asks about', async () => {
  const broker = await openBroker();
  const rejections = new Rejections({
    options: { catalog: eventCatalog, instance: 'g' },
    broker,
    metrics: createMetrics(),
    logger: createLogger({ level: 'silent' }),
    name: 'g#1',
  });
  await rejections.start();
  const entries = [{ fields: { n: '1' } }, { fields: { n: '2' } }];
  const receipts = await broker.append(chat, entries);
  vi.spyOn(broker, 'deadLetter').mockRejectedValueOnce(new BrokerError('out_of_memory', 'full'));
  for (const [at, receipt] of receipts.entries()) {
    if (receipt instanceof Error) throw receipt;
    const entry = { id: receipt.id, fields: entries[at]?.fields ?? {} };
    const unknownType = at === 0 ? {} : { unknownType: 'later' };
    rejections.reject(chat, entry, { action: 'reject', reason: `r${at}`, ...unknownType });
  }
  await rejections.stop();
  expect((await reasonsOf(broker)).toSorted()).toEqual(['r0', 'r1']);
});

describe('DeadLetterWriter', () => {
  async function setUp() {
    const clock = fakeClock();
    const broker = await openBroker();
    const failing = new Map<string, Error>();
    const failures: UnstoredEntry[] = [];
    /** Streams whose server does not answer. */
    const silent = new Set<string>();
    const writer = new DeadLetterWriter({
      clock,
      read: (stream, id) =>
        silent.has(stream) ? new Promise(() => {}) : Promise.resolve({ id, fields: {} }),
      write: async (stream, entry, reason) => {
        const failure = failing.get(stream);
        if (failure !== undefined) throw failure;
        await broker.deadLetter({ stream, entry, reason, rejectedBy: 'g' });
      },
      onFailure: (entry) => void failures.push(entry),
    });
    const store = (stream: string, n: number): void =>
      writer.store(stream, { id: `${n}-0`, fields: {} }, `${n}`);
    return { clock, broker, writer, store, failing, failures, silent };
  }

  it('entries wait in their order until the broker accepts them, and each failure is reported once', async () => {
    const { clock, broker, store, failing, failures } = await setUp();
    failing.set(chat, new BrokerError('unavailable', 'away'));
    for (let n = 1; n <= 5; n += 1) store(chat, n);
    await clock.advance(10_000);
    expect([await reasonsOf(broker), failures.length]).toEqual([[], 5]);
    failing.clear();
    await clock.advance(1_000);
    expect(await reasonsOf(broker)).toEqual(['1', '2', '3', '4', '5']);
    expect([failures.length, clock.timerCount]).toEqual([5, 0]);
  });

  it.each(['refuses', 'does not answer'])(
    'a stream whose server %s does not hold up the dead letters of another stream',
    async (trouble) => {
      const { clock, broker, store, failing, silent } = await setUp();
      if (trouble === 'does not answer') silent.add('events:ticket');
      failing.set('events:ticket', new BrokerError('refused', 'WRONGTYPE'));
      failing.set(chat, new BrokerError('unavailable', 'away'));
      store('events:ticket', 1);
      store(chat, 2);
      await clock.advance(0);
      failing.delete(chat);
      await clock.advance(1_000);
      expect(await reasonsOf(broker)).toEqual(['2']);
    },
  );

  it('more than ten thousand waiting entries are not kept, and the oldest are reported once more', async () => {
    const { clock, store, failing, failures } = await setUp();
    failing.set(chat, new BrokerError('unavailable', 'away'));
    for (let n = 0; n <= 10_000; n += 1) store(chat, n);
    await clock.advance(0);
    expect(failures.filter(({ id }) => id === '0-0')).toHaveLength(2);
    expect(failures).toHaveLength(10_002);
  });
});
