import { describe, expect, it } from 'vitest';
import { pollEncoding } from '../../src/reads/reader-encodings.js';
import { CollectedMessages } from '../../src/reads/room-poll.js';

const before = { events: [], next: 'p-0', recovered: true, hasMore: false };
const text = (number: number): string => `{"event_id":"${number}","position":"p-${number}"}`;
const event = (number: number): string => pollEncoding.writeCall('notification', [text(number)]);
const position = (number: number): string =>
  pollEncoding.writeCall('position', [`{"position":"p-${number}"}`]);
const resync = pollEncoding.writeCall('resync', ['{"room_id":"r","reason":"gap"}']);

describe('CollectedMessages', () => {
  it('the answer contains all events of the turn and continues after the last one', () => {
    const collected = new CollectedMessages(before, 10);
    expect(collected.add([event(1), event(2)])).toBe(true);
    expect(collected.page('present')).toEqual({
      events: [text(1), text(2)],
      next: 'p-2',
      recovered: true,
      hasMore: false,
    });
  });

  it('the next request gets the events and the position beyond the limit', () => {
    const collected = new CollectedMessages(before, 2);
    expect(collected.add([event(1), event(2), event(3), position(9)])).toBe(true);
    expect(collected.page(undefined)).toEqual({
      events: [text(1), text(2)],
      next: 'p-2',
      recovered: true,
      hasMore: true,
    });
  });

  it('a position alone moves the poll but does not end it', () => {
    const collected = new CollectedMessages(before, 2);
    expect(collected.add([position(5)])).toBe(false);
    expect(collected.page(undefined)).toMatchObject({ events: [], next: 'p-5', recovered: true });
    expect(collected.page('present')).toMatchObject({ next: 'present' });
  });

  it('a resync ends the poll, and the reader continues at the next position', () => {
    const collected = new CollectedMessages(before, 2);
    expect(collected.add([resync, position(7)])).toBe(true);
    expect(collected.page('present')).toMatchObject({ events: [], next: 'p-7', recovered: false });
  });

  it('a poll whose join lost events reports the loss and continues at the position of the join', () => {
    const collected = new CollectedMessages(before, 2);
    collected.lose('p-8');
    expect(collected.page('present')).toMatchObject({ events: [], next: 'p-8', recovered: false });
  });
});
