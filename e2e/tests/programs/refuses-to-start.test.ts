// A gateway that cannot or must not start prints the reason in one line, and ends with exit code 1.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { startRedis } from '@millrace/testkit';
import { describe, expect, test } from 'vitest';
import { apiKey, jwtSecret, normalMode } from '../../fixtures/http/tokens.js';
import { CliProcess, cliPath, type Environment } from '../../fixtures/processes/cli-process.js';

/** The form of a certificate is checked last. */
const certificate = '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----';
const development = { MILLRACE_DEV: '1', MILLRACE_PORT: '0' } as const;

test('a gateway without secrets names every variable with which it could start', async () => {
  const message = await refusal({});
  for (const name of ['MILLRACE_JWT_SECRET', 'MILLRACE_JWKS_URL', 'MILLRACE_API_KEYS', 'MILLRACE_DEV'])
    expect(message).toContain(name);
});

describe('wrong settings', () => {
  test.each<[string, Environment, RegExp]>([
    ['a token secret but no API key', { MILLRACE_JWT_SECRET: jwtSecret }, /MILLRACE_API_KEYS/],
    ['an API key but no token secret', { MILLRACE_API_KEYS: apiKey }, /MILLRACE_JWT_SECRET/],
    [
      'a token secret that is too short',
      { ...normalMode, MILLRACE_JWT_SECRET: 'too-short' },
      /MILLRACE_JWT_SECRET/,
    ],
    ['an empty token secret', { ...normalMode, MILLRACE_JWT_SECRET: '' }, /MILLRACE_JWT_SECRET/],
    ['development mode on all addresses', { ...development, MILLRACE_HOST: '0.0.0.0' }, /loopback/],
    ['development mode on all addresses of IPv6', { ...development, MILLRACE_HOST: '::' }, /loopback/],
    ['a port that is not a number', { ...development, MILLRACE_PORT: 'abc' }, /MILLRACE_PORT/],
    [
      'the same port for clients and administration',
      { ...development, MILLRACE_PORT: '4499', MILLRACE_ADMIN_PORT: '4499' },
      /MILLRACE_ADMIN_PORT must differ/,
    ],
    [
      'an admin host without an admin port',
      { ...development, MILLRACE_ADMIN_HOST: '127.0.0.1' },
      /MILLRACE_ADMIN_HOST needs MILLRACE_ADMIN_PORT/,
    ],
    [
      'an admin port on all addresses in development mode',
      { ...development, MILLRACE_ADMIN_PORT: '0', MILLRACE_ADMIN_HOST: '0.0.0.0' },
      /loopback/,
    ],
    [
      'an admin port that is not a number',
      { ...development, MILLRACE_ADMIN_PORT: 'abc' },
      /MILLRACE_ADMIN_PORT/,
    ],
    ['a port that does not exist', { ...development, MILLRACE_PORT: '65536' }, /MILLRACE_PORT/],
    [
      'a Redis address of another kind',
      { ...development, MILLRACE_REDIS_URL: 'http://localhost' },
      /MILLRACE_REDIS_URL/,
    ],
    [
      'a Redis address with a parameter',
      { ...development, MILLRACE_REDIS_URL: 'redis://localhost:6379?db=3' },
      /MILLRACE_REDIS_URL .*\?db=.*redis:\/\/host:6379\/3/,
    ],
    [
      'a Redis address with a fragment',
      { ...development, MILLRACE_REDIS_URL: 'redis://:hunter2@localhost:6379#3' },
      /MILLRACE_REDIS_URL .*fragment/,
    ],
    [
      'a Redis address with a path that is not a number',
      { ...development, MILLRACE_REDIS_URL: 'redis://localhost:6379/three' },
      /MILLRACE_REDIS_URL .*path/,
    ],
    [
      'an unknown part in the address of a Unix socket',
      { ...development, MILLRACE_REDIS_URL: 'unix:///run/redis.sock?database=3' },
      /MILLRACE_REDIS_URL .*database/,
    ],
    [
      'a key server with a password in its address',
      { ...development, MILLRACE_JWKS_URL: 'https://ann:hunter2@keys.example' },
      /MILLRACE_JWKS_URL .*password/,
    ],
    [
      'an address of its own with a path',
      {
        ...development,
        MILLRACE_REDIS_URL: 'redis://localhost:6379',
        MILLRACE_CONNECTION_KEYS: 'k'.repeat(32),
        MILLRACE_INSTANCE_URL: 'http://10.0.0.7:4400/live',
      },
      /MILLRACE_INSTANCE_URL .*path/,
    ],
    [
      'an API key with spaces',
      { ...normalMode, MILLRACE_API_KEYS: `${apiKey} another` },
      /MILLRACE_API_KEYS .*spaces/,
    ],
    [
      'a token secret that ends in a line break',
      { ...normalMode, MILLRACE_JWT_SECRET: `${jwtSecret}\n` },
      /MILLRACE_JWT_SECRET .*line breaks/,
    ],
    [
      'an instance name that the broker cannot keep',
      { ...development, MILLRACE_INSTANCE: 'a{b}' },
      /MILLRACE_INSTANCE/,
    ],
    [
      'an origin with a path',
      { ...development, MILLRACE_ALLOWED_ORIGINS: 'https://app.example/desk' },
      /MILLRACE_ALLOWED_ORIGINS.*https:\/\/app\.example\./,
    ],
    [
      'a host that is not an address of this machine',
      { ...normalMode, MILLRACE_HOST: '192.0.2.1' },
      /192\.0\.2\.1 .*MILLRACE_HOST/,
    ],
    [
      'a host that cannot be resolved',
      { ...normalMode, MILLRACE_HOST: 'gateway.invalid', MILLRACE_PORT: '4499' },
      /gateway\.invalid.*MILLRACE_HOST/,
    ],
    [
      'the demo outside development mode',
      { ...normalMode, MILLRACE_APP: '@millrace/helpdesk' },
      /helpdesk.*MILLRACE_APP.*MILLRACE_DEV/,
    ],
    [
      'a log level that does not exist',
      { ...development, MILLRACE_LOG_LEVEL: 'loud' },
      /MILLRACE_LOG_LEVEL must be one of debug, .*, not "loud"/,
    ],
    [
      'a misspelt setting',
      { ...development, MILLRACE_PORTT: 'hunter2' },
      /^(?!.*hunter2).*MILLRACE_PORTT is not a setting\. Did you mean MILLRACE_PORT\?/,
    ],
    [
      'a certificate for Redis without its key, which came from no file',
      { ...normalMode, MILLRACE_REDIS_URL: 'rediss://localhost', MILLRACE_REDIS_TLS_CERT: certificate },
      /redisTlsCert \(MILLRACE_REDIS_TLS_CERT\) needs its private key: give redisTlsKey \(MILLRACE_REDIS_TLS_KEY_FILE\) too/,
    ],
    [
      'a secret whose file is missing',
      { ...normalMode, MILLRACE_JWT_SECRET: '', MILLRACE_JWT_SECRET_FILE: '/nowhere/jwt' },
      /MILLRACE_JWT_SECRET_FILE names a file that cannot be read \(ENOENT\): "\/nowhere\/jwt"/,
    ],
  ])('the gateway does not start with %s, and names the setting', async (_, environment, pattern) => {
    expect(await refusal(environment)).toMatch(pattern);
  });
});

test('a gateway whose port is taken names the port', async () => {
  const occupant = createServer().listen(0, '127.0.0.1');
  await once(occupant, 'listening');
  const address = occupant.address();
  const port = typeof address === 'object' && address !== null ? String(address.port) : '';
  try {
    const message = await refusal({ ...development, MILLRACE_PORT: port });
    expect(message).toContain(port);
    // In a terminal the message is the only output.
    await using atTerminal = CliProcess.atTerminal(['serve'], { ...development, MILLRACE_PORT: port });
    expect(await atTerminal.exit()).toBe(1);
    expect(atTerminal.lines).toEqual([message]);
  } finally {
    occupant.close();
  }
});

test('an old version of Node is refused with a readable message before anything else is loaded', async () => {
  const old = `data:text/javascript,Object.defineProperty(process, 'versions', { value: { node: '18.20.4' } })`;
  const args = ['--import', old, cliPath, 'serve', '--dev'];
  await using program = new CliProcess({ file: process.execPath, args });
  expect(await program.exit()).toBe(1);
  expect(program.lines).toEqual([
    expect.stringMatching(/^millrace: Node 20\.19 or newer is needed, and this is 18\.20\.4\./),
  ]);
});

test('a gateway does not use a Redis whose data has another layout, and names both layouts', async () => {
  await using redis = await startRedis();
  await redis.cli('set', 'layout:{signalr-consumers}', '2');
  const message = await refusal({ ...development, MILLRACE_REDIS_URL: redis.url });
  expect(message).toContain(
    'layout "2" (key layout:{signalr-consumers}), and this build knows layout 1 only',
  );
  expect(await redis.cli('dbsize')).toBe('1');
});

test('an unknown command is refused, and --help names the commands', async () => {
  await using unknown = CliProcess.millrace(['serv']);
  expect(await unknown.exit()).toBe(1);
  expect(unknown.output).toContain("'serv'");
  await using help = CliProcess.millrace(['--help']);
  expect(await help.exit()).toBe(0);
  for (const command of ['serve', 'tail', 'token'])
    expect(help.output).toMatch(new RegExp(`^ +${command}\\b`, 'm'));
  // `npx millrace -- --help` and a call without arguments print the same help.
  for (const args of [['--', '--help'], []]) {
    await using same = CliProcess.millrace(args);
    expect({ args, code: await same.exit(), output: same.output }).toEqual({
      args,
      code: 0,
      output: help.output,
    });
  }
});

/** Runs `millrace serve`, which must fail. Returns its only line for people. */
async function refusal(environment: Environment): Promise<string> {
  await using program = CliProcess.millrace(['serve'], environment);
  expect(await program.exit()).toBe(1);
  const forPeople = program.lines.filter((line) => !line.startsWith('{'));
  expect(forPeople).toHaveLength(1);
  const [message = ''] = forPeople;
  expect(program.output).not.toContain('"level":"error"');
  expect(message).toMatch(/^millrace: .*\w/);
  expect(message).not.toMatch(/\bat .+:\d+:\d+/);
  for (const secret of [jwtSecret, apiKey, 'too-short', 'hunter2'])
    expect(program.output).not.toContain(secret);
  return message;
}
