// Positions of several scopes: a room is never resumed from a position that does not cover it.
import { expect, test } from 'vitest';
import { PositionTracker } from '../src/rooms/position-tracker.js';

test('every room resumes from the newest position when positions have no scope', () => {
  const tracker = new PositionTracker();
  tracker.joined('a', 'p1');
  tracker.joined('b', 'p1');
  tracker.see('p2');
  expect([tracker.resumeAfter('a'), tracker.resumeAfter('b')]).toEqual(['p2', 'p2']);
});

test('a room resumes from the newest position of its own scope', () => {
  const tracker = new PositionTracker();
  tracker.joined('a', '0~p1');
  tracker.joined('a2', '0~p1');
  tracker.joined('b', '1~p1');
  tracker.see('0~p2');
  expect(['a', 'a2', 'b'].map((room) => tracker.resumeAfter(room))).toEqual(['0~p2', '0~p2', '1~p1']);
});

test('a room resumes from a position of every scope until its own scope has a newer one', () => {
  const tracker = new PositionTracker();
  tracker.joined('a', '0~p1');
  tracker.joined('b', '1~p1');
  tracker.see('0~p2');
  tracker.see('all~p3');
  expect(['a', 'b'].map((room) => tracker.resumeAfter(room))).toEqual(['all~p3', 'all~p3']);
  tracker.see('1~p4');
  expect(['a', 'b'].map((room) => tracker.resumeAfter(room))).toEqual(['all~p3', '1~p4']);
});

test('a room does not use positions that were seen before its join completed', () => {
  const tracker = new PositionTracker();
  tracker.see('all~p1');
  tracker.see('1~p2');
  tracker.joined('b', '1~p3');
  expect(tracker.resumeAfter('b')).toBe('1~p3');
  expect(tracker.resumeAfter('c')).toBeUndefined();
});

test('the version that newer gateways put before the scope is not part of the scope', () => {
  const tracker = new PositionTracker();
  tracker.joined('a', 'v2~0~p1');
  tracker.joined('b', 'v2~1~p1');
  tracker.see('v2~0~p2');
  expect(['a', 'b'].map((room) => tracker.resumeAfter(room))).toEqual(['v2~0~p2', 'v2~1~p1']);
  tracker.see('v2~all~p3');
  expect(['a', 'b'].map((room) => tracker.resumeAfter(room))).toEqual(['v2~all~p3', 'v2~all~p3']);
});

test('positions without a scope are valid for the same rooms, even if their versions differ', () => {
  const tracker = new PositionTracker();
  tracker.joined('a', 'v2~p1');
  tracker.see('p2');
  expect(tracker.resumeAfter('a')).toBe('p2');
});
