// The methods of a view join rooms, reply, answer, publish, and call the other clients in a group at every gateway.
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { ViewClient } from '../../fixtures/clients/view-client.js';
import { memberOptions } from '../../fixtures/http/members.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { signToken } from '../../fixtures/http/tokens.js';
import { repositoryPath } from '../../fixtures/processes/cli-process.js';
import { loadedModule } from '../../fixtures/processes/loaded-module.js';
import { EmbeddedGateway } from '../../fixtures/systems/embedded-gateway.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';

const sessionsModule = `${repositoryPath}examples/views/sessions.mjs`;
const methods = [
  'SdpOffer',
  'SdpAnswer',
  'IceCandidate',
  'SessionJoined',
  'ParticipantJoined',
  'ParticipantLeft',
  'Announced',
];
const system = sharedSystem(() =>
  startOnRedis({ gateways: 2, environment: { MILLRACE_APP: sessionsModule } }),
);

function connect(url: string, query: string, isBinary = false): Promise<ViewClient> {
  return ViewClient.connect(`${url}/hubs/sessions`, { methods, query, isBinary });
}

test('the clients in a session call each other across gateways, and nobody else hears them', async () => {
  const [first, second] = [system().url, system().gatewayAt(1).url];
  const session = randomUUID();
  await using agent = await connect(first, '?user=agent');
  await using requester = await connect(second, '?user=requester', true);
  await using stranger = await connect(second, '?user=stranger');
  await agent.connection.invoke('JoinSession', session, 'agent');
  await stranger.connection.invoke('JoinSession', randomUUID(), 'agent');
  await requester.connection.invoke('JoinSession', session, 'requester');
  expect(requester.calls[0]).toEqual(['SessionJoined', { session, role: 'requester' }]);
  expect(await agent.callsUntil('ParticipantJoined', 1)).toEqual([
    [{ user: 'requester', role: 'requester' }],
  ]);
  const offer = { type: 'offer', sdp: 'v=0\r\n…', id: 9007199254740991 };
  await agent.connection.invoke('SendSignal', session, 'SdpOffer', offer);
  expect(await requester.callsUntil('SdpOffer', 1)).toEqual([[{ user: 'agent', data: offer }]]);
  const candidates = Array.from({ length: 20 }, (_, index) => `candidate ${index}`);
  for (const candidate of candidates)
    await requester.connection.invoke('SendSignal', session, 'IceCandidate', candidate);
  const received = await agent.callsUntil('IceCandidate', candidates.length);
  expect(received).toEqual(candidates.map((data) => [{ user: 'requester', data }]));
  await requester.connection.stop();
  expect(await agent.callsUntil('ParticipantLeft', 1)).toEqual([[{ user: 'requester' }]]);
  expect(agent.callsOf('SdpOffer')).toEqual([]);
  expect(stranger.calls.map(([name]) => name)).toEqual(['SessionJoined']);
});

test('a client that comes later does not receive earlier group calls', async () => {
  const session = randomUUID();
  await using agent = await connect(system().url, '?user=agent');
  await using early = await connect(system().url, '?user=early');
  for (const client of [agent, early]) await client.connection.invoke('JoinSession', session, 'x');
  await agent.connection.invoke('SendSignal', session, 'SdpOffer', 1);
  await early.callsUntil('SdpOffer', 1);
  await using late = await connect(system().url, '?user=late');
  await late.connection.invoke('JoinSession', session, 'x');
  await agent.connection.invoke('SendSignal', session, 'SdpAnswer', 2);
  expect(await late.callsUntil('SdpAnswer', 1)).toHaveLength(1);
  expect(late.callsOf('SdpOffer')).toEqual([]);
});

test('a method publishes an event to all hubs, and its result is the answer of the call', async () => {
  const session = randomUUID();
  await using client = await connect(system().url, '?user=agent');
  await using plain = await EventLog.inRoom(system().gatewayAt(1).url, session);
  await client.connection.invoke('JoinSession', session, 'agent');
  expect(await client.connection.invoke('Announce', session, 'Hi')).toBe(2);
  expect(await client.callsUntil('Announced', 1)).toEqual([[{ type: 'session', title: 'Hi' }]]);
  expect(await plain.event((event) => event.event_type === 'notification')).toMatchObject({
    room_id: session,
  });
});

test.each<[string, readonly unknown[], RegExp]>([
  ['a signal that is not listed', ['SendSignal', 'room', 'Shutdown', 1], /This is not a signal/],
  [
    'a signal to a session that was not joined',
    ['SendSignal', 'room', 'SdpOffer', 1],
    /Join the session first/,
  ],
  ['a method that does not exist', ['Nothing'], /Method does not exist/],
  ['a room that is not a room', ['Announce', '', 'Hi'], /room ID must be/],
])('a call with %s is refused', async (_, call, message) => {
  await using client = await connect(system().url, '?user=agent');
  const [method = '', ...args] = call;
  await expect(client.connection.invoke(String(method), ...args)).rejects.toThrow(message);
});

test('a client may publish only into rooms that its user may enter, and only within its budget', async () => {
  const app = await loadedModule(sessionsModule);
  await using gateway = await EmbeddedGateway.start({
    ...memberOptions,
    app,
    maxClientEventsBurst: 3,
    maxClientEventsPerSecond: 1,
  });
  const token = await signToken({ sub: 'agent', rooms: ['mine'] });
  await using client = await ViewClient.connect(`${gateway.url}/hubs/sessions`, { methods, token });
  await expect(client.connection.invoke('Announce', 'other', 'Hi')).rejects.toThrow(
    'You may not enter this room',
  );
  await expect(client.connection.invoke('JoinSession', 'other', 'agent')).rejects.toThrow(
    'You may not enter this room',
  );
  const answers = await Promise.allSettled(
    Array.from({ length: 10 }, () => client.connection.invoke('Announce', 'mine', 'Hi')),
  );
  const refused = answers.filter(({ status }) => status === 'rejected');
  expect(refused.length).toBeGreaterThan(0);
  expect(await readMetric(gateway.url, 'events_dropped_total', { reason: 'rate_limited' })).toBe(
    refused.length,
  );
});
