// The publish queue of a stream whose events arrive faster than they are stored.
import type { Lane } from '@millrace/contract';
import { describe, expect, it, vi } from 'vitest';
import type { PublisherError } from '../../src/errors.js';
import { breakBroker, putInto, setUp } from './set-up.js';

describe('a stream whose events arrive faster than they are stored', () => {
  /** Milliseconds until the store answers a batch of 8 events. It therefore stores 800 events per second. */
  const batchMs = 10;
  const perSecond = 800;
  const stepMs = 10;

  async function setUpSlowStore() {
    const world = await setUp({ maxEvents: 100_000, maxChars: 1_000_000 });
    const { clock, broker } = world;
    const append = broker.append.bind(broker);
    vi.spyOn(broker, 'append').mockImplementation(async (stream, entries) => {
      await new Promise<void>((resolve) => void clock.startTimer(resolve, batchMs));
      return append(stream, entries);
    });
    const waitedMs: Record<'stored' | 'refused', number[]> = { stored: [], refused: [] };
    const refusals = new Set<string>();
    const offer = (lane: Lane, number: number): void => {
      const sinceMs = clock.monotonicMs();
      putInto(world.queue, { eventId: `${number}`, lane }).then(
        () => waitedMs.stored.push(clock.monotonicMs() - sinceMs),
        (error: PublisherError) => {
          waitedMs.refused.push(clock.monotonicMs() - sinceMs);
          refusals.add(`${error.code} ${error.outcome} ${error.retryAfterMs}`);
        },
      );
    };
    /** Adds `perMs` events per millisecond to the queue, for `ms` milliseconds. */
    const load = async (perMs: number, ms: number, lane: Lane = 'high'): Promise<void> => {
      let offered = 0;
      for (let at = stepMs; at <= ms; at += stepMs) {
        while (offered < at * perMs) offer(lane, (offered += 1));
        await clock.advance(stepMs);
      }
    };
    return { ...world, load, waitedMs, refusals };
  }

  it('an overloaded queue refuses excess events at once, and still stores the accepted events at the full rate', async () => {
    const { clock, load, waitedMs, refusals } = await setUpSlowStore();
    await load((3 * perSecond) / 1_000, 4_000);
    expect(waitedMs.stored.length).toBeGreaterThan(0.95 * 4 * perSecond);
    expect(waitedMs.refused.length).toBeGreaterThan(4 * perSecond);
    expect(Math.max(...waitedMs.refused)).toBeLessThanOrEqual(stepMs);
    expect([...refusals]).toEqual(['outbox_full not_stored 1000']);
    await clock.advance(3_000);
    // The first events wait longer, because the overload is not detected yet. Later, the queue contains only the events of
    // half a second.
    expect(Math.max(...waitedMs.stored)).toBeLessThan(3_000);
    expect(Math.max(...waitedMs.stored.slice(-300))).toBeLessThan(700);
    // After the overload, a burst is accepted again.
    waitedMs.refused.length = 0;
    await load(perSecond / stepMs, stepMs);
    await clock.advance(2_000);
    expect(waitedMs.refused).toEqual([]);
  });

  it('an overloaded queue still reads the broker’s replies while a caller retries without a pause', async () => {
    const { clock, queue, load, waitedMs } = await setUpSlowStore();
    await load((3 * perSecond) / 1_000, 1_500);
    expect(waitedMs.refused.length).toBeGreaterThan(0);
    let isStored = false;
    const insist = async (): Promise<void> => {
      while (!isStored) {
        isStored = await putInto(queue, { eventId: 'again' }).then(
          () => true,
          () => false,
        );
      }
    };
    const insisting = insist();
    await clock.advance(5_000);
    await insisting;
  });

  it('an overloaded queue refuses events of the low lane before events of the high lane', async () => {
    const { load, waitedMs } = await setUpSlowStore();
    await load((2 * perSecond) / 1_000, 3_000);
    waitedMs.refused.length = 0;
    const [high] = await Promise.all([load(0.5, 1_000), load(2, 1_000, 'low')]);
    expect(high).toBeUndefined();
    const stored = waitedMs.stored.length;
    expect(waitedMs.refused.length).toBeGreaterThan(1_000);
    await load(0.5, 1_000);
    expect(waitedMs.stored.length - stored).toBeGreaterThanOrEqual(500);
  });

  it('a queue stores the whole backlog of an outage, and refuses no event', async () => {
    const { clock, broker, put, results } = await setUp({ maxEvents: 100_000, maxChars: 1_000_000 });
    const away = breakBroker(broker);
    for (let n = 0; n < 2_000; n += 1) put(`before ${n}`);
    await clock.advance(4_000);
    away.mockRestore();
    for (let n = 0; n < 2_000; n += 1) put(`after ${n}`);
    await clock.advance(2_000);
    expect(new Set(Object.values(results))).toEqual(new Set(['stored']));
    expect(Object.keys(results)).toHaveLength(4_000);
  });
});
