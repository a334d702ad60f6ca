// The batches in which the publish queue sends its events.
import { BrokerError, createMemoryBroker } from '@millrace/broker';
import { fakeClock } from '@millrace/testkit';
import { describe, expect, it, vi } from 'vitest';
import { PublishQueue } from '../../src/queue/publish-queue.js';
import { putInto, setUp, streams } from './set-up.js';

describe('batches', () => {
  /** Creates a queue that records the event numbers of each batch. */
  async function setUpBatches() {
    const world = await setUp({ maxChars: 2_000_000 });
    const batches: string[] = [];
    const append = world.broker.append.bind(world.broker);
    vi.spyOn(world.broker, 'append').mockImplementation((stream, entries) => {
      batches.push(entries.map(({ fields }) => fields['n']?.slice(0, 2) ?? '').join());
      return append(stream, entries);
    });
    return { ...world, batches };
  }

  it('events of one event loop turn form batches, which are sent one after another in order', async () => {
    const { clock, put, batches } = await setUpBatches();
    for (let n = 0; n < 10; n += 1) put(`${n}`);
    expect(batches).toEqual([]);
    await Promise.resolve();
    put('late');
    await clock.advance(1);
    expect(batches).toEqual(['0,1,2,3,4,5,6,7', '8,9,la']);
  });

  it('the batch size grows while a backlog is stored, and is small again after a failure', async () => {
    const clock = fakeClock();
    const broker = createMemoryBroker({ streams, publishBatchSize: 100, clock });
    await broker.open();
    const queue = new PublishQueue({
      broker,
      clock,
      maxEvents: 1_000,
      maxChars: 1_000_000,
      maxWaitMs: 60_000,
    });
    const append = broker.append.bind(broker);
    const sizes: number[] = [];
    vi.spyOn(broker, 'append').mockImplementation(async (stream, entries) => {
      sizes.push(entries.length);
      if (sizes.length === 4) throw new BrokerError('unavailable', 'away', { nothingHappened: true });
      return append(stream, entries);
    });
    for (let n = 0; n < 400; n += 1)
      void putInto(queue, { eventId: `${n}`, lane: 'high', stream: 'events:chat', isTriedOnce: false });
    await clock.advance(5_000);
    expect(sizes).toEqual([32, 64, 100, 100, 32, 64, 100, 8]);
    const stored = await broker.readRange('events:chat', { count: 1_000 });
    expect(stored.map(({ fields }) => fields['n'])).toEqual(Array.from({ length: 400 }, (_, n) => `${n}`));
  });

  it('a batch has a limited number of characters, and a huge event is sent alone', async () => {
    const { clock, put, batches } = await setUpBatches();
    put(`a:${'x'.repeat(200_000)}`);
    put(`b:${'x'.repeat(200_000)}`);
    put(`c:${'x'.repeat(500_000)}`);
    put('d:');
    await clock.advance(1);
    expect(batches).toEqual(['a:', 'b:', 'c:', 'd:']);
  });
});
