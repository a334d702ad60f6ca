// Tests the figures in the report of a connection trial. Each figure must be able to differ from zero.
import { expect, test } from 'vitest';
import { countLost, countShownTwice, HandledEvents } from '../web/connection-trial/trial-counts.js';
import { emptyConversation, withMessages } from '../web/state/conversation.js';
import { message, pending } from './messages.js';

test('a message in the database that is not on the page is counted as lost', () => {
  const conversation = withMessages(emptyConversation, [message(1), message(2), message(4)]);
  expect(countLost([{ conversation, seenUpTo: 2, storedUpTo: 6 }])).toEqual({ expected: 4, lost: 3 });
  expect(countLost([{ conversation, seenUpTo: 2, storedUpTo: 2 }])).toEqual({ expected: 0, lost: 0 });
});

test('each repeated ID, sequence number or client_temp_id is counted as a message shown twice', () => {
  const twice = { ...emptyConversation, messages: [message(1, 'a'), message(1, 'a')], pending: [pending] };
  // The ID and the sequence number are repeated once each, and the client_temp_id twice.
  expect(countShownTwice(twice)).toBe(4);
  expect(countShownTwice(withMessages(emptyConversation, [message(1), message(2)]))).toBe(0);
});

test('an event that is handled twice is counted as repeated', () => {
  const handled = new HandledEvents(2);
  for (const id of ['a', 'b', 'b', 'c', 'a']) handled.add(id);
  // The memory is bounded, so `a` was forgotten when `c` was added.
  expect(handled.repeated).toBe(1);
});
