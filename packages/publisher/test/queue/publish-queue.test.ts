// The publish queue alone: order, lanes, repeats and refusals, on a fake clock.
import { BrokerError } from '@millrace/broker';
import { describe, expect, it, vi } from 'vitest';
import { breakBroker, setUp } from './set-up.js';

describe('while the broker is available', () => {
  it('events of a stream are stored in the order of the calls', async () => {
    const { clock, put, stored, results } = await setUp();
    for (let n = 0; n < 20; n += 1) put(`c${n}`);
    put('t', 'high', 'events:ticket');
    await clock.advance(10);
    expect(await stored()).toBe(Array.from({ length: 20 }, (_, n) => `c${n}`).join(' '));
    expect(await stored('events:ticket')).toBe('t');
    expect(new Set(Object.values(results))).toEqual(new Set(['stored']));
  });

  it('waiting events are sent in the order of their lanes: high, medium, low', async () => {
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

  it('the publish queue has no timer when no event waits', async () => {
    const { clock, put } = await setUp();
    put('a');
    await clock.advance(20_000);
    expect(clock.timerCount).toBe(0);
  });
});

describe('while the broker is unavailable', () => {
  it.each([
    ['nothing was stored', false],
    ['everything was stored but no reply came', true],
  ])('events are stored once and in their order after an outage in which %s', async (_title, isStored) => {
    const { clock, broker, put, stored, results } = await setUp();
    const away = breakBroker(broker, undefined, isStored);
    for (let n = 0; n < 15; n += 1) put(`${n}`);
    await clock.advance(1_000);
    for (let n = 15; n < 20; n += 1) put(`${n}`);
    expect(results).toEqual({});
    away.mockRestore();
    await clock.advance(2_000);
    expect(await stored()).toBe(Array.from({ length: 20 }, (_, n) => `${n}`).join(' '));
    expect(Object.values(results)).toEqual(Array.from({ length: 20 }, () => 'stored'));
  });

  it('an event that has waited too long is refused, and its error says whether it may have been stored', async () => {
    const { clock, broker, put, stored, results } = await setUp();
    const away = breakBroker(broker);
    for (let n = 0; n < 10; n += 1) put(`${n}`);
    await clock.advance(3_000);
    put('late');
    await clock.advance(2_000);
    expect(results['0']).toBe('broker_unavailable unknown');
    // A batch contains eight events.
    expect(results['9']).toBe('broker_unavailable not_stored');
    expect(results['late']).toBeUndefined();
    away.mockRestore();
    await clock.advance(2_000);
    expect(results['late']).toBe('stored');
    expect(await stored()).toBe('late');
  });

  it('an event’s error says that it was not stored if the store is out of memory', async () => {
    const { clock, broker, put, results } = await setUp();
    breakBroker(broker, new BrokerError('out_of_memory', 'full'));
    put('a');
    await clock.advance(5_000);
    expect(results).toEqual({ a: 'broker_unavailable not_stored' });
  });

  it('an event’s error says that it was not stored if no attempt was sent', async () => {
    const { clock, broker, put, results } = await setUp();
    breakBroker(broker, new BrokerError('unavailable', 'not connected', { nothingHappened: true }));
    put('a');
    await clock.advance(5_000);
    expect(results).toEqual({ a: 'broker_unavailable not_stored' });
  });

  it('an event’s outcome is unknown if its first attempt got no answer and later attempts were not sent', async () => {
    const { clock, broker, put, results } = await setUp();
    breakBroker(broker, new BrokerError('unavailable', 'not connected', { nothingHappened: true }));
    vi.mocked(broker.append).mockRejectedValueOnce(new BrokerError('timeout', 'no answer'));
    put('a');
    await clock.advance(5_000);
    expect(results).toEqual({ a: 'broker_unavailable unknown' });
  });

  it('an event that fails is sent at least 30 and at most 1,000 times in a minute', async () => {
    const { clock, broker, put } = await setUp({ maxWaitMs: 60_000 });
    const away = breakBroker(broker);
    put('a');
    await clock.advance(60_000);
    expect(away.mock.calls.length).toBeGreaterThan(30);
    expect(away.mock.calls.length).toBeLessThan(1_000);
  });

  it('an error that a retry cannot fix is reported immediately for every event of the batch', async () => {
    const { clock, broker, put, results } = await setUp();
    vi.spyOn(broker, 'append').mockRejectedValueOnce(new BrokerError('refused', 'WRONGTYPE'));
    for (let n = 0; n < 9; n += 1) put(`${n}`);
    await clock.advance(1);
    expect(results).toMatchObject({ '0': 'refused', '7': 'refused', '8': 'stored' });
  });

  it('each event of a batch gets its own outcome if the store fails in the middle of the batch', async () => {
    const { clock, broker, put, results, stored } = await setUp();
    const full = new BrokerError('out_of_memory', 'full');
    const refused = new BrokerError('refused', 'no more IDs');
    vi.spyOn(broker, 'append').mockResolvedValueOnce([{ id: '1-0', isDuplicate: false }, full, refused]);
    for (const id of ['a', 'b', 'c', 'd']) put(id);
    await clock.advance(1);
    expect(results).toMatchObject({ a: 'stored', c: 'refused', d: 'undefined' });
    await clock.advance(1_000);
    expect(results['b']).toBe('stored');
    expect(await stored()).toBe('b');
  });

  it('an event that must not be retried fails immediately, and other events are retried', async () => {
    const { clock, broker, put, results, stored } = await setUp();
    const away = breakBroker(broker);
    put('again', 'low');
    put('once', 'low', 'events:chat', true);
    await clock.advance(1);
    expect(results).toEqual({ once: 'unavailable' });
    away.mockRestore();
    await clock.advance(1_000);
    expect(await stored()).toBe('again');
  });
});

describe('at its limit', () => {
  it('a full queue drops old low-lane events for new events, and refuses new events if there are none', async () => {
    const { clock, broker, put, stored, results } = await setUp({ maxEvents: 4 });
    const away = breakBroker(broker);
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

  it('the limit maxChars counts the characters of all waiting events, but an empty queue accepts a huge event', async () => {
    const { clock, broker, put, results } = await setUp({ maxChars: 12 });
    breakBroker(broker);
    put('x'.repeat(100));
    put('small');
    await clock.advance(1);
    expect(results).toEqual({ small: 'outbox_full not_stored' });
  });
});

it('settled() resolves when all earlier events are stored or refused', async () => {
  const { clock, broker, queue, put } = await setUp();
  await queue.settled();
  const away = breakBroker(broker);
  put('a');
  const settled: string[] = [];
  void queue.settled().then(() => settled.push('first'));
  await clock.advance(1);
  put('b', 'high', 'events:ticket');
  void queue.settled().then(() => settled.push('second'));
  expect(settled).toEqual([]);
  away.mockRestore();
  await clock.advance(1_000);
  expect(settled).toEqual(['first', 'second']);
});

it('waiting events do not expire while the process sleeps, and are stored when it wakes up', async () => {
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

it('a queue that is closed refuses waiting events and new events', async () => {
  const { clock, broker, queue, put, results } = await setUp();
  breakBroker(broker);
  put('a');
  await clock.advance(10);
  queue.close();
  put('b');
  await clock.advance(2_000);
  expect(results['a']).toMatch('broker_unavailable');
  expect(results['b']).toMatch('broker_unavailable');
  expect(clock.timerCount).toBe(0);
});

it('a queue that is closed before it sends its first batch stores nothing and stays closed', async () => {
  const { clock, queue, put, stored, results } = await setUp();
  put('a');
  queue.close();
  await clock.advance(10);
  put('b');
  await clock.advance(10);
  expect(results).toEqual({ a: 'broker_unavailable not_stored', b: 'broker_unavailable not_stored' });
  expect(await stored()).toBe('');
});
