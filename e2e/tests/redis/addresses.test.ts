// Everything that connects to Redis accepts every kind of address: the gateway with its directory of connections, the
// publisher, and the commands of `millrace`.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type ConnectPublisherOptions, connectPublisher } from '@millrace/publisher';
import { type RedisServer, startRedis, startSentinels } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { notification } from '../../fixtures/events/sample-events.js';
import { CliProcess, type Environment } from '../../fixtures/processes/cli-process.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { makeAuthority, startTlsRedis } from '../../fixtures/redis/tls.js';
import { withoutTypes } from '../../fixtures/systems/delivery-system.js';
import { Resources } from '../../fixtures/systems/resources.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

interface Address {
  readonly redis: RedisServer;
  readonly environment: Environment & { readonly MILLRACE_REDIS_URL: string };
  readonly redisTls?: ConnectPublisherOptions['redisTls'];
  /** The database that the address names. */
  readonly database: string;
}

const password = 'secret of the test';
const encoded = encodeURIComponent(password);

async function byUnixSocket(resources: Resources): Promise<Address> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-socket-'));
  resources.defer(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'redis.sock');
  const redis = resources.use(await startRedis({ args: ['--unixsocket', path, '--requirepass', password] }));
  return { redis, database: '3', environment: { MILLRACE_REDIS_URL: `unix://:${encoded}@${path}?db=3` } };
}

async function byMutualTls(resources: Resources): Promise<Address> {
  const authority = resources.use(await makeAuthority());
  const [server, client] = [await authority.issue('DNS:redis.test'), await authority.issue()];
  const ca = authority.certificatePath;
  const redis = resources.use(await startTlsRedis(server, ca, ['--requirepass', password]));
  return {
    redis,
    database: '0',
    environment: {
      MILLRACE_REDIS_URL: `rediss://:${encoded}@127.0.0.1:${redis.tlsPort}`,
      MILLRACE_REDIS_TLS_CA_FILE: ca,
      MILLRACE_REDIS_TLS_CERT_FILE: client.certificatePath,
      MILLRACE_REDIS_TLS_KEY_FILE: client.keyPath,
      MILLRACE_REDIS_TLS_SERVER_NAME: 'redis.test',
    },
    redisTls: {
      ca: await readFile(ca, 'utf8'),
      cert: await readFile(client.certificatePath, 'utf8'),
      key: await readFile(client.keyPath, 'utf8'),
      serverName: 'redis.test',
    },
  };
}

/** TLS to Redis and to its Sentinels, with one password for Redis and one for the Sentinels. */
async function bySentinelsWithTls(resources: Resources): Promise<Address> {
  const authority = resources.use(await makeAuthority());
  const server = await authority.issue();
  const ca = authority.certificatePath;
  const redis = resources.use(
    await startTlsRedis(server, undefined, ['--requirepass', password, '--tls-ca-cert-file', ca]),
  );
  const tls = [`tls-cert-file ${server.certificatePath}`, `tls-key-file ${server.keyPath}`];
  const sentinels = resources.use(
    await startSentinels({
      masterPort: redis.tlsPort,
      hasReplicas: false,
      isTls: true,
      lines: [
        ...tls,
        `tls-ca-cert-file ${ca}`,
        'tls-auth-clients no',
        'tls-replication yes',
        'requirepass watcher',
        'sentinel sentinel-pass watcher',
        `sentinel auth-pass mymaster "${password}"`,
      ],
    }),
  );
  return {
    redis,
    database: '2',
    environment: {
      MILLRACE_REDIS_URL: `rediss+sentinel://:${encoded}@${sentinels.hosts}/mymaster/2?sentinel_password=watcher`,
      MILLRACE_REDIS_TLS_CA_FILE: ca,
    },
    redisTls: { ca: await readFile(ca, 'utf8') },
  };
}

test.each([
  ['a Unix socket', byUnixSocket],
  ['TLS with certificates on both sides and a server name', byMutualTls],
  ['Sentinels with TLS and a password of their own', bySentinelsWithTls],
])('gateway, publisher, directory and commands reach Redis over %s', async (_, start) => {
  await using resources = new Resources();
  const { redis, database, environment, redisTls } = await start(resources);
  const cli = (...args: string[]): Promise<string> =>
    redis.cli('-a', password, '--no-auth-warning', '-n', database, ...args);
  const gateway = resources.use(
    await GatewayProcess.start({
      ...environment,
      MILLRACE_INSTANCE_URL: 'http://127.0.0.1:4400',
      MILLRACE_CONNECTION_KEYS: 'k'.repeat(32),
    }),
  );
  const client = resources.use(await EventLog.inRoom(gateway.url, 'ticket-42'));
  const connected = await connectPublisher({
    redisUrl: environment.MILLRACE_REDIS_URL,
    ...(redisTls && { redisTls }),
  });
  resources.defer(() => connected.close());
  const event = notification('ticket-42', 'hello');
  await withoutTypes(connected).publishEvents([event]);
  await client.event(({ event_id }) => event_id === event.event_id);
  expect(await cli('xlen', 'events:notification')).toBe('1');
  expect(await cli('client', 'list')).toContain('name=millrace-directory-writer');
  await cli('xadd', 'events:notification', '*', 'nonsense', 'x');
  await eventually(async () => expect(await cli('xlen', 'dead:{events:notification}')).toBe('1'));
  await using list = CliProcess.millrace(['dead-letters', 'list'], environment);
  expect(await list.exit()).toBe(0);
  expect(list.output).toContain('events:notification');

  // The way back to another service: its group continues where the gateway has stopped.
  await gateway.stop();
  const [group, last] = ["the other's group", await lastIdOf(cli, 'events:notification')];
  await cli('xgroup', 'create', 'events:notification', group, '0');
  await using back = CliProcess.millrace(['shadow', '--switch-back', '--group', group], environment);
  expect(await back.exit()).toBe(0);
  expect(back.output).not.toContain(password);
  const { MILLRACE_REDIS_URL: _url, ...files } = environment;
  await promisify(execFile)('sh', ['-c', back.output], {
    env: { ...process.env, ...files, REDISCLI_AUTH: password },
  });
  expect(await cli('xinfo', 'groups', 'events:notification')).toMatch(
    new RegExp(`${group}[^]*last-delivered-id\\n${last}`),
  );
});

async function lastIdOf(cli: (...args: string[]) => Promise<string>, stream: string): Promise<string> {
  const newest = await cli('xrevrange', stream, '+', '-', 'count', '1');
  return newest.split('\n')[0] ?? '';
}
