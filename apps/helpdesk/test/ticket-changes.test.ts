// Tests the changes that people make: what is stored, and which events report the change.
import { eventCatalog } from '@millrace/contract';
import { expect, test } from 'vitest';
import { openDatabase } from '../src/database/open-database.js';
import { ticketRoom } from '../src/domain/rooms.js';
import { openHelpdesk, seeded } from './fixtures.js';

const room = ticketRoom(seeded.noa, seeded.vpnTicket);

test('a message gets the next sequence number of its ticket, and its event waits in the outbox', async () => {
  await using helpdesk = await openHelpdesk();
  const before = helpdesk.conversations.conversation(helpdesk.noa, seeded.vpnTicket).messages;
  const message = helpdesk.changes.sendMessage(helpdesk.noa, seeded.vpnTicket, 'Hello', 'temp-1');
  expect(message).toMatchObject({
    sequence_number: before.length + 1,
    request_id: seeded.vpnTicket,
    sender_id: seeded.noa,
    sender: { username: 'noa', full_name: 'Noa Berger' },
    client_temp_id: 'temp-1',
    is_screenshot: false,
  });
  expect(helpdesk.waiting()).toEqual([`chat_message ${room}`]);
  expect(helpdesk.outbox.peek(1)[0]?.payload).toEqual(message);
});

test('a message that is sent twice is stored and published once', async () => {
  await using helpdesk = await openHelpdesk();
  const first = helpdesk.changes.sendMessage(helpdesk.noa, seeded.vpnTicket, 'Hello', 'temp-1');
  expect(helpdesk.changes.sendMessage(helpdesk.noa, seeded.vpnTicket, 'Hello', 'temp-1')).toEqual(first);
  expect(helpdesk.outbox.size).toBe(1);
});

test('every event that the helpdesk publishes fits the contract', async () => {
  await using helpdesk = await openHelpdesk();
  const { changes, maria, noa, remoteSessions } = helpdesk;
  changes.createTicket(noa, 'Printer', 'It is on fire');
  changes.sendMessage(noa, seeded.vpnTicket, 'Hello', 'temp-1');
  changes.setStatus(maria, seeded.vpnTicket, 'solved');
  changes.assign(maria, seeded.vpnTicket, seeded.aiko);
  changes.assign(maria, seeded.vpnTicket, null);
  const session = remoteSessions.invite(maria, seeded.vpnTicket, 'view');
  remoteSessions.act(noa, session.id, 'accept');
  remoteSessions.act(noa, session.id, 'end');
  const waiting = helpdesk.outbox.peek(100);
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

test('a status change is stored and shown in the conversation, and the requester is notified', async () => {
  await using helpdesk = await openHelpdesk();
  expect(helpdesk.changes.setStatus(helpdesk.maria, seeded.vpnTicket, 'solved').status).toBe('solved');
  expect(helpdesk.waiting()).toEqual([
    `status_change ${room}`,
    `chat_message ${room}`,
    `notification user:${seeded.noa}`,
  ]);
  expect(helpdesk.notifications.list(seeded.noa)).toMatchObject([{ kind: 'status_changed', isRead: false }]);
  const { messages } = helpdesk.conversations.conversation(helpdesk.noa, seeded.vpnTicket);
  expect(messages.at(-1)).toMatchObject({
    sender_id: null,
    content: 'Status changed from In progress to Solved by Maria Lindqvist',
  });
});

test('a system message counts as read by the person who caused it, and as unread by everybody else', async () => {
  await using helpdesk = await openHelpdesk();
  const { changes, conversations, maria, noa, remoteSessions } = helpdesk;
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
  // Earlier messages of other people stay unread.
  changes.sendMessage(noa, seeded.vpnTicket, 'Wait', 'temp-1');
  changes.setStatus(maria, seeded.vpnTicket, 'solved');
  expect(unread(maria)).toBe(2);
});

test('a change to the current value does nothing', async () => {
  await using helpdesk = await openHelpdesk();
  helpdesk.changes.setStatus(helpdesk.maria, seeded.vpnTicket, 'in_progress');
  helpdesk.changes.assign(helpdesk.maria, seeded.vpnTicket, seeded.maria);
  expect(helpdesk.outbox.size).toBe(0);
});

test('an assignment notifies the new assignee, but not an agent who assigns the ticket to themselves', async () => {
  await using helpdesk = await openHelpdesk();
  helpdesk.changes.assign(helpdesk.maria, seeded.vpnTicket, seeded.aiko);
  helpdesk.changes.assign(helpdesk.maria, seeded.danielsTicket, seeded.maria);
  expect(helpdesk.notifications.list(seeded.aiko)).toHaveLength(1);
  expect(helpdesk.notifications.list(seeded.maria)).toHaveLength(0);
});

test('a requester can neither see the tickets of other people nor make changes that only agents may make', async () => {
  await using helpdesk = await openHelpdesk();
  const { changes, conversations, noa, remoteSessions } = helpdesk;
  expect(conversations.list(noa).every(({ requesterId }) => requesterId === seeded.noa)).toBe(true);
  const notFound = expect.objectContaining({ code: 'not_found' });
  const forbidden = expect.objectContaining({ code: 'forbidden' });
  expect(() => conversations.conversation(noa, seeded.danielsTicket)).toThrow(notFound);
  expect(() => changes.sendMessage(noa, seeded.danielsTicket, 'x', 't')).toThrow(notFound);
  expect(() => changes.setStatus(noa, seeded.vpnTicket, 'solved')).toThrow(forbidden);
  expect(() => changes.assign(noa, seeded.vpnTicket, null)).toThrow(forbidden);
  expect(() => remoteSessions.invite(noa, seeded.vpnTicket, 'view')).toThrow(forbidden);
  expect(() => changes.createTicket(helpdesk.maria, 'x', 'y')).toThrow(forbidden);
  expect(() => changes.assign(helpdesk.maria, seeded.vpnTicket, seeded.noa)).toThrow(
    expect.objectContaining({ code: 'invalid_request' }),
  );
  expect(helpdesk.outbox.size).toBe(0);
});

test('a change that fails leaves neither rows nor events behind', async () => {
  await using helpdesk = await openHelpdesk();
  const { outbox, changes, conversations, maria } = helpdesk;
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

test('changes are refused while the outbox is full', async () => {
  await using helpdesk = await openHelpdesk(2);
  helpdesk.changes.sendMessage(helpdesk.noa, seeded.vpnTicket, 'one', 'temp-1');
  helpdesk.changes.sendMessage(helpdesk.noa, seeded.vpnTicket, 'two', 'temp-2');
  expect(() => helpdesk.changes.sendMessage(helpdesk.noa, seeded.vpnTicket, 'three', 'temp-3')).toThrow(
    expect.objectContaining({ code: 'overloaded' }),
  );
});

test('a read position never decreases', async () => {
  await using helpdesk = await openHelpdesk();
  helpdesk.changes.markRead(helpdesk.noa, seeded.vpnTicket, 5);
  helpdesk.changes.markRead(helpdesk.noa, seeded.vpnTicket, 3);
  const { readUpTo } = helpdesk.conversations.conversation(helpdesk.noa, seeded.vpnTicket);
  expect(readUpTo[seeded.noa]).toBeGreaterThanOrEqual(5);
});

test('a remote session allows only the actions that fit its state', async () => {
  await using helpdesk = await openHelpdesk();
  const { remoteSessions, maria, noa } = helpdesk;
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

test('a long conversation is loaded in ranges without gaps or overlaps', async () => {
  await using helpdesk = await openHelpdesk(2_000);
  for (let count = 0; count < 450; count++)
    helpdesk.changes.sendMessage(helpdesk.noa, seeded.vpnTicket, `${count}`, `temp-${count}`);
  const { conversations, noa } = helpdesk;
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

test('the database is filled with seed data once, and keeps its data when it is opened again', async () => {
  await using helpdesk = await openHelpdesk();
  helpdesk.changes.sendMessage(helpdesk.noa, seeded.vpnTicket, 'Still here', 'temp-1');
  const again = openDatabase(helpdesk.folder);
  const count = (sql: string) => (again.prepare(sql).get() as { n: number }).n;
  expect(count('SELECT COUNT(*) AS n FROM people')).toBe(7);
  expect(count("SELECT COUNT(*) AS n FROM messages WHERE content = 'Still here'")).toBe(1);
  again.close();
});
