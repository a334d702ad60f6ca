// What people do at the desk: what is kept, and which events tell of it.
import { eventCatalog } from '@millrace/contract';
import { expect, test } from 'vitest';
import { openDatabase } from '../src/database/open-database.js';
import { ticketRoom } from '../src/database/rows.js';
import { openDesk, seeded } from './fixtures.js';

const room = ticketRoom(seeded.noa, seeded.vpnTicket);

test('a message gets the next number of its ticket and waits to be published', async () => {
  await using desk = await openDesk();
  const before = desk.conversations.conversation(desk.noa, seeded.vpnTicket).messages;
  const message = desk.changes.sendMessage(desk.noa, seeded.vpnTicket, 'Hello', 'temp-1');
  expect(message).toMatchObject({
    sequence_number: before.length + 1,
    request_id: seeded.vpnTicket,
    sender_id: seeded.noa,
    sender: { username: 'noa', full_name: 'Noa Berger' },
    client_temp_id: 'temp-1',
    is_screenshot: false,
  });
  expect(desk.waiting()).toEqual([`chat_message ${room}`]);
  expect(desk.outbox.peek(1)[0]?.payload).toEqual(message);
});

test('the same message sent again is the same message, and is published once', async () => {
  await using desk = await openDesk();
  const first = desk.changes.sendMessage(desk.noa, seeded.vpnTicket, 'Hello', 'temp-1');
  expect(desk.changes.sendMessage(desk.noa, seeded.vpnTicket, 'Hello', 'temp-1')).toEqual(first);
  expect(desk.outbox.size).toBe(1);
});

test('everything the desk publishes fits the contract', async () => {
  await using desk = await openDesk();
  const { changes, maria, noa, remoteSessions } = desk;
  changes.createTicket(noa, 'Printer', 'It is on fire');
  changes.sendMessage(noa, seeded.vpnTicket, 'Hello', 'temp-1');
  changes.setStatus(maria, seeded.vpnTicket, 'solved');
  changes.assign(maria, seeded.vpnTicket, seeded.aiko);
  changes.assign(maria, seeded.vpnTicket, null);
  const session = remoteSessions.invite(maria, seeded.vpnTicket, 'view');
  remoteSessions.act(noa, session.id, 'accept');
  remoteSessions.act(noa, session.id, 'end');
  const waiting = desk.outbox.peek(100);
  for (const { type, payload } of waiting)
    expect({ type, ...eventCatalog.parsePayload(type, payload) }).toMatchObject({ type, ok: true });
  expect(new Set(waiting.map(({ type }) => type))).toEqual(
    new Set([
      'chat_message',
      'status_change',
      'assignment_change',
      'notification',
      'remote_session_start',
      'remote_session_end',
    ]),
  );
});

test('a status change is kept, told in the conversation and notified to the requester', async () => {
  await using desk = await openDesk();
  expect(desk.changes.setStatus(desk.maria, seeded.vpnTicket, 'solved').status).toBe('solved');
  expect(desk.waiting()).toEqual([
    `status_change ${room}`,
    `chat_message ${room}`,
    `notification user:${seeded.noa}`,
  ]);
  expect(desk.notifications.list(seeded.noa)).toMatchObject([{ kind: 'status_changed', isRead: false }]);
  const { messages } = desk.conversations.conversation(desk.noa, seeded.vpnTicket);
  expect(messages.at(-1)).toMatchObject({
    sender_id: null,
    content: 'Status changed from In progress to Solved by Maria Lindqvist',
  });
});

test('what a person does is no news to that person, but to everybody else', async () => {
  await using desk = await openDesk();
  const { changes, conversations, maria, noa, remoteSessions } = desk;
  const unread = (person: typeof maria): number => {
    const { lastMessage, readUpTo } = conversations.ticket(person, seeded.vpnTicket);
    return (lastMessage?.sequence_number ?? 0) - readUpTo;
  };
  const [first, noaBefore] = [unread(maria), unread(noa)];
  expect(first).toBe(0);
  const answer = changes.setStatus(maria, seeded.vpnTicket, 'waiting');
  expect(answer.readUpTo).toBe(answer.lastMessage?.sequence_number);
  changes.assign(maria, seeded.vpnTicket, null);
  const session = remoteSessions.invite(maria, seeded.vpnTicket, 'view');
  remoteSessions.act(maria, session.id, 'end');
  expect([unread(maria), unread(noa)]).toEqual([0, noaBefore + 4]);
  // What others wrote above it stays unread.
  changes.sendMessage(noa, seeded.vpnTicket, 'Wait', 'temp-1');
  changes.setStatus(maria, seeded.vpnTicket, 'solved');
  expect(unread(maria)).toBe(2);
});

test('what is already so changes nothing', async () => {
  await using desk = await openDesk();
  desk.changes.setStatus(desk.maria, seeded.vpnTicket, 'in_progress');
  desk.changes.assign(desk.maria, seeded.vpnTicket, seeded.maria);
  expect(desk.outbox.size).toBe(0);
});

test('an assignment is notified to the new assignee, but not to oneself', async () => {
  await using desk = await openDesk();
  desk.changes.assign(desk.maria, seeded.vpnTicket, seeded.aiko);
  desk.changes.assign(desk.maria, seeded.danielsTicket, seeded.maria);
  expect(desk.notifications.list(seeded.aiko)).toHaveLength(1);
  expect(desk.notifications.list(seeded.maria)).toHaveLength(0);
});

test('a requester sees no ticket of others and does not do an agent’s work', async () => {
  await using desk = await openDesk();
  const { changes, conversations, noa, remoteSessions } = desk;
  expect(conversations.list(noa).every(({ requesterId }) => requesterId === seeded.noa)).toBe(true);
  const notFound = expect.objectContaining({ code: 'not_found' });
  const forbidden = expect.objectContaining({ code: 'forbidden' });
  expect(() => conversations.conversation(noa, seeded.danielsTicket)).toThrow(notFound);
  expect(() => changes.sendMessage(noa, seeded.danielsTicket, 'x', 't')).toThrow(notFound);
  expect(() => changes.setStatus(noa, seeded.vpnTicket, 'solved')).toThrow(forbidden);
  expect(() => changes.assign(noa, seeded.vpnTicket, null)).toThrow(forbidden);
  expect(() => remoteSessions.invite(noa, seeded.vpnTicket, 'view')).toThrow(forbidden);
  expect(() => changes.createTicket(desk.maria, 'x', 'y')).toThrow(forbidden);
  expect(() => changes.assign(desk.maria, seeded.vpnTicket, seeded.noa)).toThrow(
    expect.objectContaining({ code: 'invalid_request' }),
  );
  expect(desk.outbox.size).toBe(0);
});

test('a change that fails leaves nothing behind, neither rows nor events', async () => {
  await using desk = await openDesk();
  const { outbox, changes, conversations, maria } = desk;
  const before = conversations.conversation(maria, seeded.vpnTicket);
  expect(() =>
    outbox.change(() => {
      changes.addMessage(before.ticket, { senderId: null, content: 'never' });
      throw new Error('broken');
    }),
  ).toThrow('broken');
  expect(conversations.conversation(maria, seeded.vpnTicket)).toEqual(before);
  expect(outbox.size).toBe(0);
  expect(outbox.peek(10)).toEqual([]);
});

test('when too much waits, changes are refused instead of piling up', async () => {
  await using desk = await openDesk(2);
  desk.changes.sendMessage(desk.noa, seeded.vpnTicket, 'one', 'temp-1');
  desk.changes.sendMessage(desk.noa, seeded.vpnTicket, 'two', 'temp-2');
  expect(() => desk.changes.sendMessage(desk.noa, seeded.vpnTicket, 'three', 'temp-3')).toThrow(
    expect.objectContaining({ code: 'overloaded' }),
  );
});

test('how far somebody has read never goes back', async () => {
  await using desk = await openDesk();
  desk.changes.markRead(desk.noa, seeded.vpnTicket, 5);
  desk.changes.markRead(desk.noa, seeded.vpnTicket, 3);
  const { readUpTo } = desk.conversations.conversation(desk.noa, seeded.vpnTicket);
  expect(readUpTo[seeded.noa]).toBeGreaterThanOrEqual(5);
});

test('a remote session goes its way and no other', async () => {
  await using desk = await openDesk();
  const { remoteSessions, maria, noa } = desk;
  const conflict = expect.objectContaining({ code: 'conflict' });
  const session = remoteSessions.invite(maria, seeded.vpnTicket, 'control');
  expect(() => remoteSessions.invite(maria, seeded.vpnTicket, 'view')).toThrow(conflict);
  expect(() => remoteSessions.act(maria, session.id, 'accept')).toThrow(conflict);
  expect(remoteSessions.act(noa, session.id, 'accept').state).toBe('active');
  expect(() => remoteSessions.act(noa, session.id, 'decline')).toThrow(conflict);
  expect(remoteSessions.act(maria, session.id, 'end').state).toBe('ended');
  expect(() => remoteSessions.act(maria, session.id, 'end')).toThrow(conflict);
  expect(remoteSessions.invite(maria, seeded.vpnTicket, 'view').state).toBe('invited');
});

test('a long conversation comes in parts that fit together', async () => {
  await using desk = await openDesk(2_000);
  for (let count = 0; count < 450; count++)
    desk.changes.sendMessage(desk.noa, seeded.vpnTicket, `${count}`, `temp-${count}`);
  const { conversations, noa } = desk;
  const numbers = (part: { after?: number; before?: number }) => {
    const { messages, hasMore } = conversations.conversation(noa, seeded.vpnTicket, part);
    return [messages[0]?.sequence_number, messages.at(-1)?.sequence_number, hasMore];
  };
  expect(numbers({})).toEqual([260, 459, true]);
  expect(numbers({ before: 260 })).toEqual([60, 259, true]);
  expect(numbers({ before: 60 })).toEqual([1, 59, false]);
  expect(numbers({ after: 9 })).toEqual([10, 209, true]);
  expect(numbers({ after: 409 })).toEqual([410, 459, false]);
});

test('the database is filled once and survives being closed', async () => {
  await using desk = await openDesk();
  desk.changes.sendMessage(desk.noa, seeded.vpnTicket, 'Still here', 'temp-1');
  const again = openDatabase(desk.folder);
  const count = (sql: string) => (again.prepare(sql).get() as { n: number }).n;
  expect(count('SELECT COUNT(*) AS n FROM people')).toBe(7);
  expect(count("SELECT COUNT(*) AS n FROM messages WHERE content = 'Still here'")).toBe(1);
  again.close();
});
