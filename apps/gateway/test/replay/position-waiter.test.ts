// A client may have received later events from another gateway. Its join waits until this gateway has read as far. If the
// position is ahead of the stream itself, the join waits only until the next heartbeat.
import type { EntryId } from '@millrace/broker';
import { fakeClock } from '@millrace/testkit';
import { describe, expect, it } from 'vitest';
import { type KnownStream, positionStatusOf } from '../../src/replay/position-status.js';
import { PositionWaiter } from '../../src/replay/position-waiter.js';

const before = { askedAtMs: 5, lastId: '9-0' };
const since = { askedAtMs: 10, lastId: '9-0' };

it.each<[string, string, EntryId, Partial<KnownStream>, string]>([
  ['a position that was read', 'now', '4-0', {}, 'reached'],
  ['the position that was read last', 'now', '5-0', {}, 'reached'],
  ['a position that was read, whatever the broker reported', 'now', '4-0', { reportedEnd: since }, 'reached'],
  ['a position ahead of this gateway, without a report of the broker', 'now', '6-0', {}, 'unknown'],
  [
    'a position ahead of this gateway, with a report that is too old',
    'now',
    '10-0',
    { reportedEnd: before },
    'unknown',
  ],
  [
    'a position that the stream has but this gateway has not read',
    'now',
    '9-0',
    { reportedEnd: since },
    'unread',
  ],
  ['a position ahead of the stream', 'now', '9-1', { reportedEnd: since }, 'lost'],
  [
    'a position of another epoch, with a report that is too old',
    'other',
    '1-0',
    { reportedEnd: before },
    'unknown',
  ],
  ['a position of another epoch', 'other', '1-0', { reportedEnd: since }, 'lost'],
  ['a position of the previous epoch that is proven', 'past', '3-0', {}, 'reached'],
  [
    'a position of the previous epoch that is not proven, without a report of the broker',
    'past',
    '4-0',
    {},
    'unknown',
  ],
  ['a position of the previous epoch that is not proven', 'past', '4-0', { reportedEnd: since }, 'unproven'],
  [
    'a position of the previous epoch that is proven but not read again yet',
    'past',
    '3-0',
    { cursor: '1-0', reportedEnd: since },
    'unread',
  ],
])('the status is determined for %s', (_, epoch, cursor, over, status) => {
  const previousEpoch = { epoch: 'past', upTo: '3-0' };
  expect(
    positionStatusOf({ epoch, cursor }, { epoch: 'now', cursor: '5-0', previousEpoch, ...over }, 10),
  ).toBe(status);
});

function setUp() {
  const clock = fakeClock();
  const current: Record<string, KnownStream> = {
    chat: { epoch: 'a', cursor: '5-0' },
    ticket: { epoch: 'b', cursor: '5-0' },
  };
  const waiter = new PositionWaiter({ clock, maxWaitMs: 2_000, currentOf: (stream) => current[stream] });
  const read = (stream: string, cursor: EntryId): void => {
    current[stream] = { ...(current[stream] ?? { epoch: '' }), cursor };
    waiter.onAdvance([stream]);
  };
  const hear = (stream: string, lastId: EntryId, over: Partial<KnownStream> = {}): void => {
    const reportedEnd = { lastId, askedAtMs: clock.monotonicMs() };
    current[stream] = { ...(current[stream] ?? { epoch: '', cursor: '0-0' }), ...over, reportedEnd };
    waiter.onHeartbeat(stream);
  };
  const at = (chat: EntryId, ticket: EntryId, epoch = 'a') => [
    { stream: 'chat', position: { epoch, cursor: chat } },
    { stream: 'ticket', position: { epoch: 'b', cursor: ticket } },
  ];
  return { clock, waiter, read, hear, at };
}

describe('PositionWaiter', () => {
  it('a position that the gateway has already read needs no wait', () => {
    const { waiter, at } = setUp();
    expect(waiter.waitFor(at('5-0', '1-0'))).toBe('reached');
  });

  it('a wait for a position in several streams ends when the gateway has read each stream as far', async () => {
    const { waiter, read, hear, at } = setUp();
    const log: string[] = [];
    const one = Promise.resolve(waiter.waitFor(at('7-0', '8-0'))).then((found) => log.push(`one ${found}`));
    const two = Promise.resolve(waiter.waitFor(at('6-0', '1-0'))).then((found) => log.push(`two ${found}`));
    read('ticket', '8-0');
    hear('chat', '9-0');
    read('chat', '6-0');
    await two;
    expect(log).toEqual(['two reached']);
    read('chat', '7-0');
    await one;
    expect(log).toEqual(['two reached', 'one reached']);
    expect(waiter.size).toBe(0);
  });

  it('a position ahead of the stream counts as lost at the first heartbeat that was sent after the join', async () => {
    const { clock, waiter, hear, at } = setUp();
    hear('chat', '5-0');
    await clock.advance(1);
    const waiting = waiter.waitFor(at('6-0', '1-0'));
    expect(waiting).toBeInstanceOf(Promise);
    hear('chat', '5-0');
    expect(await waiting).toBe('lost');
  });

  it('a wait for a position of an unknown epoch ends with the heartbeat that reports this epoch', async () => {
    const { waiter, hear, at } = setUp();
    const waiting = waiter.waitFor(at('6-0', '1-0', 'c'));
    hear('chat', '6-0', { epoch: 'c', previousEpoch: { epoch: 'a', upTo: '5-0' }, cursor: '6-0' });
    expect(await waiting).toBe('reached');
  });

  it('a position of the previous epoch is lost unless the new server proves to have the entries up to it', async () => {
    const { clock, waiter, hear, at } = setUp();
    hear('chat', '9-0', { epoch: 'c', previousEpoch: { epoch: 'a', upTo: '3-0' }, cursor: '9-0' });
    const [proven, lost] = [waiter.waitFor(at('4-0', '1-0')), waiter.waitFor(at('6-0', '1-0'))];
    hear('chat', '9-0', { previousEpoch: { epoch: 'a', upTo: '4-0' } });
    expect(await proven).toBe('reached');
    await clock.advance(2_000);
    expect(await lost).toBe('lost');
  });

  it.each([
    ['this gateway has not read as far in time', true],
    ['no heartbeat arrives in time', false],
  ])('the outcome of a wait is “unknown” when %s', async (_, isHeard) => {
    const { clock, waiter, hear, at } = setUp();
    const waiting = waiter.waitFor(at('6-0', '1-0'));
    if (isHeard) hear('chat', '9-0');
    await clock.advance(2_000);
    expect(await waiting).toBe('unknown');
    expect(waiter.size).toBe(0);
  });
});

it('no wait ends while the cursor is below the positions of all waiters', async () => {
  const { waiter, read, at } = setUp();
  const waiting = Array.from({ length: 1_000 }, (_, n) =>
    Promise.resolve(waiter.waitFor(at(`${100 + n}-0`, '1-0'))),
  );
  for (let ms = 6; ms < 100; ms += 1) read('chat', `${ms}-0`);
  expect(waiter.size).toBe(1_000);
  read('chat', '1100-0');
  expect(new Set(await Promise.all(waiting))).toEqual(new Set(['reached']));
});
