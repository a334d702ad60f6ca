// A client that has read further on another gateway waits until this one has read as far; one that is ahead of the stream does not.
import type { EntryId } from '@millrace/broker';
import { fakeClock } from '@millrace/testkit';
import { describe, expect, it } from 'vitest';
import { type KnownStream, standingOf } from '../../src/replay/position-status.js';
import { ReachedPositions } from '../../src/replay/position-waiter.js';

const before = { askedAtMs: 5, lastId: '9-0' };
const since = { askedAtMs: 10, lastId: '9-0' };

it.each<[string, string, EntryId, Partial<KnownStream>, string]>([
  ['a place that was read', 'now', '4-0', {}, 'reached'],
  ['the very place that was read last', 'now', '5-0', {}, 'reached'],
  ['a place that was read, whatever the broker said', 'now', '4-0', { told: since }, 'reached'],
  ['a place ahead of which the broker was not heard', 'now', '6-0', {}, 'unknown'],
  ['a place of which the broker was asked too early', 'now', '10-0', { told: before }, 'unknown'],
  ['a place that the stream has', 'now', '9-0', { told: since }, 'unread'],
  ['a place ahead of the stream', 'now', '9-1', { told: since }, 'lost'],
  ['another epoch, before the broker was heard', 'other', '1-0', { told: before }, 'unknown'],
  ['another epoch', 'other', '1-0', { told: since }, 'lost'],
  ['the epoch before, up to where it is proven', 'past', '3-0', {}, 'reached'],
  ['the epoch before, beyond it', 'past', '4-0', {}, 'unknown'],
  ['the epoch before, beyond what anybody has proven', 'past', '4-0', { told: since }, 'unproven'],
  [
    'the epoch before, proven and not read again yet',
    'past',
    '3-0',
    { cursor: '1-0', told: since },
    'unread',
  ],
])('the standing of %s is judged', (_, epoch, cursor, over, standing) => {
  const previousEpoch = { epoch: 'past', upTo: '3-0' };
  expect(standingOf({ epoch, cursor }, { epoch: 'now', cursor: '5-0', previousEpoch, ...over }, 10)).toBe(
    standing,
  );
});

function setUp() {
  const clock = fakeClock();
  const current: Record<string, KnownStream> = {
    chat: { epoch: 'a', cursor: '5-0' },
    ticket: { epoch: 'b', cursor: '5-0' },
  };
  const reached = new ReachedPositions({ clock, maxWaitMs: 2_000, currentOf: (stream) => current[stream] });
  const read = (stream: string, cursor: EntryId): void => {
    current[stream] = { ...(current[stream] ?? { epoch: '' }), cursor };
    reached.advanced([stream]);
  };
  const hear = (stream: string, lastId: EntryId, over: Partial<KnownStream> = {}): void => {
    const told = { lastId, askedAtMs: clock.monotonicMs() };
    current[stream] = { ...(current[stream] ?? { epoch: '', cursor: '0-0' }), ...over, told };
    reached.heard(stream);
  };
  const at = (chat: EntryId, ticket: EntryId, epoch = 'a') => [
    { stream: 'chat', place: { epoch, cursor: chat } },
    { stream: 'ticket', place: { epoch: 'b', cursor: ticket } },
  ];
  return { clock, reached, read, hear, at };
}

describe('ReachedPositions', () => {
  it('a position that is not ahead is answered at once', () => {
    const { reached, at } = setUp();
    expect(reached.reach(at('5-0', '1-0'))).toBe('reached');
  });

  it('a position of several streams waits until each was read as far, in whatever order', async () => {
    const { reached, read, hear, at } = setUp();
    const log: string[] = [];
    const one = Promise.resolve(reached.reach(at('7-0', '8-0'))).then((found) => log.push(`one ${found}`));
    const two = Promise.resolve(reached.reach(at('6-0', '1-0'))).then((found) => log.push(`two ${found}`));
    read('ticket', '8-0');
    hear('chat', '9-0');
    read('chat', '6-0');
    await two;
    expect(log).toEqual(['two reached']);
    read('chat', '7-0');
    await one;
    expect(log).toEqual(['two reached', 'one reached']);
    expect(reached.size).toBe(0);
  });

  it('a position ahead of the stream is answered as lost by the next heartbeat sent after it came', async () => {
    const { clock, reached, hear, at } = setUp();
    hear('chat', '5-0');
    await clock.advance(1);
    const waiting = reached.reach(at('6-0', '1-0'));
    expect(waiting).toBeInstanceOf(Promise);
    hear('chat', '5-0');
    expect(await waiting).toBe('lost');
  });

  it('a position of a newer epoch than is known here waits for the heartbeat that brings it', async () => {
    const { reached, hear, at } = setUp();
    const waiting = reached.reach(at('6-0', '1-0', 'c'));
    hear('chat', '6-0', { epoch: 'c', previousEpoch: { epoch: 'a', upTo: '5-0' }, cursor: '6-0' });
    expect(await waiting).toBe('reached');
  });

  it('a position of the previous epoch waits until the new server is proven to have its entries, and no longer', async () => {
    const { clock, reached, hear, at } = setUp();
    hear('chat', '9-0', { epoch: 'c', previousEpoch: { epoch: 'a', upTo: '3-0' }, cursor: '9-0' });
    const [proven, lost] = [reached.reach(at('4-0', '1-0')), reached.reach(at('6-0', '1-0'))];
    hear('chat', '9-0', { previousEpoch: { epoch: 'a', upTo: '4-0' } });
    expect(await proven).toBe('reached');
    await clock.advance(2_000);
    expect(await lost).toBe('lost');
  });

  it.each([
    ['this gateway does not read as far in time', true],
    ['the broker is not heard in time', false],
  ])('a client is told to come back when %s', async (_, isHeard) => {
    const { clock, reached, hear, at } = setUp();
    const waiting = reached.reach(at('6-0', '1-0'));
    if (isHeard) hear('chat', '9-0');
    await clock.advance(2_000);
    expect(await waiting).toBe('unknown');
    expect(reached.size).toBe(0);
  });
});

it('the reader asks nobody and looks at nobody while it is below all who wait', async () => {
  const { reached, read, at } = setUp();
  const waiting = Array.from({ length: 1_000 }, (_, n) =>
    Promise.resolve(reached.reach(at(`${100 + n}-0`, '1-0'))),
  );
  for (let ms = 6; ms < 100; ms += 1) read('chat', `${ms}-0`);
  expect(reached.size).toBe(1_000);
  read('chat', '1100-0');
  expect(new Set(await Promise.all(waiting))).toEqual(new Set(['reached']));
});
