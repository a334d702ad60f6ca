// The pure parts of the page: the conversation, and the figures after a time without a cable, which must be able to be
// other than zero.
import { expect, test } from 'vitest';
import type { Message } from '../src/api-types.js';
import { countLost, countShownTwice, HandledEvents } from '../web/connection-trial/trial-counts.js';
import {
  type Conversation,
  emptyConversation,
  withMessage,
  withMessages,
  withPending,
  withReceipt,
} from '../web/state/conversation.js';
import { maxSamples, noLatency, withSample } from '../web/state/latency.js';

function message(number: number, tempId: string | null = null): Message {
  return {
    id: `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`,
    request_id: '00000000-0000-4000-8000-000000000000',
    content: `line ${number}`,
    sequence_number: number,
    is_screenshot: false,
    created_at: '2026-01-16T10:00:00.000Z',
    client_temp_id: tempId,
  };
}

const pending = {
  clientTempId: 'a',
  content: 'x',
  createdAt: '2026-01-16T10:00:00.000Z',
  state: 'sending',
} as const;
const numbersOf = ({ messages }: Conversation) => messages.map(({ sequence_number: number }) => number);

test('messages stand in their order, each once, in whatever order and how often they come', () => {
  const conversation = withMessages(emptyConversation, [message(3), message(1)]);
  expect(numbersOf(withMessages(conversation, [message(2), message(3)]))).toEqual([1, 2, 3]);
  expect(withMessage(conversation, message(3))).toBe(conversation);
});

test('the stored message replaces the one that was shown before, in whatever order answer and event come', () => {
  const shown = withPending(emptyConversation, pending);
  const stored = withMessage(shown, message(1, 'a'));
  expect(stored.pending).toEqual([]);
  expect(withPending(stored, { ...pending, state: 'failed' })).toBe(stored);
});

test('a receipt moves the mark forward only', () => {
  const conversation = withMessages(emptyConversation, [message(1), message(2), message(3)]);
  const read = withReceipt(conversation, 'noa', [message(2).id]);
  expect(read.readUpTo).toEqual({ noa: 2 });
  expect(withReceipt(read, 'noa', [message(1).id])).toBe(read);
  expect(withReceipt(read, 'noa', [message(9).id])).toBe(read);
});

test('lost are the messages of the database that are not on the page', () => {
  const conversation = withMessages(emptyConversation, [message(1), message(2), message(4)]);
  expect(countLost([{ conversation, seenUpTo: 2, storedUpTo: 6 }])).toEqual({ expected: 4, lost: 3 });
  expect(countLost([{ conversation, seenUpTo: 2, storedUpTo: 2 }])).toEqual({ expected: 0, lost: 0 });
});

test('shown twice are messages with one ID, number or identifier of the sender', () => {
  const twice = { ...emptyConversation, messages: [message(1, 'a'), message(1, 'a')], pending: [pending] };
  // The ID once, the number once, the identifier twice.
  expect(countShownTwice(twice)).toBe(4);
  expect(countShownTwice(withMessages(emptyConversation, [message(1), message(2)]))).toBe(0);
});

test('an event that is handled again is counted', () => {
  const handled = new HandledEvents(2);
  for (const id of ['a', 'b', 'b', 'c', 'a']) handled.add(id);
  // `a` was forgotten when `c` came: the memory has a bound.
  expect(handled.repeated).toBe(1);
});

test('the figures of delivery are those of the last events', () => {
  let latency = noLatency;
  for (let sample = 1; sample <= maxSamples + 10; sample++) latency = withSample(latency, sample);
  expect(latency.samplesMs).toHaveLength(maxSamples);
  expect(latency.samplesMs[0]).toBe(11);
  expect(latency.count).toBe(maxSamples + 10);
  expect(latency.medianMs).toBe(31);
  expect(latency.p95Ms).toBe(49);
});
