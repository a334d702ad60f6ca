// The outbox alone: order, lanes, repeats, bounds and refusals, on a clock of the test's own.
import { type Broker, BrokerError, createMemoryBroker } from '@millrace/broker';
import type { Lane } from '@millrace/contract';
import { fakeClock } from '@millrace/testkit';
import { describe, expect, it, vi } from 'vitest';
import type { PublisherError } from '../../src/errors.js';
import { Outbox } from '../../src/queue/publish-queue.js';
import type { OutboxEvent, OutboxOptions } from '../../src/queue/queued-event.js';

const streams = [
  { name: 'events:chat', maxLength: 1_000 },
  { name: 'events:ticket', maxLength: 1_000 },
];

interface NewEvent extends Partial<Omit<OutboxEvent, 'stored' | 'failed'>> {
  readonly eventId: string;
}

/** Puts an event in; settles as it is told. */
function putInto(outbox: Outbox, event: NewEvent): Promise<void> {
  const { eventId } = event;
  return new Promise((resolve, reject) => {
    outbox.put({
      lane: 'high',
      stream: 'events:chat',
      fields: { n: eventId },
      isTriedOnce: false,
      ...event,
      stored: () => resolve(),
      failed: reject,
    });
  });
}

async function setUp(options: Partial<OutboxOptions> = {}) {
  const clock = fakeClock();
  const broker = createMemoryBroker({ streams, publishBatchSize: 8, clock });
  await broker.open();
  const outbox = new Outbox({
    broker,
    clock,
    maxEvents: 100,
    maxChars: 10_000,
    maxWaitMs: 5_000,
    ...options,
  });
  const results: Record<string, string> = {};
  const put = (eventId: string, lane: Lane = 'high', stream = 'events:chat', isTriedOnce = false): void => {
    putInto(outbox, { eventId, lane, stream, dedupeId: eventId, isTriedOnce }).then(
      () => {
        results[eventId] = 'stored';
      },
      (error: { code: string; outcome?: string }) => {
        results[eventId] = `${error.code} ${error.outcome ?? ''}`.trim();
      },
    );
  };
  const stored = async (stream = 'events:chat'): Promise<string> =>
    (await broker.readRange(stream, { count: 1_000 })).map(({ fields }) => fields['n']).join(' ');
  return { clock, broker, outbox, put, stored, results };
}

/** Takes the broker away; `isDone` as when the entry was stored and the reply lost. */
function takeAway(broker: Broker, error = new BrokerError('unavailable', 'away'), isDone = false) {
  const append = broker.append.bind(broker);
  return vi.spyOn(broker, 'append').mockImplementation(async (stream, entries) => {
    if (isDone) await append(stream, entries);
    throw error;
  });
}

describe('while the broker is there', () => {
  it('stores in the order of the calls, streams apart', async () => {
    const { clock, put, stored, results } = await setUp();
    for (let n = 0; n < 20; n += 1) put(`c${n}`);
    put('t', 'high', 'events:ticket');
    await clock.advance(10);
    expect(await stored()).toBe(Array.from({ length: 20 }, (_, n) => `c${n}`).join(' '));
    expect(await stored('events:ticket')).toBe('t');
    expect(new Set(Object.values(results))).toEqual(new Set(['stored']));
  });

  it('sends high before medium before low of what waits', async () => {
    const { clock, put, stored } = await setUp();
    for (const [id, lane] of [
      ['l1', 'low'],
      ['m1', 'medium'],
      ['h1', 'high'],
      ['l2', 'low'],
      ['h2', 'high'],
    ] as const)
      put(id, lane);
    await clock.advance(10);
    expect(await stored()).toBe('h1 h2 m1 l1 l2');
  });

  it('holds no timer once nothing waits', async () => {
    const { clock, put } = await setUp();
    put('a');
    await clock.advance(20_000);
    expect(clock.timerCount).toBe(0);
  });
});

describe('while the broker is away', () => {
  it.each([
    ['nothing was stored', false],
    ['all was stored and no reply came', true],
  ])('keeps the order and stores once, when %s', async (_title, isDone) => {
    const { clock, broker, put, stored, results } = await setUp();
    const away = takeAway(broker, undefined, isDone);
    for (let n = 0; n < 15; n += 1) put(`${n}`);
    await clock.advance(1_000);
    for (let n = 15; n < 20; n += 1) put(`${n}`);
    expect(results).toEqual({});
    away.mockRestore();
    await clock.advance(2_000);
    expect(await stored()).toBe(Array.from({ length: 20 }, (_, n) => `${n}`).join(' '));
    expect(Object.values(results)).toEqual(Array.from({ length: 20 }, () => 'stored'));
  });

  it('refuses what has waited too long, and says whether it may be stored', async () => {
    const { clock, broker, put, stored, results } = await setUp();
    const away = takeAway(broker);
    for (let n = 0; n < 10; n += 1) put(`${n}`);
    await clock.advance(3_000);
    put('late');
    await clock.advance(2_000);
    expect(results['0']).toBe('broker_unavailable unknown');
    // A batch is eight.
    expect(results['9']).toBe('broker_unavailable not_stored');
    expect(results['late']).toBeUndefined();
    away.mockRestore();
    await clock.advance(2_000);
    expect(results['late']).toBe('stored');
    expect(await stored()).toBe('late');
  });

  it('says that nothing was stored while the store has no memory', async () => {
    const { clock, broker, put, results } = await setUp();
    takeAway(broker, new BrokerError('out_of_memory', 'full'));
    put('a');
    await clock.advance(5_000);
    expect(results).toEqual({ a: 'broker_unavailable not_stored' });
  });

  it('says that nothing was stored when no attempt was ever sent', async () => {
    const { clock, broker, put, results } = await setUp();
    takeAway(broker, new BrokerError('unavailable', 'not connected', { nothingHappened: true }));
    put('a');
    await clock.advance(5_000);
    expect(results).toEqual({ a: 'broker_unavailable not_stored' });
  });

  it('leaves it open when one attempt was sent and the later ones were not', async () => {
    const { clock, broker, put, results } = await setUp();
    takeAway(broker, new BrokerError('unavailable', 'not connected', { nothingHappened: true }));
    vi.mocked(broker.append).mockRejectedValueOnce(new BrokerError('timeout', 'no answer'));
    put('a');
    await clock.advance(5_000);
    expect(results).toEqual({ a: 'broker_unavailable unknown' });
  });

  it('tries again a bounded number of times', async () => {
    const { clock, broker, put } = await setUp({ maxWaitMs: 60_000 });
    const away = takeAway(broker);
    put('a');
    await clock.advance(60_000);
    expect(away.mock.calls.length).toBeGreaterThan(30);
    expect(away.mock.calls.length).toBeLessThan(1_000);
  });

  it('the outbox passes on at once an error that will never go away, to the whole batch', async () => {
    const { clock, broker, put, results } = await setUp();
    vi.spyOn(broker, 'append').mockRejectedValueOnce(new BrokerError('refused', 'WRONGTYPE'));
    for (let n = 0; n < 9; n += 1) put(`${n}`);
    await clock.advance(1);
    expect(results).toMatchObject({ '0': 'refused', '7': 'refused', '8': 'stored' });
  });

  it('the outbox tells each event of a batch its own outcome when the store stops in the middle', async () => {
    const { clock, broker, put, results, stored } = await setUp();
    const full = new BrokerError('out_of_memory', 'full');
    const refused = new BrokerError('refused', 'no more IDs');
    vi.spyOn(broker, 'append').mockResolvedValueOnce([{ id: '1-0', isDuplicate: false }, full, refused]);
    for (const id of ['a', 'b', 'c', 'd']) put(id);
    await clock.advance(1);
    expect(results).toEqual({ a: 'stored', c: 'refused', d: 'undefined' });
    await clock.advance(1_000);
    expect(results['b']).toBe('stored');
    expect(await stored()).toBe('b');
  });

  it('the outbox gives up at once an event that is tried once, and repeats the others', async () => {
    const { clock, broker, put, results, stored } = await setUp();
    const away = takeAway(broker);
    put('again', 'low');
    put('once', 'low', 'events:chat', true);
    await clock.advance(1);
    expect(results).toEqual({ once: 'unavailable' });
    away.mockRestore();
    await clock.advance(1_000);
    expect(await stored()).toBe('again');
  });
});

describe('in batches', () => {
  /** The batches, by the numbers of their events. */
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

  it('the outbox sends the events of one turn together, one batch at a time, in order', async () => {
    const { clock, put, batches } = await setUpBatches();
    for (let n = 0; n < 10; n += 1) put(`${n}`);
    expect(batches).toEqual([]);
    await Promise.resolve();
    put('late');
    await clock.advance(1);
    expect(batches).toEqual(['0,1,2,3,4,5,6,7', '8,9,la']);
  });

  it('the outbox sends larger batches for as long as a backlog is stored, and small ones again after a failure', async () => {
    const clock = fakeClock();
    const broker = createMemoryBroker({ streams, publishBatchSize: 100, clock });
    await broker.open();
    const outbox = new Outbox({ broker, clock, maxEvents: 1_000, maxChars: 1_000_000, maxWaitMs: 60_000 });
    const append = broker.append.bind(broker);
    const sizes: number[] = [];
    vi.spyOn(broker, 'append').mockImplementation(async (stream, entries) => {
      sizes.push(entries.length);
      if (sizes.length === 4) throw new BrokerError('unavailable', 'away', { nothingHappened: true });
      return append(stream, entries);
    });
    for (let n = 0; n < 400; n += 1)
      void putInto(outbox, { eventId: `${n}`, lane: 'high', stream: 'events:chat', isTriedOnce: false });
    await clock.advance(5_000);
    expect(sizes).toEqual([32, 64, 100, 100, 32, 64, 100, 8]);
    const stored = await broker.readRange('events:chat', { count: 1_000 });
    expect(stored.map(({ fields }) => fields['n'])).toEqual(Array.from({ length: 400 }, (_, n) => `${n}`));
  });

  it('the outbox closes a batch by its characters too, and sends a huge event alone', async () => {
    const { clock, put, batches } = await setUpBatches();
    put(`a:${'x'.repeat(200_000)}`);
    put(`b:${'x'.repeat(200_000)}`);
    put(`c:${'x'.repeat(500_000)}`);
    put('d:');
    await clock.advance(1);
    expect(batches).toEqual(['a:', 'b:', 'c:', 'd:']);
  });

  it('the outbox says when all earlier events are settled, whatever is put in later', async () => {
    const { clock, broker, outbox, put } = await setUp();
    await outbox.settled();
    const away = takeAway(broker);
    put('a');
    const settled: string[] = [];
    void outbox.settled().then(() => settled.push('first'));
    await clock.advance(1);
    put('b', 'high', 'events:ticket');
    void outbox.settled().then(() => settled.push('second'));
    expect(settled).toEqual([]);
    away.mockRestore();
    await clock.advance(1_000);
    expect(settled).toEqual(['first', 'second']);
  });
});

describe('at its bound', () => {
  it('lets low events make room, the oldest first, then refuses', async () => {
    const { clock, broker, put, stored, results } = await setUp({ maxEvents: 4 });
    const away = takeAway(broker);
    for (const id of ['l1', 'l2', 'l3', 'l4']) put(id, 'low');
    await clock.advance(100);
    for (const id of ['h1', 'h2', 'h3']) put(id);
    put('l5', 'low');
    put('m1', 'medium');
    put('m2', 'medium');
    await clock.advance(1);
    expect(results['m2']).toBe('outbox_full not_stored');
    expect(Object.keys(results).toSorted()).toEqual(['l1', 'l2', 'l3', 'l4', 'l5', 'm2']);
    away.mockRestore();
    await clock.advance(2_000);
    expect(await stored()).toBe('h1 h2 h3 m1');
  });

  it('counts characters too, and takes a single huge event', async () => {
    const { clock, broker, put, results } = await setUp({ maxChars: 12 });
    takeAway(broker);
    put('x'.repeat(100));
    put('small');
    await clock.advance(1);
    expect(results).toEqual({ small: 'outbox_full not_stored' });
  });
});

describe('where more is offered than the store takes', () => {
  /** A batch of 8 events is answered after this long, so 800 a second. */
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
      putInto(world.outbox, { eventId: `${number}`, lane }).then(
        () => waitedMs.stored.push(clock.monotonicMs() - sinceMs),
        (error: PublisherError) => {
          waitedMs.refused.push(clock.monotonicMs() - sinceMs);
          refusals.add(`${error.code} ${error.outcome} ${error.retryAfterMs}`);
        },
      );
    };
    /** Offers so many a millisecond for so long. */
    const load = async (perMs: number, ms: number, lane: Lane = 'high'): Promise<void> => {
      let offered = 0;
      for (let at = stepMs; at <= ms; at += stepMs) {
        while (offered < at * perMs) offer(lane, (offered += 1));
        await clock.advance(stepMs);
      }
    };
    return { ...world, load, waitedMs, refusals };
  }

  it('an overloaded outbox refuses the excess at once and stores as much as ever', async () => {
    const { clock, load, waitedMs, refusals } = await setUpSlowStore();
    await load((3 * perSecond) / 1_000, 4_000);
    expect(waitedMs.stored.length).toBeGreaterThan(0.95 * 4 * perSecond);
    expect(waitedMs.refused.length).toBeGreaterThan(4 * perSecond);
    expect(Math.max(...waitedMs.refused)).toBeLessThanOrEqual(stepMs);
    expect([...refusals]).toEqual(['outbox_full not_stored 1000']);
    await clock.advance(3_000);
    // First the events that came before anybody could know, then half a second's worth.
    expect(Math.max(...waitedMs.stored)).toBeLessThan(3_000);
    expect(Math.max(...waitedMs.stored.slice(-300))).toBeLessThan(700);
    // Calm again: a burst is welcome.
    waitedMs.refused.length = 0;
    await load(perSecond / stepMs, stepMs);
    await clock.advance(2_000);
    expect(waitedMs.refused).toEqual([]);
  });

  it('an overloaded outbox lets replies in although somebody tries again at once, for ever', async () => {
    const { clock, outbox, load, waitedMs } = await setUpSlowStore();
    await load((3 * perSecond) / 1_000, 1_500);
    expect(waitedMs.refused.length).toBeGreaterThan(0);
    let isStored = false;
    const insist = async (): Promise<void> => {
      while (!isStored) {
        isStored = await putInto(outbox, { eventId: 'again' }).then(
          () => true,
          () => false,
        );
      }
    };
    const insisting = insist();
    await clock.advance(5_000);
    await insisting;
  });

  it('an overloaded outbox refuses low events before high ones', async () => {
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

  it('an outbox stores a backlog from while the store was away, however long, before it judges', async () => {
    const { clock, broker, put, results } = await setUp({ maxEvents: 100_000, maxChars: 1_000_000 });
    const away = takeAway(broker);
    for (let n = 0; n < 2_000; n += 1) put(`before ${n}`);
    await clock.advance(4_000);
    away.mockRestore();
    for (let n = 0; n < 2_000; n += 1) put(`after ${n}`);
    await clock.advance(2_000);
    expect(new Set(Object.values(results))).toEqual(new Set(['stored']));
    expect(Object.keys(results)).toHaveLength(4_000);
  });
});

it('an outbox counts no time in which this process slept: what waited is stored when it wakes', async () => {
  const { clock, broker, put, stored, results } = await setUp();
  const append = broker.append.bind(broker);
  vi.spyOn(broker, 'append').mockImplementation(async (stream, entries) => {
    await new Promise<void>((resolve) => void clock.startTimer(resolve, 1));
    return append(stream, entries);
  });
  for (let n = 0; n < 50; n += 1) put(`${n}`);
  clock.sleep(60_000);
  await clock.advance(100);
  expect(new Set(Object.values(results))).toEqual(new Set(['stored']));
  expect(await stored()).toBe(Array.from({ length: 50 }, (_, n) => `${n}`).join(' '));
});

it('refuses what waits when it is closed', async () => {
  const { clock, broker, outbox, put, results } = await setUp();
  takeAway(broker);
  put('a');
  await clock.advance(10);
  outbox.close();
  put('b');
  await clock.advance(2_000);
  expect(results['a']).toMatch('broker_unavailable');
  expect(results['b']).toMatch('broker_unavailable');
  expect(clock.timerCount).toBe(0);
});
