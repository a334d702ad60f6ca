// Gateways, publishers and commands do everything that they do in Redis, with exactly the rights of
// docs/redis-acl/millrace.acl. Redis may refuse only commands that Millrace does not need.
import { fileURLToPath } from 'node:url';
import { HttpTransportType } from '@microsoft/signalr';
import { connectPublisher } from '@millrace/publisher';
import { freePort, startRedis, startRoundRobinProxy } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import {
  chatMessage,
  notification,
  readReceipt,
  sampleEvent,
  typing,
} from '../../fixtures/events/sample-events.js';
import { eraseOverHttp } from '../../fixtures/http/erase.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { CliProcess } from '../../fixtures/processes/cli-process.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { assertAllAcknowledged, refusedCommands, xadd } from '../../fixtures/redis/plain-redis.js';
import { withoutTypes } from '../../fixtures/systems/delivery-system.js';
import { Resources } from '../../fixtures/systems/resources.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const aclFile = fileURLToPath(new URL('../../../docs/redis-acl/millrace.acl', import.meta.url));
const roomId = 'room';
const userId = '3f2504e0-4f89-41d3-9a0c-0305e82c3301';
const messageIds = ['7c9e6679-7425-40de-944b-e07fc1f90ae7', '9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d'];

test('Redis refuses no needed command while two gateways, two publishers and the commands do everything they can', async () => {
  await using resources = new Resources();
  const redis = resources.use(await startRedis({ args: ['--aclfile', aclFile] }));
  const urlFor = (user: string): string => `redis://${user}:change-me@127.0.0.1:${redis.port}`;
  const ports = [await freePort(), await freePort()];
  const environment = {
    MILLRACE_REDIS_URL: urlFor('millrace-gateway'),
    MILLRACE_MIN_AGE_MS: '0',
    MILLRACE_PRESENCE_GRACE_MS: '500',
  };
  const gateways: GatewayProcess[] = [];
  for (const port of ports) {
    const gateway = await GatewayProcess.start({
      ...environment,
      MILLRACE_PORT: String(port),
      MILLRACE_INSTANCE: `gateway-${port}`,
      MILLRACE_INSTANCE_URL: `http://127.0.0.1:${port}`,
      MILLRACE_CONNECTION_KEYS: 'k'.repeat(32),
    });
    gateways.push(resources.use(gateway));
  }
  const [first, second] = gateways;
  if (first === undefined || second === undefined) throw new Error('no gateways');
  // One client's requests reach both gateways. Therefore each looks up the other in the shared directory.
  const balancer = resources.use(await startRoundRobinProxy(() => gateways.map(({ url }) => url)));
  const client = resources.use(
    await EventLog.connect(balancer.url, { transport: HttpTransportType.LongPolling }),
  );
  const { position } = await client.join(roomId);

  // Presence: a state, a watcher, a question of a backend, and a user who leaves.
  await client.connection.invoke('WatchMembers', roomId);
  await client.connection.invoke('SetPresence', roomId, 'active');
  await eventually(async () => {
    const response = await fetch(`${second.url}/v1/rooms/${roomId}/members`);
    expect(await response.json()).toMatchObject({ users: 1, members: [{ state: 'active' }] });
  });
  await client.join('another room');
  await client.connection.invoke('LeaveRoom', 'another room');

  // Coalescing across publishers, and a message that ends typing.
  const publishers = await Promise.all(
    [1, 2].map(async () => {
      const publisher = await connectPublisher({ redisUrl: urlFor('millrace-publisher') });
      resources.defer(() => publisher.close());
      return withoutTypes(publisher);
    }),
  );
  for (const [index, publisher] of publishers.entries()) {
    await publisher.publishEvents([typing(roomId, userId, true)]);
    await publisher.publishEvents([readReceipt(roomId, userId, [messageIds[index] ?? ''])]);
    await publisher.publishEvents([chatMessage(roomId, `from ${index}`, { sender_id: userId })]);
  }
  const receipts = (): readonly string[] =>
    client.events
      .filter(({ event_type }) => event_type === 'read_receipt')
      .flatMap(({ payload }) => payload['message_ids'] as string[]);
  await eventually(() => expect(receipts().toSorted()).toEqual(messageIds.toSorted()));

  // Trimming: more entries than the stream keeps.
  const start = { session_id: userId, agent_id: userId, requester_id: userId };
  const many = Array.from({ length: 1_500 }, () => sampleEvent('elsewhere', 'remote_session_start', start));
  for (let at = 0; at < many.length; at += 500) await acceptEvents(first.url, many.slice(at, at + 500));
  await eventually(async () =>
    expect(Number(await redis.cli('XLEN', 'events:remote'))).toBeLessThan(many.length),
  );

  // Replay to a client that leaves during each replay, so that its attempts are counted.
  for (let round = 0; round < 3; round += 1) {
    await using leaving = await EventLog.connectAs(second.url, userId, 'Maria');
    expect(await leaving.join(roomId, position)).toMatchObject({ recovered: true });
  }
  await eventually(async () => expect(await redis.cli('KEYS', 'count:*')).not.toBe(''));

  // Erasure, of an event and of everything in a room.
  const [message] = client.events.filter(({ event_type }) => event_type === 'chat_message');
  expect(await eraseOverHttp(first.url, `/v1/events/${message?.event_id ?? ''}`)).toMatchObject({
    erased: 1,
  });
  expect((await eraseOverHttp(second.url, '/v1/rooms/elsewhere/events')).erased).toBeGreaterThan(500);
  await eventually(async () => expect(await redis.cli('ZCARD', 'erasing:{events:remote}')).toBe('0'));
  // Removals and sign-outs, by a publisher and by a gateway, and a user who asks whether the removal still holds.
  const removing = await connectPublisher({ redisUrl: urlFor('millrace-publisher') });
  resources.defer(() => removing.close());
  await removing.removeMember(roomId, userId);
  {
    await using removed = await EventLog.connectAs(first.url, userId, 'Maria');
    await eventually(() => expect(removed.join(roomId)).rejects.toThrow('You were removed'));
    await fetch(`${first.url}/v1/rooms/${roomId}/members/${userId}`, { method: 'POST' });
    await removed.join(roomId);
  }
  await removing.signOut(userId);

  // Dead letters, and the commands.
  await xadd(redis, 'events:notification', { nonsense: 'x' });
  await xadd(redis, 'events:notification', { nonsense: 'y' });
  await eventually(async () => expect(await redis.cli('XLEN', 'dead:{events:notification}')).toBe('2'));
  for (const args of [['list'], ['replay', '--all', '--limit', '1'], ['drop', '--all']]) {
    await using command = CliProcess.millrace(['dead-letters', ...args], environment);
    expect(await command.exit(), command.output).toBe(0);
  }

  // A gateway ends. Others take over its slot, its leases and its cursors.
  await second.stop('SIGKILL');
  // The lease of the first gateway is the only one left, beside the number of the newest lease.
  await eventually(async () => expect(await redis.cli('HLEN', 'presence-leases')).toBe('2'));
  const last = notification(roomId, 'last');
  await acceptEvents(first.url, last);
  for (const stream of ['events:chat', 'events:notification'])
    await eventually(() => assertAllAcknowledged(redis, stream));
  await first.stop();
  expect(await redis.cli('XLEN', 'dead:{events:notification}')).toMatch(/^[01]$/);
  expect(refusedCommands(await redis.cli('ACL', 'LOG', '128'))).toEqual([]);
});
