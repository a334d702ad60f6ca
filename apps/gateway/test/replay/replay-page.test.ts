import { BrokerError, parsePosition } from '@millrace/broker';
import { PreparedCall } from '@millrace/signalr';
import { describe, expect, it, vi } from 'vitest';
import type { RoomAccess } from '../../src/membership/revocations.js';
import type { ReplayPage } from '../../src/replay/replay-page.js';
import { pageItem, takePage } from '../../src/replay/replay-page.js';
import { at, createReplayWorld as setUp } from '../support/replay-world.js';

const contents = (page: ReplayPage | string): readonly string[] =>
  typeof page === 'string'
    ? [page]
    : page.events.map(({ text }) => (JSON.parse(text) as { content: string }).content);

const large = { maxEvents: 100, maxBytes: 1_000_000 };

describe('Replay.page', () => {
  it('pages follow each other without a gap or a repeat until the last event', async () => {
    const { replay, deliver } = setUp({ maxEventsPerRoom: 2 });
    for (let n = 0; n < 7; n += 1) {
      deliver(`${n}`);
      deliver('elsewhere', 'other');
    }
    const read: string[] = [];
    let after = at('0-0');
    for (let pages = 0; pages < 10; pages += 1) {
      const page = await replay.page({ roomId: 'room' }, after, { maxEvents: 3, maxBytes: 1_000_000 });
      if (typeof page === 'string') throw new Error(page);
      read.push(...contents(page));
      after = parsePosition(page.next);
      if (!page.hasMore) break;
    }
    expect(read).toEqual(['0', '1', '2', '3', '4', '5', '6']);
    expect(after).toEqual(at('14-0'));
    expect(await replay.page({ roomId: 'room' }, after, large)).toMatchObject({ events: [], hasMore: false });
  });

  it('a page never moves a reader back in a stream in which the reader is ahead', async () => {
    const { replay, deliver } = setUp();
    for (let n = 0; n < 3; n += 1) deliver(`${n}`);
    const page = await replay.page({ roomId: 'room' }, at('1-0'), { maxEvents: 1, maxBytes: 1_000_000 });
    expect(page).toMatchObject({ hasMore: true });
    expect(typeof page === 'string' ? page : parsePosition(page.next)).toEqual(at('2-0'));
  });

  it('a page stays below its byte limit but has at least one event', async () => {
    const { replay, deliver } = setUp();
    for (let n = 0; n < 3; n += 1) deliver(`${n}`.repeat(1_000));
    const small = await replay.page({ roomId: 'room' }, at('0-0'), { maxEvents: 100, maxBytes: 2_300 });
    expect(contents(small)).toHaveLength(2);
    const tiny = await replay.page({ roomId: 'room' }, at('0-0'), { maxEvents: 100, maxBytes: 10 });
    expect(contents(tiny)).toHaveLength(1);
  });

  it.each([
    ['a position of another epoch', at('1-0', { epoch: 'zzzzzzzz' })],
    ['a position without streams', []],
    ['a position ahead of the stream', at('9-0')],
  ])('a page is lost for %s', async (_, after) => {
    const { replay, deliver } = setUp();
    deliver('one');
    expect(await replay.page({ roomId: 'room' }, after, large)).toBe('lost');
  });

  it('a page is unknown while the broker is unavailable and lost if the broker refuses the read', async () => {
    const { replay, deliver, broker } = setUp();
    replay.ring.begin('events:chat', '5-0');
    deliver('one');
    vi.spyOn(broker, 'readRange').mockRejectedValue(new BrokerError('unavailable', 'gone'));
    expect(await replay.page({ roomId: 'room' }, at('1-0'), large)).toBe('unknown');
    vi.spyOn(broker, 'readRange').mockRejectedValue(new BrokerError('refused', 'wrong type'));
    expect(await replay.page({ roomId: 'room' }, at('1-0'), large)).toBe('lost');
  });

  it('a page is lost if the user was removed and added again while older entries were read', async () => {
    const { replay, deliver, broker } = setUp();
    await broker.open();
    replay.ring.begin('events:chat', '5-0');
    deliver('one');
    let access: RoomAccess | undefined;
    const target = { roomId: 'room', access: () => access };
    expect(await replay.page(target, at('1-0'), large)).toMatchObject({ events: [] });
    vi.spyOn(broker, 'readRange').mockImplementation(async () => {
      access = { mayReceive: () => true, restoredAt: () => '4-0' };
      return [];
    });
    replay.ring.begin('events:chat', '6-0');
    expect(await replay.page(target, at('1-0'), large)).toBe('lost');
    expect(access).toBeDefined();
    await broker.close();
  });
});

describe('takePage', () => {
  const calls = ['aa', 'bb', 'cc'].map((text) => new PreparedCall('t', `"${text}"`));
  const size = calls[0]?.bytes.length ?? 0;

  it('the limits that remain are reduced by the events that were taken', () => {
    expect(takePage(calls, { maxEvents: 5, maxBytes: 1_000 })).toEqual({
      events: calls,
      isComplete: true,
      rest: { maxEvents: 2, maxBytes: 1_000 - 3 * size },
    });
    expect(takePage(calls, { maxEvents: 3, maxBytes: 1_000 }).rest.maxEvents).toBe(0);
    expect(takePage(calls, { maxEvents: 5, maxBytes: 3 * size }).rest.maxEvents).toBe(0);
    expect(takePage([], { maxEvents: 5, maxBytes: 1 })).toMatchObject({ isComplete: true });
  });

  it('erasures that follow each other stay on one page, because only the last one has the position after them', () => {
    const erased = ['1', '2', '3'].map((text) => new PreparedCall('event_erased', text));
    const list = [...calls.slice(0, 1), ...erased, ...calls.slice(1)];
    expect(takePage(list, { maxEvents: 2, maxBytes: 1_000 }).events).toEqual(list.slice(0, 4));
    expect(takePage(list, { maxEvents: 1, maxBytes: 1_000 }).events).toHaveLength(1);
    expect(pageItem('event_erased', '{"event_id":"1"}')).toBe('{"event_type":"event_erased","event_id":"1"}');
    expect(pageItem('notification', '{"event_id":"1"}')).toBe('{"event_id":"1"}');
  });

  it('events beyond a limit are left out', () => {
    expect(takePage(calls, { maxEvents: 2, maxBytes: 1_000 })).toMatchObject({ isComplete: false });
    expect(takePage(calls, { maxEvents: 2, maxBytes: 1 }).events).toHaveLength(1);
  });
});
