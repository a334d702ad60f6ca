// Tests the state of a conversation on the page.
import { expect, test } from 'vitest';
import {
  type Conversation,
  emptyConversation,
  withMessage,
  withMessages,
  withPending,
  withReceipt,
} from '../web/state/conversation.js';
import { message, pending } from './messages.js';

const numbersOf = ({ messages }: Conversation) => messages.map(({ sequence_number: number }) => number);

test('each message is shown once and in order, whatever the order of arrival', () => {
  const conversation = withMessages(emptyConversation, [message(3), message(1)]);
  expect(numbersOf(withMessages(conversation, [message(2), message(3)]))).toEqual([1, 2, 3]);
  expect(withMessage(conversation, message(3))).toBe(conversation);
});

test('a stored message replaces the pending message even if its event arrives before the answer', () => {
  const shown = withPending(emptyConversation, pending);
  const stored = withMessage(shown, message(1, 'a'));
  expect(stored.pending).toEqual([]);
  expect(withPending(stored, { ...pending, state: 'failed' })).toBe(stored);
});

test('a read receipt never moves the read position back', () => {
  const conversation = withMessages(emptyConversation, [message(1), message(2), message(3)]);
  const read = withReceipt(conversation, 'noa', [message(2).id]);
  expect(read.readUpTo).toEqual({ noa: 2 });
  expect(withReceipt(read, 'noa', [message(1).id])).toBe(read);
  expect(withReceipt(read, 'noa', [message(9).id])).toBe(read);
});
