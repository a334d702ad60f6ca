// The figures in the report of a connection trial. Each figure must be able to differ from zero.
import { expect, test } from 'vitest';
import {
  countLost,
  countShownTwice,
  HandledEvents,
  type ShownConversation,
} from '../web/connection-trial/trial-counts.js';
import { message } from './messages.js';

const shown = (...numbers: readonly number[]): ShownConversation => ({
  ticketId: 't',
  messages: numbers.map((number) => message(number)),
  pending: [],
  isCurrent: true,
});

test('a message in the database that is not on the page is counted as lost', () => {
  expect(countLost(shown(1, 2), shown(1, 2, 4), 6)).toEqual({ expected: 4, lost: 3, added: [message(4)] });
  expect(countLost(shown(1, 2), shown(1, 2), 2)).toEqual({ expected: 0, lost: 0, added: [] });
});

test('nothing is counted if the page shows another ticket than before the interruption', () => {
  const nothing = { expected: 0, lost: 0, added: [] };
  expect(countLost(shown(1, 2), { ...shown(1), ticketId: 'other' }, 6)).toEqual(nothing);
  expect(countLost(undefined, shown(1), 6)).toEqual(nothing);
});

test('each repeated ID, sequence number or client_temp_id counts as a message shown twice', () => {
  const messages = [message(1, 'a'), message(1, 'a')];
  // The ID and the sequence number are repeated once each, and the client_temp_id twice.
  expect(countShownTwice({ ...shown(), messages, pending: [{ clientTempId: 'a' }] })).toBe(4);
  expect(countShownTwice(shown(1, 2))).toBe(0);
});

test('an event that is handled twice is counted as repeated', () => {
  const handled = new HandledEvents(2);
  for (const id of ['a', 'b', 'b', 'c', 'a']) handled.add(id);
  // The memory is bounded, so `a` was forgotten when `c` was added.
  expect(handled.repeated).toBe(1);
});
