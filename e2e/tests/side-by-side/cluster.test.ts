// Observed streams on a Redis Cluster, where each stream is on a node of its own.
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { startRedisCluster } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { chatMessages, idsOf, sampleEvent, streamNames } from '../../fixtures/events/sample-events.js';
import { eraseOverHttp } from '../../fixtures/http/erase.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { groupName } from '../../fixtures/redis/plain-redis.js';
import { recordCommands } from '../../fixtures/redis/redis-monitor.js';
import { Resources } from '../../fixtures/systems/resources.js';
import { isForbidden, ownGroup, sideBySide } from '../../fixtures/systems/side-by-side.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

test('a gateway that observes a system on a cluster removes and acknowledges nothing of it', async () => {
  await using resources = new Resources();
  const cluster = resources.use(await startRedisCluster());
  for (const stream of streamNames)
    await cluster.cli(stream, 'XGROUP', 'CREATE', stream, groupName, '0', 'MKSTREAM');
  const recordings = [];
  for (const node of cluster.nodes) recordings.push(resources.use(await recordCommands(node)));
  const gateway = resources.use(await sideBySide(cluster).gateway());
  const client = resources.use(await EventLog.inRoom(gateway.url, 'room'));
  const messages = chatMessages('room', 20);
  await acceptEvents(gateway.url, messages);
  expect(idsOf(await client.received(20))).toEqual(idsOf(messages));
  const sessions = Array.from({ length: 1_200 }, () =>
    sampleEvent('elsewhere', 'remote_session_start', { session_id: randomUUID() }),
  );
  for (let from = 0; from < sessions.length; from += 400)
    await acceptEvents(gateway.url, sessions.slice(from, from + 400));
  expect(await eraseOverHttp(gateway.url, `/v1/events/${idsOf(messages)[0]}`)).toMatchObject({
    erased: 1,
    kept: 1,
  });
  for (const stream of ['events:chat', 'events:remote'])
    await eventually(async () =>
      expect(await cluster.cli(stream, 'XPENDING', stream, ownGroup)).toMatch(/^0/),
    );
  await gateway.stop();
  const commands = (await Promise.all(recordings.map((recording) => recording.commands()))).flat();
  expect(commands.filter(isForbidden)).toEqual([]);
  expect(await cluster.cli('events:remote', 'XLEN', 'events:remote')).toBe('1200');
  await promisify(execFile)('sh', ['-c', await sideBySide(cluster).switchBack()]);
  for (const stream of ['events:chat', 'events:remote'])
    expect(await cluster.cli(stream, 'XREADGROUP', 'GROUP', groupName, 'a', 'STREAMS', stream, '>')).toBe('');
});
