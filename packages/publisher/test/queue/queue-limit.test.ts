// A queue has a limit only while its stream is overloaded: the number of events that are stored in half a second.
import { describe, expect, it } from 'vitest';
import { QueueLimit } from '../../src/queue/queue-limit.js';

const batch = 100;

/** Sends batches of 100 events from `fromMs` on. Each batch takes 50 ms. Its first event has waited `waitedMs`. */
function send(limit: QueueLimit, batches: number, waitedMs: number, fromMs = 0): number {
  let nowMs = fromMs;
  for (let n = 0; n < batches; n += 1) {
    limit.sending(waitedMs, nowMs);
    nowMs += 50;
    limit.stored(batch, nowMs);
  }
  return nowMs;
}

describe('QueueLimit', () => {
  it('a queue is not limited while its events are on time, whatever their number', () => {
    const limit = new QueueLimit(10);
    send(limit, 1_000, 499);
    expect(limit.maxWaiting).toBe(Number.POSITIVE_INFINITY);
  });

  it('a queue is not limited after a short delay if it catches up', () => {
    const limit = new QueueLimit(10);
    const nowMs = send(limit, 9, 3_000);
    send(limit, 1, 100, nowMs);
    send(limit, 9, 3_000, nowMs + 50);
    expect(limit.maxWaiting).toBe(Number.POSITIVE_INFINITY);
  });

  it('a queue whose batches were late for half a second is limited to the events of half a second', () => {
    const limit = new QueueLimit(10);
    send(limit, 10, 600);
    expect(limit.maxWaiting).toBe(1_000);
  });

  it('a queue stays limited until its events wait less than 200 ms', () => {
    const limit = new QueueLimit(10);
    let nowMs = send(limit, 10, 600);
    nowMs = send(limit, 20, 450, nowMs);
    expect(limit.maxWaiting).toBe(1_000);
    send(limit, 1, 199, nowMs);
    expect(limit.maxWaiting).toBe(Number.POSITIVE_INFINITY);
  });

  it('the limit of a queue follows the rate at which events are stored', () => {
    const limit = new QueueLimit(10);
    let nowMs = send(limit, 10, 600);
    for (let n = 0; n < 3; n += 1) {
      limit.sending(600, nowMs);
      limit.stored(batch, (nowMs += 250));
    }
    expect(limit.maxWaiting).toBe(200);
  });

  it('the limit of a queue always leaves enough events to keep the store busy', () => {
    const limit = new QueueLimit(10);
    limit.sending(600, 0);
    limit.stored(1, 60_000);
    expect(limit.maxWaiting).toBe(10);
  });

  it('reset() removes the limit of a queue', () => {
    const limit = new QueueLimit(10);
    send(limit, 10, 600);
    limit.reset();
    expect(limit.maxWaiting).toBe(Number.POSITIVE_INFINITY);
  });
});
