// A Redis that cannot be used. The gateway and the commands print the reason and the remedy in one line, and end with exit code 1.
// `connectPublisher` rejects with the same message. No secret is printed.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { connectPublisher } from '@millrace/publisher';
import { freePort, type SentinelsOptions, startRedis, startSentinels } from '@millrace/testkit';
import { describe, expect, test } from 'vitest';
import { CliProcess, type Environment, repositoryPath } from '../../fixtures/processes/cli-process.js';
import {
  startOldRedis,
  startSentinel,
  startSilence,
  startWebServer,
} from '../../fixtures/redis/redis-look-alikes.js';
import { makeAuthority, startTlsRedis } from '../../fixtures/redis/tls.js';
import { Resources } from '../../fixtures/systems/resources.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const secret = 'hunter2-of-the-test';
const nobody = { async [Symbol.asyncDispose]() {} };

/**
 * Starts a server that cannot be used as a Redis. `useless` is its URL. `settings` are additional settings of
 * the gateway.
 */
type Start = () => Promise<AsyncDisposable & { readonly useless: string; readonly settings?: Environment }>;

async function redisWith(
  args: readonly string[],
  urlOf: (port: number) => string,
  after: readonly string[] = [],
) {
  const redis = await startRedis({ args });
  if (after.length > 0) await redis.cli(...after);
  return Object.assign(redis, { useless: urlOf(redis.port) });
}

/** Starts a Redis with TLS. An authority of the test signs its certificate. */
async function tlsRedis({
  names,
  days,
  protocol = 'rediss',
  isCaGiven = true,
  clientOf,
}: {
  /** Names in the certificate. @defaultValue this machine */
  readonly names?: string;
  readonly days?: number;
  readonly protocol?: string;
  readonly isCaGiven?: boolean;
  /**
   * Signs the gateway's certificate. `none` if the gateway has no certificate. Left out if the server requires no
   * certificate.
   */
  readonly clientOf?: 'none' | 'another authority';
}) {
  const resources = new Resources();
  const authority = resources.use(await makeAuthority());
  const another = resources.use(await makeAuthority());
  const clients = clientOf === undefined ? undefined : authority.certificatePath;
  const redis = resources.use(await startTlsRedis(await authority.issue(names, days), clients));
  const client = clientOf === 'another authority' ? await another.issue() : undefined;
  return Object.assign(resources, {
    useless: `${protocol}://localhost:${redis.tlsPort}`,
    settings: {
      ...(isCaGiven && protocol === 'rediss'
        ? { MILLRACE_REDIS_TLS_CA_FILE: authority.certificatePath }
        : {}),
      ...(client && {
        MILLRACE_REDIS_TLS_CERT_FILE: client.certificatePath,
        MILLRACE_REDIS_TLS_KEY_FILE: client.keyPath,
      }),
    },
  });
}

/** Starts Sentinels, and returns a URL that names them. */
async function sentinelsWith(options: SentinelsOptions, urlOf: (hosts: string) => string) {
  const sentinels = await startSentinels({ hasReplicas: false, ...options });
  return Object.assign(sentinels, { useless: urlOf(sentinels.hosts) });
}

/** Starts a Redis whose only connection is taken. */
async function fullRedis() {
  const redis = await startRedis({ args: ['--maxclients', '1'] });
  const socket = connect(redis.port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write('PING\r\n');
  await once(socket, 'data');
  return {
    useless: asDefault(redis.port),
    async [Symbol.asyncDispose]() {
      socket.destroy();
      await redis[Symbol.asyncDispose]();
    },
  };
}

const aclUser = ['ACL', 'SETUSER', 'ann', 'on', `>${secret}`, '~*', '&*', '+@all'];
const asAnn = (port: number): string => `redis://ann:${secret}@127.0.0.1:${port}`;
const asDefault = (port: number): string => `redis://127.0.0.1:${port}`;

const cases: readonly (readonly [string, Start, RegExp])[] = [
  [
    'a wrong password',
    () => redisWith(['--requirepass', 'another'], (port) => `redis://:${secret}@127.0.0.1:${port}`),
    /refuses the user or password\. Correct them in the Redis URL/,
  ],
  ['an unknown user', () => redisWith([], asAnn), /refuses the user or password/],
  [
    'no password where one is needed',
    () => redisWith(['--requirepass', secret], asDefault),
    /requires a password/,
  ],
  [
    'a password where there is none',
    () => redisWith([], (port) => `redis://:${secret}@127.0.0.1:${port}`),
    /has no password, but the Redis URL gives one/,
  ],
  [
    'a user who may not run scripts',
    () => redisWith([], asAnn, [...aclUser, '-eval', '-evalsha']),
    /denies its user a right that is needed: .*eval/,
  ],
  [
    'a user who may not use the keys',
    () =>
      redisWith(
        [],
        asAnn,
        aclUser.map((rule) => (rule === '~*' ? '~other:*' : rule)),
      ),
    /denies its user a right that is needed: .*key/,
  ],
  [
    'a user who may not use consumer groups',
    () => redisWith([], asAnn, [...aclUser, '-xgroup']),
    /denies its user a right that is needed/,
  ],
  [
    'TLS towards a plain port',
    () => redisWith([], (port) => `rediss://127.0.0.1:${port}`),
    /does not speak TLS\. Begin the Redis URL with redis:\/\//,
  ],
  [
    'no TLS towards a TLS port',
    () => tlsRedis({ protocol: 'redis' }),
    /speaks TLS\. Begin the Redis URL with rediss:\/\//,
  ],
  [
    'a certificate of an unknown authority',
    () => tlsRedis({ isCaGiven: false }),
    /authority that is not trusted here\..*the TLS CA.*MILLRACE_REDIS_TLS_CA_FILE/,
  ],
  [
    'an expired certificate',
    () => tlsRedis({ days: -1 }),
    /certificate of Redis at localhost:\d+ has expired\. Renew it there/,
  ],
  [
    'a certificate for another host',
    () => tlsRedis({ names: 'DNS:redis.example' }),
    /is for another host name.*MILLRACE_REDIS_TLS_SERVER_NAME/,
  ],
  [
    'a server that requires a certificate',
    () => tlsRedis({ clientOf: 'none' }),
    /requires a certificate of its clients.*MILLRACE_REDIS_TLS_CERT_FILE/,
  ],
  [
    'a server that refuses the certificate of the gateway',
    () => tlsRedis({ clientOf: 'another authority' }),
    /refuses the certificate of this client \(unknown ca\).*MILLRACE_REDIS_TLS_CERT_FILE/,
  ],
  [
    'a list of another program at the key of the layout',
    () => redisWith([], asDefault, ['RPUSH', 'layout:{signalr-consumers}', 'x']),
    /The key layout:\{signalr-consumers\} in Redis holds a value that is not a string.*MILLRACE_REDIS_KEY_PREFIX/,
  ],
  [
    'a Unix socket that is not there',
    async () => ({ ...nobody, useless: 'unix:///tmp/millrace-nowhere.sock' }),
    /There is no socket at \/tmp\/millrace-nowhere\.sock/,
  ],
  [
    'an old version',
    async () => withPort(await startOldRedis()),
    /too old: Redis 7\.0 or newer is needed, this is 6\.2\.14\. Upgrade it/,
  ],
  [
    'a Sentinel',
    async () => withPort(await startSentinel()),
    /is a Redis Sentinel.*redis\+sentinel:\/\/ and name the master/,
  ],
  [
    'a Sentinel that does not know the master',
    () => sentinelsWith({ count: 1 }, (hosts) => `redis+sentinel://${hosts}/another`),
    /No Sentinel names the master another\. The Sentinel at 127\.0\.0\.1:\d+ knows no master with the name another/,
  ],
  [
    'Sentinels that are unavailable',
    async () => ({ ...nobody, useless: 'redis+sentinel://127.0.0.1:1,127.0.0.1:2/mymaster' }),
    /Nothing listens at 127\.0\.0\.1:1: start the Sentinel there, .*Nothing listens at 127\.0\.0\.1:2/,
  ],
  [
    'a wrong password of a Sentinel',
    () =>
      sentinelsWith(
        { count: 1, lines: ['requirepass another'] },
        (hosts) => `redis+sentinel://${hosts}/mymaster?sentinel_password=${secret}`,
      ),
    /refuses the login: correct sentinel_user and sentinel_password in the Redis URL/,
  ],
  [
    'a Redis where a Sentinel is expected',
    () => redisWith([], (port) => `redis+sentinel://127.0.0.1:${port}/mymaster`),
    /is not a Sentinel: name the port of the Sentinel/,
  ],
  [
    'a master that cannot be reached',
    async () =>
      sentinelsWith(
        { count: 1, masterPort: await freePort() },
        (hosts) => `redis+sentinel://${hosts}/mymaster`,
      ),
    /Nothing listens at 127\.0\.0\.1:\d+\..* The Sentinels gave this address/,
  ],
  ['a web server', async () => withPort(await startWebServer()), /speaks HTTP and is not Redis/],
  ['silence', async () => withPort(await startSilence()), /does not answer/],
  [
    'a port where nothing listens',
    async () => ({ ...nobody, useless: `redis://ann:${secret}@127.0.0.1:${await freePort()}` }),
    /Nothing listens at 127\.0\.0\.1:\d+\. Start Redis there/,
  ],
  [
    'a host that has no address',
    async () => ({ ...nobody, useless: `redis://:${secret}@redis.invalid:6379` }),
    /redis\.invalid:6379 cannot be resolved/,
  ],
  [
    'a database that is not there',
    () => redisWith(['--databases', '2'], (port) => `redis://127.0.0.1:${port}/7`),
    /does not have the database/,
  ],
  [
    'a replica',
    () => redisWith(['--replicaof', '127.0.0.1', '1'], asDefault),
    /is a replica and accepts no writes\. Name its master/,
  ],
  [
    'a server that lacks replicas',
    () => redisWith(['--min-replicas-to-write', '1'], asDefault),
    /accepts no writes because fewer replicas follow it than its min-replicas-to-write/,
  ],
  [
    'a full server that accepts no further client',
    fullRedis,
    /has no connection left\. Raise its maxclients/,
  ],
];

// Most of these gateways wait: they try again until their time to connect is over. Therefore several of them run at a time.
test.concurrent.each(cases)('%s is reported by millrace serve', async (_, start, message) => {
  await using useless = await start();
  expect(await lineOf(['serve'], useless.useless, useless.settings)).toMatch(message);
});

test('a server that is still loading is reported by millrace serve', async () => {
  // Redis has many keys to load, with a delay for each. Therefore it is loading until the end of the test.
  await using redis = await startRedis({ isDurable: true, args: ['--key-load-delay', '500'] });
  await redis.cli('EVAL', "for i = 1, 200000 do redis.call('SET', i, i) end", '0');
  await redis.stop();
  const restarting = redis.restart().catch(() => {});
  await eventually(async () => expect(await redis.cli('PING')).toContain('LOADING'));
  expect(await lineOf(['serve'], redis.url)).toMatch(/is still loading its data\. Try again/);
  await redis.stop();
  await restarting;
});

test('docs/errors.md lists every kind of Redis that cannot be used', () => {
  const page = readFileSync(`${repositoryPath}docs/errors.md`, 'utf8');
  const table = page.split('### A Redis that cannot be used')[1]?.split('\n## ')[0] ?? '';
  const listed = [...table.matchAll(/^\| (.+?) \| .+\|$/gm)].map(([, name]) => name).slice(1);
  expect(listed).toEqual([...cases.map(([name]) => name), 'a server that is still loading']);
});

describe('other programs', () => {
  const [, start, message] = cases[0] ?? ['', () => Promise.reject(new Error('no case')), /./];

  test('millrace dead-letters reports an unusable Redis as millrace serve does', async () => {
    await using useless = await start();
    for (const args of [['list'], ['show', '1-1'], ['replay', '--all'], ['drop', '1-1']])
      expect(await lineOf(['dead-letters', ...args], useless.useless)).toMatch(message);
  });

  test('connectPublisher reports an unusable Redis as millrace serve does', async () => {
    await using useless = await start();
    await expect(connectPublisher({ redisUrl: useless.useless })).rejects.toMatchObject({
      name: 'BrokerError',
      code: 'refused',
      message: expect.stringMatching(message) as string,
    });
    const url = `rediss://127.0.0.1:${new URL(useless.useless).port}`;
    await expect(connectPublisher({ redisUrl: url })).rejects.toThrow(/does not speak TLS/);
  });
});

function withPort(listener: AsyncDisposable & { readonly port: number }) {
  const dispose = () => listener[Symbol.asyncDispose]();
  return { [Symbol.asyncDispose]: dispose, useless: `redis://:${secret}@127.0.0.1:${listener.port}` };
}

/** Runs a command that must fail, and returns the only line that it prints for people. */
async function lineOf(
  args: readonly string[],
  redisUrl: string,
  settings: Environment = {},
): Promise<string> {
  const environment = { MILLRACE_DEV: '1', MILLRACE_PORT: '0', MILLRACE_REDIS_URL: redisUrl, ...settings };
  await using program = CliProcess.millrace(args, environment);
  expect(await program.exit()).toBe(1);
  const forPeople = program.lines.filter((line) => !line.startsWith('{'));
  expect(forPeople).toHaveLength(1);
  expect(program.output).not.toContain(secret);
  expect(program.output).not.toContain('"level":"error"');
  // Times in milliseconds are integers.
  expect(program.output).not.toMatch(/\d\.\d+ ms/);
  const [line = ''] = forPeople;
  expect(line).toMatch(/^millrace: .*\.$/);
  return line;
}
