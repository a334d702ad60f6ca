// The support desk moves from its own service to Millrace and back, and leaves Millrace by the bridge, as its README says.
import { randomUUID } from 'node:crypto';
import { startRedis } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { connectDesk } from '../../fixtures/clients/desk-client.js';
import { callsPerHub, hearEveryKind } from '../../fixtures/clients/desk-listeners.js';
import { addDeskEntry, deskEntries, deskPeople } from '../../fixtures/events/desk-entries.js';
import { streamNames } from '../../fixtures/events/sample-events.js';
import { assertAllAcknowledged, groupInfo, pendingCount, xadd } from '../../fixtures/redis/plain-redis.js';
import { recordCommands } from '../../fixtures/redis/redis-monitor.js';
import {
  shadowOfDesk,
  startBridge,
  startDeskGateway,
  switchBack,
} from '../../fixtures/systems/desk-system.js';
import { OldService } from '../../fixtures/systems/old-service.js';
import { Resources } from '../../fixtures/systems/resources.js';
import { untilCompared } from '../../fixtures/systems/side-by-side.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const chat = 'events:chat';
const oldGroup = 'signalr-consumers';

/** The streams to which the backend writes. */
const written = streamNames.filter((stream) => stream !== 'events:notification');

/** The part of the report of `millrace shadow` that the test reads. */
interface ShadowReport {
  readonly streams: readonly { readonly types: readonly { readonly same: number }[] }[];
}

test('the desk moves to Millrace, back, and to the bridge, and the program that serves at the time delivers every entry', async () => {
  await using resources = new Resources();
  const redis = resources.use(await startRedis());
  const write = async (): Promise<readonly string[]> => {
    const entries = deskEntries(deskPeople());
    for (const entry of entries) await addDeskEntry(redis, entry);
    return entries.map(({ fields }) => fields['event_id'] ?? '').toSorted();
  };
  const untilHandled = async (group: string): Promise<void> => {
    for (const stream of written) await eventually(() => assertAllAcknowledged(redis, stream, group));
  };

  // The comparison beside the old service.
  const before = resources.use(await OldService.start(redis));
  const recording = resources.use(await recordCommands(redis));
  const shadow = resources.use(shadowOfDesk(redis, ['--json']));
  await shadow.line(/comparing with the consumer group signalr-consumers/);
  const compared = await write();
  await untilHandled(oldGroup);
  expect(before.eventIds.toSorted()).toEqual(compared);
  await untilCompared(redis, recording);
  expect(await shadow.stop('SIGINT')).toBe(0);
  const report = JSON.parse(shadow.lines.find((line) => line.startsWith('{')) ?? '') as ShadowReport;
  expect(report).toMatchObject({ is_safe_to_switch: true, group: oldGroup });
  const types = report.streams.flatMap((stream) => stream.types);
  expect(types.reduce((sum, { same }) => sum + same, 0)).toBe(compared.length);

  // Both, then Millrace alone.
  const gateway = resources.use(await startDeskGateway(redis));
  expect(await hearEveryKind(redis, gateway.url)).toEqual(callsPerHub);
  await untilHandled(oldGroup);
  const heardBefore = before.handled.length;
  await before.stop();
  expect(await hearEveryKind(redis, gateway.url)).toEqual(callsPerHub);
  await untilHandled('millrace');
  await gateway.stop('SIGTERM');
  expect(before.handled).toHaveLength(heardBefore);

  // Back: the old service gets exactly what came after the gateway.
  const between = await write();
  await switchBack(redis);
  const after = resources.use(await OldService.start(redis));
  await untilHandled(oldGroup);
  expect(after.eventIds.toSorted()).toEqual(between);
  await after.stop();

  // To the bridge, and to Millrace again.
  const bridge = resources.use(await startBridge(redis));
  expect(await hearEveryKind(redis, bridge.url)).toEqual(callsPerHub);
  await untilHandled(oldGroup);
  await bridge.stop('SIGKILL');
  const again = resources.use(await startDeskGateway(redis));
  expect(await hearEveryKind(redis, again.url)).toEqual(callsPerHub);
});

test('the bridge begins at the oldest pending entry, and continues after broken entries, trims and lost connections', async () => {
  await using resources = new Resources();
  const redis = resources.use(await startRedis());
  const broken = (room: string) =>
    xadd(redis, chat, { event_id: randomUUID(), event_type: 'chat_message', room_id: room, payload: '{' });
  const group = async (name: string, ...args: string[]) => redis.cli('XGROUP', 'CREATE', chat, name, ...args);

  // A gateway that was killed has acknowledged the first of three entries, and no more.
  const ids = [await broken('r'), await broken('r'), await broken('r')] as const;
  await group('millrace', '0');
  await redis.cli('XREADGROUP', 'GROUP', 'millrace', 'signalr-instance-1', 'STREAMS', chat, '>');
  await redis.cli('XACK', chat, 'millrace', ids[0]);
  const first = resources.use(await startBridge(redis));
  for (const id of ids.slice(1)) await first.line(new RegExp(`^events:chat ${id} is skipped: .*JSON`));
  expect(first.output).not.toContain(ids[0]);
  expect(await hearEveryKind(redis, first.url)).toEqual(callsPerHub);

  // An entry that the bridge has read is trimmed before its restart.
  await first.stop('SIGKILL');
  await broken('r');
  await redis.cli('XREADGROUP', 'GROUP', oldGroup, 'bridge', 'STREAMS', chat, '>');
  await redis.cli('XTRIM', chat, 'MAXLEN', '0');
  expect(await pendingCount(redis, chat)).toBe(1);
  const second = resources.use(await startBridge(redis));
  await eventually(async () => expect(await pendingCount(redis, chat)).toBe(0));

  // Its connection is lost, and then the streams are.
  await redis.cli('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  await second.line(/^trying again in a second: /);
  await redis.cli('FLUSHALL');
  await eventually(async () => expect(await groupInfo(redis, chat)).toMatchObject({ pending: '0' }));
  expect(await hearEveryKind(redis, second.url)).toEqual(callsPerHub);
});

test('the hubs of the bridge answer as the old service does, and the ticket hub confirms only the subscription to one’s own tickets', async () => {
  await using resources = new Resources();
  const redis = resources.use(await startRedis());
  const { url } = resources.use(await startBridge(redis));
  const { request, requester, agent } = deskPeople();
  const connect = async (hub: 'chat' | 'ticket' | 'remote-access', user: string) =>
    resources.use(await connectDesk(url, hub, user));
  const ticket = await connect('ticket', agent);
  await ticket.connection.invoke('SubscribeToTicket', '');
  await ticket.connection.invoke('SubscribeToUserTickets');
  expect(ticket.calls).toEqual([['UserTicketsSubscribed']]);
  const [chatHub, other] = [await connect('chat', requester), await connect('chat', agent)];
  for (const { connection } of [chatHub, other]) await connection.invoke('JoinRoom', request);
  await other.connection.invoke('MarkRead', request, []);
  await other.connection.invoke('SendTyping', request, true);
  await chatHub.callsUntil('TypingIndicator', 1);
  expect(chatHub.calls).toEqual([
    ['RoomJoined', request],
    ['TypingIndicator', { requestId: request, userId: agent, isTyping: true }],
  ]);
  const [helped, helper] = [await connect('remote-access', requester), await connect('remote-access', agent)];
  for (const { connection } of [helped, helper]) await connection.invoke('JoinSession', 's', 'agent');
  await helper.connection.invoke('SendSignal', 's', 'SdpOffer', 1);
  await helper.connection.invoke('SendSignal', 's', 'SessionLeft', 1);
  await helper.connection.stop();
  await helped.callsUntil('ParticipantLeft', 1);
  expect(helped.calls.slice(1)).toEqual([
    ['ParticipantJoined', { sessionId: 's', participantType: 'agent', userId: agent }],
    ['SdpOffer', { sessionId: 's', payload: 1, fromUserId: agent }],
    ['ParticipantLeft', { sessionId: 's', userId: agent }],
  ]);
});
