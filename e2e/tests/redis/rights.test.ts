// Redis users with no more rights than Millrace needs: the users of docs/redis-acl, and the kind of user that hosted Redis
// services offer.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AnyCatalog } from '@millrace/contract';
import { connectPublisher } from '@millrace/publisher';
import { startRedis } from '@millrace/testkit';
import { afterAll, describe, expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { chatMessage, notification, typing } from '../../fixtures/events/sample-events.js';
import { acceptEvents, statusOf } from '../../fixtures/http/ingest.js';
import { readMetricsText } from '../../fixtures/http/metrics.js';
import { repositoryPath } from '../../fixtures/processes/cli-process.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { assertAllAcknowledged, groupName, refusedCommands, xadd } from '../../fixtures/redis/plain-redis.js';
import { withoutTypes } from '../../fixtures/systems/delivery-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const docs = fileURLToPath(new URL('../../../docs', import.meta.url));
const aclFile = join(docs, 'redis-acl/millrace.acl');
const folder = mkdtempSync(join(tmpdir(), 'redis-acl-'));

afterAll(() => rmSync(folder, { recursive: true }));

/** Runs the command with this number in docs/redis-rights.md, which adapts the file. Returns the new file. */
function adaptedAclFile(index: number): string {
  const page = readFileSync(join(docs, 'redis-rights.md'), 'utf8');
  const command = page.match(/^sed .*millrace\.acl$/gm)?.[index] ?? 'false';
  const path = join(folder, `adapted-${index}.acl`);
  writeFileSync(path, execFileSync('sh', ['-c', command], { cwd: join(docs, 'redis-acl') }));
  return path;
}

const roomId = 'room';
const userId = '3f2504e0-4f89-41d3-9a0c-0305e82c3301';

interface Case {
  readonly title: string;
  readonly args: readonly string[];
  readonly gatewayUser: string;
  readonly publisherUser: string;
  readonly prefix: string;
  /** The prefix of the streams. @defaultValue `prefix` */
  readonly streamPrefix?: string;
  readonly group: string;
  /** The application module. @defaultValue none */
  readonly app?: string;
}

const cases: readonly Case[] = [
  {
    title: 'the users of docs/redis-acl/millrace.acl',
    args: ['--aclfile', aclFile],
    gatewayUser: 'millrace-gateway:change-me',
    publisherUser: 'millrace-publisher:change-me',
    prefix: '',
    group: groupName,
  },
  {
    title: 'the users of this file, adapted to a key prefix and a consumer group',
    args: ['--aclfile', adaptedAclFile(0)],
    gatewayUser: 'millrace-gateway:change-me',
    publisherUser: 'millrace-publisher:change-me',
    prefix: 'acme:',
    group: 'millrace',
  },
  {
    title: 'the users of this file, adapted to streams of another system',
    args: ['--aclfile', adaptedAclFile(1)],
    gatewayUser: 'millrace-gateway:change-me',
    publisherUser: 'millrace-publisher:change-me',
    prefix: 'millrace:',
    streamPrefix: '',
    group: 'millrace',
    app: `${repositoryPath}examples/side-by-side/app.mjs`,
  },
  {
    title: 'a user with +@all -@dangerous',
    args: ['--user', 'hosted', 'on', '>secret', '~*', '&*', '+@all', '-@dangerous'],
    gatewayUser: 'hosted:secret',
    publisherUser: 'hosted:secret',
    prefix: '',
    group: groupName,
  },
];

describe.each(cases)('$title', ({ args, gatewayUser, publisherUser, prefix, group, app, ...rest }) => {
  const { streamPrefix = prefix } = rest;

  test('a gateway and a publisher with restricted rights can deliver, coalesce, reject and acknowledge events', async () => {
    await using redis = await startRedis({ args });
    const urlFor = (user: string): string => `redis://${user}@127.0.0.1:${redis.port}`;
    await using gateway = await GatewayProcess.start({
      MILLRACE_REDIS_URL: urlFor(gatewayUser),
      MILLRACE_REDIS_KEY_PREFIX: prefix,
      MILLRACE_CONSUMER_GROUP: group,
      ...(app === undefined ? {} : { MILLRACE_APP: app }),
    });
    const { catalog } = (app === undefined ? {} : await import(app)) as { readonly catalog?: AnyCatalog };
    const connected = await connectPublisher({
      redisUrl: urlFor(publisherUser),
      redisKeyPrefix: prefix,
      ...(catalog === undefined ? {} : { catalog }),
    });
    const publisher = withoutTypes(connected);
    await using client = await EventLog.inRoom(gateway.url, roomId);

    const byHttp = chatMessage(roomId, 'by HTTP');
    await acceptEvents(gateway.url, byHttp);
    const started = typing(roomId, userId, true);
    await publisher.publishEvents([started]);
    await client.event(({ event_type }) => event_type === 'typing_start');
    // The publisher ends typing and sends a message.
    await publisher.publishEvents([chatMessage(roomId, 'by the publisher', { sender_id: userId })]);
    await client.event((event) => event.payload['content'] === 'by the publisher');
    await xadd(redis, `${streamPrefix}events:notification`, { nonsense: 'x' });
    await eventually(async () =>
      expect(await redis.cli('XLEN', `${prefix}dead:{${streamPrefix}events:notification}`)).toBe('1'),
    );
    const last = notification(roomId, 'last');
    await acceptEvents(gateway.url, last);
    await client.event(({ event_id }) => event_id === last.event_id);
    for (const stream of ['events:chat', 'events:notification'])
      await eventually(() => assertAllAcknowledged(redis, streamPrefix + stream, group));
    expect(await statusOf(`${gateway.url}/readyz`)).toBe(200);
    expect(await readMetricsText(gateway.url)).toContain(
      'event_dead_letters{stream="events:notification"} 1',
    );
    await connected.close();
    await gateway.stop();
    expect(refusedCommands(await redis.cli('ACL', 'LOG', '128'))).toEqual([]);
  });
});
