// Tests how events change a list of tickets.
import { expect, test } from 'vitest';
import type { Message, Ticket } from '../src/api-types.js';
import { reduceTickets, unreadCount } from '../web/live/tickets.js';
import { eventOf, message, ticket } from './messages.js';

/** A message as it is published. */
const about = (changes: Partial<Ticket>, of: Message) => {
  const { lastMessage: _lastMessage, readUpTo: _readUpTo, ...published } = { ...ticket, ...changes };
  return eventOf('chat_message', { ...of, ticket: published });
};

test('a message in the room of a list brings its ticket up to date, and adds it if it is new', () => {
  const one = reduceTickets([], about({ id: 'one' }, message(1)), 'maria');
  const two = reduceTickets(one, about({ id: 'two', createdAt: '2026-01-17' }, message(1)), 'maria');
  const solved = reduceTickets(two, about({ id: 'one', status: 'solved' }, message(2)), 'maria');
  expect(solved.map(({ id }) => id).toSorted()).toEqual(['one', 'two']);
  expect(solved.find(({ id }) => id === 'one')).toMatchObject({
    status: 'solved',
    lastMessage: { content: 'line 2' },
  });
});

test('a message that the loaded list contains already does not bring an earlier status back', () => {
  const loaded: Ticket = { ...ticket, status: 'solved', lastMessage: message(5) };
  expect(reduceTickets([loaded], about({ status: 'open' }, message(5)), 'maria')).toEqual([loaded]);
  expect(reduceTickets([loaded], about({ status: 'waiting' }, message(6)), 'maria')[0]?.status).toBe(
    'waiting',
  );
});

test('a message of somebody else is unread until the person reads it, and their own message is not', () => {
  const [theirs] = reduceTickets([], about({}, { ...message(3), sender_id: 'noa' }), 'maria');
  const [own] = reduceTickets([], about({}, { ...message(3), sender_id: 'maria' }), 'maria');
  expect([theirs, own].map((each) => each && unreadCount(each))).toEqual([3, 0]);
  expect(theirs && unreadCount(theirs, 2)).toBe(1);
});

test('a message without a ticket changes no list', () => {
  const list = [ticket];
  expect(reduceTickets(list, eventOf('chat_message', message(9)), 'maria')).toBe(list);
});
