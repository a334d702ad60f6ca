// The changes that people make: what is stored, and which events report them.
import { eventCatalog } from '@millrace/contract';
import { expect, test } from 'vitest';
import { openDatabase } from '../src/database/open-database.js';
import { listRoom, roomPatternOf, ticketRoom } from '../src/domain/rooms.js';
import { openHelpdesk, seeded } from './fixtures.js';

const room = ticketRoom(seeded.noa, seeded.vpnTicket);
/** The events of one message: in the room of the ticket, and in the lists of the agents and the requester. */
const messageEvents = [room, 'ticket:list', ticketRoom(seeded.noa, 'list')].map(
  (each) => `chat_message ${each}`,
);

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
  expect(helpdesk.waiting()).toEqual(messageEvents);
  expect(helpdesk.outbox.peek(1)[0]?.payload).toMatchObject(message);
});

test('a message carries its ticket as it is after the change, in the room of the ticket and in the lists', async () => {
  await using helpdesk = await openHelpdesk();
  const { changes, conversations, maria } = helpdesk;
  const {
    lastMessage,
    readUpTo: _readUpTo,
    ...ticket
  } = changes.setStatus(maria, seeded.vpnTicket, 'solved');
  const published = helpdesk.outbox.peek(10).filter(({ type }) => type === 'chat_message');
  expect(published).toHaveLength(3);
  for (const { payload } of published) expect(payload).toEqual({ ...lastMessage, ticket });
  expect(ticket).toMatchObject({ number: 1048, status: 'solved' });
  expect(conversations.ticket(maria, ticket.id)).toMatchObject(ticket);
});

test('an event about a change has the sequence number of the message that tells of the change', async () => {
  await using helpdesk = await openHelpdesk();
  const { changes, maria, noa, remoteSessions } = helpdesk;
  changes.setStatus(maria, seeded.vpnTicket, 'solved');
  changes.assign(maria, seeded.vpnTicket, null);
  const { id } = remoteSessions.invite(maria, seeded.vpnTicket, 'view');
  remoteSessions.act(noa, id, 'accept');
  remoteSessions.act(noa, id, 'end');
  const numbers = helpdesk.outbox.peek(50).flatMap(({ type, payload }) => {
    const { sequence_number: number } = payload as { readonly sequence_number?: number };
    return number === undefined || type === 'chat_message' ? [] : [[type, number]];
  });
  expect(numbers).toEqual([
    ['status_change', 10],
    ['assignment_change', 11],
    ['notification', 12],
    ['remote_session_start', 13],
    ['remote_session_end', 14],
  ]);
});

test('a token opens the rooms of exactly those tickets that its person sees', async () => {
  await using helpdesk = await openHelpdesk();
  const { people, conversations, maria } = helpdesk;
  const all = conversations.list(maria);
  for (const person of people.list()) {
    const prefix = roomPatternOf(person).replace(/\*$/, '');
    const open = all.filter(({ roomId }) => roomId.startsWith(prefix));
    expect(open.map(({ id }) => id)).toEqual(conversations.list(person).map(({ id }) => id));
    expect(listRoom(person).startsWith(prefix)).toBe(true);
  }
});

test('a message that is sent twice is stored and published once', async () => {
  await using helpdesk = await openHelpdesk();
  const first = helpdesk.changes.sendMessage(helpdesk.noa, seeded.vpnTicket, 'Hello', 'temp-1');
  expect(helpdesk.changes.sendMessage(helpdesk.noa, seeded.vpnTicket, 'Hello', 'temp-1')).toEqual(first);
  expect(helpdesk.waiting()).toEqual(messageEvents);
});

test('every event that the helpdesk publishes fits the contract', async () => {
  await using helpdesk = await openHelpdesk();
  const { changes, maria, noa, remoteSessions } = helpdesk;
  changes.createTicket(noa, { subject: 'Printer', content: 'It is on fire' });
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

test('the events of a remote session carry the session as it is stored', async () => {
  await using helpdesk = await openHelpdesk();
  const { maria, noa, remoteSessions } = helpdesk;
  const { id } = remoteSessions.invite(maria, seeded.vpnTicket, 'control');
  const started = remoteSessions.act(noa, id, 'accept');
  const ended = remoteSessions.act(noa, id, 'end');
  const carried = helpdesk.outbox.peek(100).flatMap(({ type, payload }) => {
    const { remote_session: session } = payload as { readonly remote_session?: { readonly state: string } };
    return session === undefined ? [] : [[type, session]];
  });
  expect(carried).toEqual([
    ['notification', expect.objectContaining({ id, state: 'invited' })],
    ['remote_session_start', started],
    ['remote_session_end', ended],
  ]);
  expect([started.state, ended.state]).toEqual(['active', 'ended']);
});

test('a ticket that an agent creates belongs to its requester, and is announced to everybody but its author', async () => {
  await using helpdesk = await openHelpdesk();
  const { changes, conversations, maria, noa } = helpdesk;
  const phoneCall = { requesterId: noa.id, subject: 'Headset', content: 'Noa called: no sound.' };
  const { id, number, requesterId, lastMessage, readUpTo } = changes.createTicket(maria, phoneCall);
  expect({ number, requesterId, readUpTo }).toEqual({ number: 1052, requesterId: noa.id, readUpTo: 1 });
  expect(lastMessage).toMatchObject({ sender_id: maria.id, content: 'Noa called: no sound.' });
  expect(conversations.ticket(noa, id).readUpTo).toBe(0);
  const received = { title: 'We have your request #1052', ticketId: id };
  expect(helpdesk.notifications.list(noa.id)).toMatchObject([received]);
  const created = { title: 'New ticket from Noa Berger', ticketId: id };
  expect(helpdesk.notifications.list(seeded.aiko)).toMatchObject([created]);
  expect(helpdesk.notifications.list(maria.id)).toEqual([]);
});

test.each([undefined, seeded.aiko])(
  'an agent cannot create a ticket whose requester is %s, because only requesters have tickets',
  async (requesterId) => {
    await using helpdesk = await openHelpdesk();
    const ticket = { requesterId, subject: 'x', content: 'y' };
    expect(() => helpdesk.changes.createTicket(helpdesk.maria, ticket)).toThrow(
      expect.objectContaining({ code: 'invalid_request' }),
    );
    expect(helpdesk.outbox.size).toBe(0);
  },
);

test('a status change is stored and shown in the conversation, and the requester is notified', async () => {
  await using helpdesk = await openHelpdesk();
  expect(helpdesk.changes.setStatus(helpdesk.maria, seeded.vpnTicket, 'solved').status).toBe('solved');
  expect(helpdesk.waiting()).toEqual([
    ...messageEvents,
    `status_change ${room}`,
    `notification user:${seeded.noa}`,
  ]);
  const notification = { title: '#1048 is now: Solved', isRead: false };
  expect(helpdesk.notifications.list(seeded.noa)).toMatchObject([notification]);
  // The page recognizes a notification that it has loaded by this ID.
  expect(helpdesk.outbox.peek(10).at(-1)?.eventId).toBe(helpdesk.notifications.list(seeded.noa)[0]?.id);
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

test('a requester can neither see other people’s tickets nor make changes that only agents may make', async () => {
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
  const forDaniel = { requesterId: seeded.daniel, subject: 'x', content: 'y' };
  expect(() => changes.createTicket(noa, forDaniel)).toThrow(forbidden);
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
    outbox.transact(() => {
      changes.addMessage(before.ticket, { senderId: null, content: 'never' });
      throw new Error('broken');
    }),
  ).toThrow('broken');
  expect(conversations.conversation(maria, seeded.vpnTicket)).toEqual(before);
  expect(outbox.size).toBe(0);
  expect(outbox.peek(10)).toEqual([]);
});

test('changes are refused while the outbox is full', async () => {
  await using helpdesk = await openHelpdesk(4);
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
  const { readUpToByPerson } = helpdesk.conversations.conversation(helpdesk.noa, seeded.vpnTicket);
  expect(readUpToByPerson[seeded.noa]).toBeGreaterThanOrEqual(5);
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
  const numbers = (after?: number) => {
    const { messages, hasMore } = conversations.conversation(noa, seeded.vpnTicket, after);
    return [messages[0]?.sequence_number, messages.at(-1)?.sequence_number, hasMore];
  };
  expect(numbers()).toEqual([260, 459, true]);
  expect(numbers(0)).toEqual([1, 200, true]);
  expect(numbers(9)).toEqual([10, 209, true]);
  expect(numbers(409)).toEqual([410, 459, false]);
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
