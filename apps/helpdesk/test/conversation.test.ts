// Tests how events change the conversation of a ticket.
import type { DeliveredEvent } from '@millrace/client';
import { expect, test } from 'vitest';
import { type Conversation, reduceConversation } from '../web/live/conversation.js';
import { eventOf, message, ticket } from './messages.js';

const empty: Conversation = { ticket, messages: [], readUpToByPerson: {}, remoteSession: null };

function afterAll(...events: readonly DeliveredEvent[]): Conversation {
  return events.reduce(reduceConversation, empty);
}

const said = (number: number) => eventOf('chat_message', message(number));

test('messages are shown in the order in which they are handed over', () => {
  const conversation = afterAll(said(1), said(2), said(3));
  expect(conversation.messages.map(({ sequence_number: number }) => number)).toEqual([1, 2, 3]);
});

test('a message brings its ticket as it is after the message, and no other event changes the ticket', () => {
  const solved = { id: ticket.id, subject: 'Renamed', status: 'solved' };
  const told = eventOf('chat_message', { ...message(1), ticket: solved });
  const older = eventOf('status_change', { new_status: 'waiting' });
  expect(afterAll(told, older, said(2)).ticket).toEqual({ ...ticket, ...solved });
});

test('a read receipt never moves the read position back', () => {
  const receipt = (number: number) =>
    eventOf('read_receipt', { user_id: 'noa', message_ids: [message(number).id] });
  const read = afterAll(said(1), said(2), said(3), receipt(2));
  expect(read.readUpToByPerson).toEqual({ noa: 2 });
  expect(reduceConversation(read, receipt(1))).toBe(read);
  expect(reduceConversation(read, receipt(9))).toBe(read);
});

const remoteSession = (id: string, state: string) => ({ remote_session: { id, state } });
const invited = eventOf('notification', { type: 'invite', title: '', ...remoteSession('s1', 'invited') });
const started = eventOf('remote_session_start', remoteSession('s1', 'active'));
const ended = eventOf('remote_session_end', remoteSession('s1', 'ended'));

test('a remote session that has ended stays ended if its invitation and start arrive later', () => {
  expect(afterAll(invited).remoteSession).toMatchObject({ state: 'invited' });
  expect(afterAll(invited, started).remoteSession).toMatchObject({ state: 'active' });
  for (const events of [
    [invited, started, ended],
    [ended, invited, started],
    [started, ended, invited],
  ])
    expect(afterAll(...events).remoteSession).toMatchObject({ state: 'ended' });
});

test('the end of an earlier remote session does not end the present one', () => {
  const earlier = eventOf('remote_session_end', remoteSession('s0', 'ended'));
  expect(afterAll(invited, earlier).remoteSession).toMatchObject({ id: 's1', state: 'invited' });
});
