// The support desk of examples/support-desk: plain SignalR clients receive what the desk's own service would send them.
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { connectDesk } from '../../fixtures/clients/desk-client.js';
import { callsPerHub, hearEveryKind } from '../../fixtures/clients/desk-listeners.js';
import { deskEntries, deskPeople } from '../../fixtures/events/desk-entries.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { callInternal, connectTo, startDesk } from '../../fixtures/systems/desk-system.js';
import { Resources } from '../../fixtures/systems/resources.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const system = sharedSystem(startDesk);

test.each([
  ['JSON', false],
  ['MessagePack', true],
] as const)(
  'each of the 25 kinds of entries calls the right methods of clients with %s',
  async (_, isBinary) => {
    const { redis, url } = system();
    expect(new Set(deskEntries(deskPeople()).map(({ kind }) => kind)).size).toBe(25);
    expect(await hearEveryKind(redis, url, isBinary)).toEqual(callsPerHub);
    expect(await readMetric(url, 'events_dropped_total', { reason: 'invalid' })).toBe(0);
  },
);

test('the chat and ticket hubs have the methods and replies of the old service', async () => {
  const { request, requester, agent } = deskPeople();
  await using chat = await connectTo(system(), 0, 'chat', requester);
  await using other = await connectTo(system(), 1, 'chat', agent);
  for (const { connection } of [chat, other]) await connection.invoke('JoinRoom', request);
  await chat.connection.invoke('SendTyping', request, true);
  const messageIds = [randomUUID()];
  await chat.connection.invoke('MarkRead', request, messageIds);
  expect(await other.callsUntil('TypingIndicator', 1)).toEqual([
    [{ requestId: request, userId: requester, username: `name of ${requester}`, isTyping: true }],
  ]);
  expect(await other.callsUntil('ReadStatusUpdate', 1)).toEqual([
    [{ requestId: request, userId: requester, messageIds }],
  ]);
  expect(chat.callsOf('TypingIndicator')).toEqual([]);
  // A receipt without messages is not sent on. Only the typing call after it arrives.
  await chat.connection.invoke('MarkRead', request, []);
  await chat.connection.invoke('SendTyping', request, false);
  await other.callsUntil('TypingIndicator', 2);
  expect(other.callsOf('ReadStatusUpdate')).toHaveLength(1);
  await chat.connection.invoke('LeaveRoom', request);
  expect([...chat.callsOf('RoomJoined'), ...chat.callsOf('RoomLeft')]).toEqual([[request], [request]]);

  await using ticket = await connectTo(system(), 0, 'ticket', requester);
  for (const method of ['SubscribeToTicket', 'UnsubscribeFromTicket'])
    await ticket.connection.invoke(method, request);
  for (const method of ['SubscribeToUserTickets', 'UnsubscribeFromUserTickets'])
    await ticket.connection.invoke(method);
  expect(ticket.calls).toEqual([
    ['TicketSubscribed', request],
    ['TicketUnsubscribed', request],
    ['UserTicketsSubscribed'],
    ['UserTicketsUnsubscribed'],
  ]);
  await expect(ticket.connection.invoke('SubscribeToTicket', `user-tickets:${agent}`)).rejects.toThrow(
    'You may not enter this room',
  );
});

test('the notification hub answers each of its methods', async () => {
  const { request, requester } = deskPeople();
  await using client = await connectTo(system(), 0, 'notification', requester);
  await client.connection.invoke('SetActiveChat', request);
  await client.connection.invoke('SetActiveChat', null);
  await client.connection.invoke('RefreshSubscriptions');
  expect(client.calls).toEqual([
    ['Connected', { userId: requester }],
    ['ActiveChatSet', request],
    ['ActiveChatSet', null],
    ['SubscriptionsRefreshed'],
  ]);
});

test('a participant of a remote session receives the calls of the other in order, from another gateway', async () => {
  const { requester, agent } = deskPeople();
  const sessionId = randomUUID();
  const helper = await connectTo(system(), 0, 'remote-access', agent);
  await using helped = await connectTo(system(), 1, 'remote-access', requester);
  await helped.connection.invoke('JoinSession', sessionId, 'requester');
  await helper.connection.invoke('JoinSession', sessionId, 'agent');
  const sdp = { type: 'offer', sdp: 'v=0 '.repeat(30_000) };
  await helper.connection.invoke('SendSdpOffer', sessionId, sdp);
  for (let n = 0; n < 20; n++)
    await helper.connection.invoke('SendIceCandidate', sessionId, { candidate: n });
  await helper.connection.invoke('SendSignal', sessionId, 'SdpAnswer', 'any');
  for (const method of ['EnableControl', 'DisableControl', 'NotifyUacDetected', 'NotifyUacDismissed'])
    await helper.connection.invoke(method, sessionId);
  await expect(helper.connection.invoke('SendSignal', sessionId, 'SessionLeft', 1)).rejects.toThrow(
    'The signal must be one of SdpOffer, SdpAnswer, IceCandidate.',
  );
  await helper.connection.stop();
  await helped.callsUntil('ParticipantLeft', 1);

  const from = { sessionId, fromUserId: agent };
  expect(helper.calls).toEqual([['SessionJoined', { sessionId, participantType: 'agent' }]]);
  expect(helped.calls).toEqual([
    ['SessionJoined', { sessionId, participantType: 'requester' }],
    ['ParticipantJoined', { sessionId, participantType: 'agent', userId: agent }],
    ['SdpOffer', { ...from, payload: sdp }],
    ...Array.from({ length: 20 }, (_, n) => ['IceCandidate', { ...from, payload: { candidate: n } }]),
    ['SdpAnswer', { ...from, payload: 'any' }],
    ['ControlEnabled', { sessionId }],
    ['ControlDisabled', { sessionId }],
    ['UacDetected', { sessionId, message: 'Waiting for user to complete UAC prompt...' }],
    ['UacDismissed', { sessionId }],
    ['ParticipantLeft', { sessionId, userId: agent }],
  ]);
  await helped.connection.invoke('LeaveSession', sessionId);
  expect(helped.calls.at(-1)).toEqual(['SessionLeft', sessionId]);
});

const noSessionIds: readonly unknown[] = ['', null, undefined, 7, {}, ['one'], { toString: 1 }];

test.each(noSessionIds)(
  'a session cannot be joined with the ID %j, which would be one room for all who send it',
  async (sessionId) => {
    await using client = await connectTo(system(), 0, 'remote-access', randomUUID());
    for (const method of ['JoinSession', 'LeaveSession', 'SendSdpOffer', 'EnableControl'])
      await expect(client.connection.invoke(method, sessionId, 'agent')).rejects.toThrow(
        'The session ID must be a string that is not empty.',
      );
    expect(client.calls).toEqual([]);
  },
);

test('the routes refuse IDs that no room and no user can have', async () => {
  const { url } = system();
  const body = { event_id: randomUUID(), session_id: 'x'.repeat(300) };
  expect(await callInternal(url, 'remote-access/uac-detected', body)).toEqual([
    400,
    { error: expect.stringContaining('room_id must be 1 to 256 bytes') },
  ]);
  expect(await callInternal(url, 'users/%00/online')).toEqual([
    400,
    { error: expect.stringContaining('control characters') },
  ]);
});

test('the presence keys of a user whose ID has a blank are those of this user, also after a check', async () => {
  const { redis, url } = system();
  const [sessionId, family] = [randomUUID(), randomUUID()];
  const user = `${family} ana`;
  const client = await connectDesk(url, 'chat', user, { sessionId });
  const usersOfKeys = async () =>
    (await redis.cli('KEYS', `presence:user:${family}*`))
      .split('\n')
      .map((key) => key.slice('presence:user:'.length));
  await eventually(async () => expect(await usersOfKeys()).toEqual([user]));
  await client.connection.stop();
  // The check removes the session of the user that it reads from the list of due checks.
  await eventually(async () => expect(await redis.cli('EXISTS', `presence:desktop:${sessionId}`)).toBe('0'));
  expect(await usersOfKeys()).toEqual(['']);
});

test('the backend calls its routes with its key, and a repeated call has no effect', async () => {
  const { requester } = deskPeople();
  const sessionId = randomUUID();
  const [first, second] = [system().gatewayAt(0).url, system().gatewayAt(1).url];
  await using helped = await connectTo(system(), 1, 'remote-access', requester);
  await helped.connection.invoke('JoinSession', sessionId, 'requester');
  const body = { event_id: randomUUID(), session_id: sessionId, agent_id: '' };
  const detected = 'remote-access/uac-detected';
  expect(await callInternal(first, detected, body)).toEqual([200, { broadcast: true }]);
  expect(await callInternal(second, detected, body)).toEqual([200, { duplicate: true }]);
  const dismissed = { ...body, event_id: randomUUID() };
  expect(await callInternal(first, 'remote-access/uac-dismissed', dismissed)).toEqual([
    200,
    { broadcast: true },
  ]);
  await helped.callsUntil('UacDismissed', 1);
  expect(helped.calls.slice(1)).toEqual([
    ['UacDetected', { sessionId, message: 'Waiting for user to complete UAC prompt...' }],
    ['UacDismissed', { sessionId }],
  ]);
  const unknown = { 'x-internal-api-key': 'another key' };
  expect(await callInternal(first, detected, body, {})).toEqual([401, { error: 'API key required' }]);
  expect(await callInternal(first, detected, body, unknown)).toEqual([403, { error: 'Invalid API key' }]);
  expect(await callInternal(first, detected, { session_id: sessionId })).toMatchObject([400, {}]);

  await using chat = await connectTo(system(), 1, 'chat', requester);
  await chat.connection.invoke('JoinRoom', sessionId);
  const stats = { connections: 2, users: 1, rooms: 1, idempotencyEntries: 0 };
  await eventually(async () => expect(await callInternal(second, 'stats')).toEqual([200, stats]));
  const online = { userId: requester, isOnline: true, connectionCount: 2 };
  const path = `users/${requester}/online`;
  await eventually(async () => expect(await callInternal(first, path)).toEqual([200, online]));
  const offline = { userId: sessionId, isOnline: false, connectionCount: 0 };
  expect(await callInternal(first, `users/${sessionId}/online`)).toEqual([200, offline]);
});

test('the presence keys follow the connections of a desktop session, also when its gateway is killed', async () => {
  const { redis } = system();
  const { requester } = deskPeople();
  const [kept, killed, closed] = [randomUUID(), randomUUID(), randomUUID()];
  const doomed = await system().startGateway();
  const connect = (url: string, sessionId: string) => connectDesk(url, 'chat', requester, { sessionId });
  await using stays = await connect(system().url, kept);
  const leaves = await connect(system().url, closed);
  await connect(doomed.url, killed);
  // Both gateways check the sessions. A user whose keys cannot be written must not stop the checks of the other users.
  const { requester: unwritable } = deskPeople();
  await redis.cli('SET', `presence:user:${unwritable}`, 'a string instead of a set');
  await using resources = new Resources();
  for (const gateway of [system().gatewayAt(0), system().gatewayAt(1)]) {
    const options = { sessionId: randomUUID() };
    resources.use(await connectDesk(gateway.url, 'chat', unwritable, options));
    await gateway.line(/a desktop session was not written/);
  }
  const sessions = async (): Promise<ReadonlySet<string>> =>
    new Set((await redis.cli('SMEMBERS', `presence:user:${requester}`)).split('\n'));
  const userOf = (sessionId: string) => redis.cli('GET', `presence:desktop:${sessionId}`);
  await eventually(async () => expect(await sessions()).toEqual(new Set([kept, killed, closed])));
  expect(await Promise.all([kept, killed, closed].map(userOf))).toEqual([requester, requester, requester]);

  await leaves.connection.stop();
  await doomed.stop('SIGKILL');
  await eventually(async () => expect(await sessions()).toEqual(new Set([kept])));
  expect(await Promise.all([kept, killed, closed].map(userOf))).toEqual([requester, '', '']);
  expect(stays.connection.state).toBe('Connected');
});
