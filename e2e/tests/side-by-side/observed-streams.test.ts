// Gateways beside the system that they are to replace, on its streams. A recording of all commands that Redis executes shows that
// they neither remove nor acknowledge anything of that system.
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { AnyCatalog } from '@millrace/contract';
import { connectPublisher } from '@millrace/publisher';
import { type RedisServer, startRedis } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { ErasureLog } from '../../fixtures/clients/erasure-log.js';
import { EventLog } from '../../fixtures/clients/event-log.js';
import {
  chatMessage,
  chatMessages,
  idsOf,
  notification,
  sampleEvent,
  streamNames,
  typing,
} from '../../fixtures/events/sample-events.js';
import { eraseOverHttp } from '../../fixtures/http/erase.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { removeMember } from '../../fixtures/http/members.js';
import { CliProcess, repositoryPath } from '../../fixtures/processes/cli-process.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { assertAllAcknowledged, groupInfo, groupName } from '../../fixtures/redis/plain-redis.js';
import { recordCommands } from '../../fixtures/redis/redis-monitor.js';
import { withoutTypes } from '../../fixtures/systems/delivery-system.js';
import { OldBackend, OldService } from '../../fixtures/systems/old-service.js';
import { Resources } from '../../fixtures/systems/resources.js';
import { isForbidden, ownGroup } from '../../fixtures/systems/side-by-side.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const app = `${repositoryPath}examples/side-by-side/app.mjs`;
const roomId = 'room';
const userId = '3f2504e0-4f89-41d3-9a0c-0305e82c3301';

function environmentOf(redis: RedisServer): Record<string, string> {
  return { MILLRACE_REDIS_URL: redis.url, MILLRACE_APP: app };
}

function startGateway(redis: RedisServer, number: number): Promise<GatewayProcess> {
  return GatewayProcess.start({
    ...environmentOf(redis),
    MILLRACE_INSTANCE: `gateway-${number}`,
    MILLRACE_MIN_AGE_MS: '0',
  });
}

async function deadLetters(redis: RedisServer, ...args: readonly string[]): Promise<string> {
  await using program = CliProcess.millrace(['dead-letters', ...args], environmentOf(redis));
  await program.exit();
  return program.output;
}

test('gateways that observe a system remove and acknowledge nothing of it, whatever happens to them', async () => {
  await using resources = new Resources();
  const redis = resources.use(await startRedis());
  const backend = resources.use(await OldBackend.connect(redis));
  const service = resources.use(await OldService.start(redis));
  const theirs = [await backend.address(), await service.address()];
  const recording = resources.use(await recordCommands(redis));

  const first = resources.use(await startGateway(redis, 1));
  const second = resources.use(await startGateway(redis, 2));
  const { catalog } = (await import(app)) as { readonly catalog: AnyCatalog };
  const publisher = await connectPublisher({ redisUrl: redis.url, catalog });
  resources.defer(() => publisher.close());
  // This publisher's catalog does not say that another system owns the streams.
  const unaware = await connectPublisher({ redisUrl: redis.url });
  resources.defer(() => unaware.close());
  const client = resources.use(await EventLog.inRoom(first.url, roomId));

  // Publish and ingest, by every way in.
  const [byBackend, byHttp, byLibrary, byUnaware] = ['XADD', 'HTTP', 'library', 'unaware'].map((text) =>
    chatMessage(roomId, text),
  ) as [ReturnType<typeof chatMessage>, ...ReturnType<typeof chatMessage>[]];
  await backend.add([byBackend]);
  await acceptEvents(first.url, [byHttp as typeof byBackend]);
  await withoutTypes(publisher).publishEvents([byLibrary as typeof byBackend, typing(roomId, userId, true)]);
  await withoutTypes(unaware).publishEvents([byUnaware as typeof byBackend]);
  await client.event(({ event_type }) => event_type === 'typing_start');
  for (const event of [byBackend, byHttp, byLibrary, byUnaware])
    await client.event(({ event_id }) => event_id === event?.event_id);
  const position = client.events.at(-1)?.position;

  // Dead letters. A replayed one is rejected again.
  await backend.addFields('events:notification', { nonsense: 'x' });
  const deadCount = () => redis.cli('XLEN', 'millrace:dead:{events:notification}');
  await eventually(async () => expect(await deadCount()).toBe('1'));
  expect(await deadLetters(redis, 'replay', '--all')).toMatch(/^replayed {2}events:notification/m);
  await eventually(async () => expect(await deadCount()).toBe('1'));
  expect(await deadLetters(redis, 'drop', '--all')).toMatch(/^dropped {2}events:notification/m);

  // Erasure: the event is sent to nobody any more, but its owner removes the entry.
  const erasures = new ErasureLog(client);
  expect(await eraseOverHttp(first.url, `/v1/events/${byBackend.event_id}`)).toMatchObject({
    erased: 1,
    is_removed: false,
    kept: 1,
  });
  await eventually(() => expect(erasures.erased).toEqual([byBackend.event_id]));
  await removeMember(first.url, 'elsewhere', userId);

  // More entries than Millrace would keep.
  const sessions = Array.from({ length: 1_300 }, () =>
    sampleEvent('elsewhere', 'remote_session_start', { session_id: randomUUID() }),
  );
  await backend.add(sessions);
  for (const stream of streamNames.filter((name) => name !== 'events:ticket'))
    await eventually(() => assertAllAcknowledged(redis, stream, ownGroup));

  // Death of a gateway, take-over and resume.
  await first.stop('SIGKILL');
  const missed = chatMessages(roomId, 20);
  await backend.add(missed);
  const returned = resources.use(await EventLog.connect(second.url));
  expect(await returned.join(roomId, position)).toMatchObject({ recovered: true });
  await backend.add([notification(roomId, 'last')]);
  await returned.event(({ event_type }) => event_type === 'notification');
  expect(returned.ids.slice(0, -1)).toEqual(idsOf(missed));
  for (const stream of ['events:chat', 'events:notification'])
    await eventually(() => assertAllAcknowledged(redis, stream, ownGroup));
  await second.stop();

  const commands = (await recording.commands()).filter(({ source }) => !theirs.includes(source));
  expect(commands.filter(isForbidden)).toEqual([]);
  const names = new Set(commands.map(({ words: [name = ''] }) => name.toUpperCase()));
  for (const name of ['XADD', 'XREADGROUP', 'XACK', 'XREAD']) expect(names).toContain(name);
  // This command of a gateway replaces the trim.
  for (const stream of streamNames)
    expect(commands.map(({ words }) => words.join(' '))).toContainEqual(
      expect.stringMatching(new RegExp(`^SET millrace:observed:\\{${stream}\\} 1 PX `)),
    );

  // The old service has handled every entry, and its group is as it left it.
  await eventually(() => assertAllAcknowledged(redis, 'events:chat'));
  await service.stop();
  expect(service.eventIds.filter((id) => idsOf(missed).includes(id))).toEqual(idsOf(missed));
  expect(await groupInfo(redis, 'events:chat', groupName)).toMatchObject({ pending: '0', consumers: '1' });
  // One more entry is the removal of the user, which is in every stream.
  expect(await redis.cli('XLEN', 'events:remote')).toBe('1301');

  await publisher.close();
  await unaware.close();
  const keys = (await redis.cli('KEYS', '*')).split('\n');
  const ours = keys.filter((key) => !(streamNames as readonly string[]).includes(key));
  // The publisher that does not know the owner has no prefix; its keys have a TTL, too.
  expect(ours.filter((key) => !/^(?:millrace:|dedupe:|coalesce)/.test(key))).toEqual([]);
  expect(ours.length).toBeGreaterThan(10);
  for (const key of ours) expect([key, Number(await redis.cli('PTTL', key)) > 0]).toEqual([key, true]);
}, 120_000);

test('the guide shows the unchanged example module', async () => {
  const guide = await readFile(`${repositoryPath}docs/side-by-side.md`, 'utf8');
  expect(guide).toContain(await readFile(app, 'utf8'));
});

test('a gateway does not start with the consumer group of the old service', async () => {
  await using redis = await startRedis();
  await using backend = await OldBackend.connect(redis);
  await using service = await OldService.start(redis);
  await backend.add(chatMessages(roomId, 3));
  await eventually(() => assertAllAcknowledged(redis, 'events:chat'));
  for (const environment of [
    { MILLRACE_REDIS_URL: redis.url, MILLRACE_DEV: '1', MILLRACE_PORT: '0' },
    { ...environmentOf(redis), MILLRACE_DEV: '1', MILLRACE_PORT: '0', MILLRACE_CONSUMER_GROUP: groupName },
  ]) {
    await using gateway = CliProcess.millrace(['serve'], environment);
    expect(await gateway.exit()).toBe(1);
    expect(gateway.output).toMatch(
      /Another program reads events:chat with the consumer group signalr-consumers.*MILLRACE_CONSUMER_GROUP/,
    );
  }
  await backend.add(chatMessages(roomId, 3));
  await eventually(() => expect(service.handled).toHaveLength(6));
});
