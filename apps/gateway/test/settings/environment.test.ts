import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readEnvironment, withGivenNames } from '../../src/settings/environment.js';
import { resolveOptions } from '../../src/settings/resolve-options.js';

const secret = 's'.repeat(32);
const key = 'k'.repeat(16);
const folder = mkdtempSync(join(tmpdir(), 'settings-'));

afterAll(() => rmSync(folder, { recursive: true }));

/** Writes a file and returns its path. */
function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe('readEnvironment', () => {
  it('the variables are read as options of the gateway and as the log level', () => {
    const { gateway, logLevel } = readEnvironment({
      MILLRACE_PORT: '5000',
      MILLRACE_HOST: '0.0.0.0',
      MILLRACE_REDIS_URL: 'redis://localhost:6379',
      MILLRACE_REDIS_KEY_PREFIX: 'acme:',
      MILLRACE_CONSUMER_GROUP: 'millrace',
      MILLRACE_PARTITIONS: '4',
      MILLRACE_JWT_SECRET: secret,
      MILLRACE_API_KEYS: ` ${key} , ${key}2,`,
      MILLRACE_INSTANCE: 'one',
      MILLRACE_DEV: 'true',
      MILLRACE_ALLOWED_ORIGINS: 'https://a.example',
      MILLRACE_DRAIN_MS: '2500',
      MILLRACE_LOG_LEVEL: 'WARN',
    });
    expect(gateway).toMatchObject({
      port: 5000,
      host: '0.0.0.0',
      redisUrl: 'redis://localhost:6379',
      redisKeyPrefix: 'acme:',
      consumerGroup: 'millrace',
      partitions: 4,
      jwtSecret: secret,
      apiKeys: [key, `${key}2`],
      instance: 'one',
      isDevelopment: true,
      allowedOrigins: ['https://a.example'],
      drainMs: 2_500,
    });
    expect(logLevel).toBe('warn');
  });

  it('an empty variable counts as not set', () => {
    const { gateway } = readEnvironment({ MILLRACE_REDIS_URL: '', MILLRACE_PORT: ' ' });
    expect(gateway.redisUrl).toBeUndefined();
    expect(gateway).not.toHaveProperty('port');
  });

  it.each([
    ['MILLRACE_PORT', '99999'],
    ['MILLRACE_PORT', '4400x'],
    ['MILLRACE_DEV', 'maybe'],
    ['MILLRACE_REDIS_URL', 'localhost:6379'],
    ['MILLRACE_PARTITIONS', '0'],
    ['MILLRACE_PARTITIONS', '33'],
    ['MILLRACE_PARTITIONS', 'chat=3'],
    ['MILLRACE_REDIS_KEY_PREFIX', '{acme}:'],
    ['MILLRACE_REDIS_KEY_PREFIX', 'acme :'],
    ['MILLRACE_REDIS_KEY_PREFIX', 'coalesce:'],
    ['MILLRACE_CONSUMER_GROUP', 'a{b}'],
    ['MILLRACE_CONSUMER_GROUP', 'x'.repeat(201)],
    ['MILLRACE_LOG_LEVEL', 'loud'],
    ['MILLRACE_DRAIN_MS', '10s'],
    ['MILLRACE_DRAIN_MS', '-1'],
    ['MILLRACE_JWT_SECRET', `${secret}\n`],
    ['MILLRACE_JWT_SECRET', ` ${secret}`],
    ['MILLRACE_MAX_BODY_BYTES', '1_000'],
    ['MILLRACE_MAX_BODY_BYTES', '0'],
    ['MILLRACE_FRESHNESS', 'never'],
    ['MILLRACE_JWT_ALGORITHMS', 'HS256,none'],
    ['MILLRACE_CLIENT_TIMEOUT_MS', '1e4'],
  ])('%s=%s is refused, and the message names the variable', (name, value) => {
    expect(() => readEnvironment({ [name]: value })).toThrow(
      expect.objectContaining({
        code: 'invalid_configuration',
        message: expect.stringMatching(new RegExp(`^${name}\\b`)) as unknown,
      }),
    );
  });

  it('the message about a wrong value names the rule, and repeats the value unless it is a secret', () => {
    const messageOf = (variables: NodeJS.ProcessEnv): string => {
      try {
        readEnvironment(variables);
        return '';
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(messageOf({ MILLRACE_PORT: '70000' })).toBe(
      'MILLRACE_PORT must be a whole number from 0 to 65535, not 70000.',
    );
    expect(messageOf({ MILLRACE_DRAIN_MS: '10s' })).toBe(
      'MILLRACE_DRAIN_MS must be a whole number of milliseconds from 0 to 3600000, not "10s".',
    );
    expect(messageOf({ MILLRACE_LOG_LEVEL: 'loud' })).toBe(
      'MILLRACE_LOG_LEVEL must be one of debug, info, warn, error, silent, not "loud".',
    );
    expect(messageOf({ MILLRACE_JWT_SECRET: 'hunter2' })).toBe(
      'MILLRACE_JWT_SECRET must have at least 32 bytes; `openssl rand -hex 32` makes a good one.',
    );
    expect(messageOf({ MILLRACE_API_KEYS: `${key},hunter2` })).toBe(
      'Each entry of MILLRACE_API_KEYS must have at least 16 characters.',
    );
  });

  it('a secret is read from a file, without the line break at its end', () => {
    const { gateway } = readEnvironment({
      MILLRACE_JWT_SECRET_FILE: file('jwt', `${secret}\n`),
      MILLRACE_API_KEYS_FILE: file('keys', `${key}\n${key}2\n`),
    });
    expect(gateway).toEqual({ jwtSecret: secret, apiKeys: [key, `${key}2`] });
  });

  it('an error names the variable that was set, with or without _FILE', () => {
    expect(() => readEnvironment({ MILLRACE_JWT_SECRET_FILE: file('short', 'hunter2') })).toThrow(
      /^MILLRACE_JWT_SECRET_FILE must have at least 32 bytes/,
    );
    const byFile = { MILLRACE_CONNECTION_KEYS_FILE: file('connection-keys', secret) };
    const refusal = 'MILLRACE_CONNECTION_KEYS needs MILLRACE_INSTANCE_URL.';
    expect(() => resolveOptions({ isDevelopment: true, ...readEnvironment(byFile).gateway }, 'a')).toThrow(
      refusal,
    );
    expect(withGivenNames(refusal, byFile)).toBe(
      'MILLRACE_CONNECTION_KEYS_FILE needs MILLRACE_INSTANCE_URL.',
    );
    expect(withGivenNames(refusal, { MILLRACE_CONNECTION_KEYS: secret })).toBe(refusal);
    const advice =
      'redisTlsCert (MILLRACE_REDIS_TLS_CERT_FILE) needs redisTlsKey (MILLRACE_REDIS_TLS_KEY_FILE)';
    expect(withGivenNames(advice, { MILLRACE_REDIS_TLS_CERT: 'x', MILLRACE_REDIS_TLS_KEY_FILE: '' })).toBe(
      'redisTlsCert (MILLRACE_REDIS_TLS_CERT) needs redisTlsKey (MILLRACE_REDIS_TLS_KEY_FILE)',
    );
    const both = { MILLRACE_JWT_SECRET: secret, MILLRACE_JWT_SECRET_FILE: 'x' };
    const either = 'Set either MILLRACE_JWT_SECRET or MILLRACE_JWT_SECRET_FILE, not both.';
    expect(withGivenNames(either, both)).toBe(either);
  });

  it('a secret whose file is missing, empty or set together with the value is refused', () => {
    const missing = join(folder, 'missing');
    expect(() => readEnvironment({ MILLRACE_JWT_SECRET_FILE: missing })).toThrow(
      `MILLRACE_JWT_SECRET_FILE names a file that cannot be read (ENOENT): "${missing}".`,
    );
    expect(() => readEnvironment({ MILLRACE_JWT_SECRET_FILE: file('empty', '\n') })).toThrow(/empty file/);
    const both = { MILLRACE_JWT_SECRET: secret, MILLRACE_JWT_SECRET_FILE: file('jwt', secret) };
    expect(() => readEnvironment(both)).toThrow(/either MILLRACE_JWT_SECRET or MILLRACE_JWT_SECRET_FILE/);
  });

  it('a Redis URL with several nodes of a cluster is accepted', () => {
    const redisUrl = 'redis://:secret@a:7000,b:7001,c:7002';
    expect(readEnvironment({ MILLRACE_REDIS_URL: redisUrl }).gateway.redisUrl).toBe(redisUrl);
  });

  it('the message about an invalid Redis URL does not repeat its password', () => {
    expect(() => readEnvironment({ MILLRACE_REDIS_URL: 'http://:hunter2@host' })).toThrow(/^(?!.*hunter2)/);
  });
});

describe('resolveOptions', () => {
  it('a gateway without secrets is refused, and the message names the settings', () => {
    expect(() => resolveOptions({}, 'me')).toThrow(/MILLRACE_JWT_SECRET.*MILLRACE_API_KEYS.*MILLRACE_DEV=1/);
    expect(() => resolveOptions({ jwtSecret: secret }, 'me')).toThrow(/^Set MILLRACE_API_KEYS\./);
    expect(() => resolveOptions({ apiKeys: [key] }, 'me')).toThrow(/MILLRACE_JWT_SECRET/);
  });

  it('secrets, or development mode on loopback, are enough to start', () => {
    expect(resolveOptions({ jwtSecret: secret, apiKeys: [key] }, 'me')).toMatchObject({
      port: 4400,
      instance: 'me',
    });
    expect(resolveOptions({ isDevelopment: true }, 'me')).toMatchObject({ host: '127.0.0.1' });
  });

  it('development mode is refused on an address that others can reach', () => {
    expect(() => resolveOptions({ isDevelopment: true, host: '0.0.0.0' }, 'me')).toThrow(/loopback only/);
  });

  it('a secret that is too short or otherwise easy to guess is refused', () => {
    expect(() => resolveOptions({ jwtSecret: 'short', apiKeys: [key] }, 'me')).toThrow(/32 bytes/);
    expect(() => resolveOptions({ jwtSecret: secret, apiKeys: ['short'] }, 'me')).toThrow(/16 characters/);
  });

  it.each([
    'example.com',
    'https://app.example/',
    'https://app.example/path',
    'https://app.example:443',
    'https://app.example?x',
    'https://*.app.example',
    'https://ann@app.example',
    'app',
    'file://',
    'file:///index.html',
    'capacitor://localhost/',
    'capacitor:localhost',
    'data:text/html',
  ])('the origin %s, which no browser sends, is refused', (origin) => {
    const options = { isDevelopment: true, allowedOrigins: ['https://fine.example:8443', origin] };
    expect(() => resolveOptions(options, 'me')).toThrow(/MILLRACE_ALLOWED_ORIGINS.*can never match/);
  });

  it.each([
    'capacitor://localhost',
    'ionic://localhost',
    'tauri://localhost',
    'app://obsidian.md',
    'chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb',
    'http://localhost',
    'https://tauri.localhost:1420',
    'null',
  ])('the origin %s, which apps send, is accepted', (origin) => {
    const options = { isDevelopment: true, allowedOrigins: [origin] };
    expect(resolveOptions(options, 'me').allowedOrigins).toEqual([origin]);
  });

  it.each([
    ['jwksUrl', 'ftp://keys', /MILLRACE_JWKS_URL\) must be an address/],
    ['jwksUrl', 'https://ann:hunter2@keys.example/jwks', /MILLRACE_JWKS_URL\) has a user or password/],
    ['jwksUrl', 'https://keys.example/jwks#first', /MILLRACE_JWKS_URL\) has a fragment/],
    ['instanceUrl', '10.0.0.7:4400', /MILLRACE_INSTANCE_URL\) must be an address/],
    ['instanceUrl', 'http://10.0.0.7:4400/live', /MILLRACE_INSTANCE_URL\) has a path/],
    ['instanceUrl', 'http://10.0.0.7:4400?a=1', /MILLRACE_INSTANCE_URL\) has a query/],
    ['instanceUrl', 'http://ann:hunter2@10.0.0.7:4400/#x', /a user or password and a fragment/],
    ['instance', 'a{b}', /MILLRACE_INSTANCE\) must be/],
  ])('the %s %s is refused by a message that repeats no secret', (option, value, message) => {
    const shared = { redisUrl: 'redis://localhost', connectionKeys: ['k'.repeat(32)] };
    const options = {
      isDevelopment: true,
      ...shared,
      instanceUrl: 'http://10.0.0.7:4400',
      [option]: value,
    };
    expect(() => resolveOptions(options, 'me')).toThrow(message);
    expect(() => resolveOptions(options, 'me')).toThrow(/^(?!.*hunter2)/);
  });

  it.each(['an api key with spaces', `${key}\t${key}`, 'schlüssel-schlüssel'])(
    'the API key %j, which no client can send, is refused',
    (wrong) => {
      expect(() => resolveOptions({ jwtSecret: secret, apiKeys: [wrong] }, 'me')).toThrow(
        'MILLRACE_API_KEYS',
      );
    },
  );

  it('origins with a port and the wildcard * are accepted', () => {
    const allowedOrigins = ['https://fine.example:8443', 'http://localhost:3000', '*'];
    expect(resolveOptions({ isDevelopment: true, allowedOrigins }, 'me').allowedOrigins).toEqual(
      allowedOrigins,
    );
  });

  it('secrets and a key server may be used together', () => {
    const options = { jwtSecret: secret, jwtSecrets: [`${secret}2`], jwksUrl: 'https://k', apiKeys: [key] };
    expect(resolveOptions(options, 'me')).toMatchObject(options);
  });

  it('an algorithm that needs longer secrets is refused', () => {
    const options = { isDevelopment: true, jwtSecret: secret, jwtAlgorithms: ['HS512'] };
    expect(() => resolveOptions(options, 'me')).toThrow(/HS512, which needs secrets of at least 64 bytes/);
    expect(resolveOptions({ ...options, jwtSecret: secret.repeat(2) }, 'me').jwtAlgorithms).toEqual([
      'HS512',
    ]);
  });

  it('an unknown option is refused, and the message suggests the nearest name', () => {
    const options = { isDevelopment: true, maxBodyByte: 5 };
    expect(() => resolveOptions(options, 'me')).toThrow(
      'maxBodyByte is not an option of a gateway. Did you mean maxBodyBytes?',
    );
    const ofProgram = { isDevelopment: true, logLevel: 'info' };
    expect(() => resolveOptions(ofProgram, 'me')).toThrow(/logLevel is not/);
  });

  it('the drain time is 10 s by default, and 0 in development mode', () => {
    expect(resolveOptions({ jwtSecret: secret, apiKeys: [key] }, 'me').drainMs).toBe(10_000);
    expect(resolveOptions({ isDevelopment: true }, 'me').drainMs).toBe(0);
    expect(resolveOptions({ isDevelopment: true, drainMs: 5 }, 'me').drainMs).toBe(5);
    expect(() => resolveOptions({ isDevelopment: true, drainMs: 1e9 }, 'me')).toThrow('MILLRACE_DRAIN_MS');
  });

  it('an instance URL is accepted only with Redis and connection keys', () => {
    const shared = {
      isDevelopment: true,
      redisUrl: 'redis://localhost',
      instanceUrl: 'http://10.0.0.7:4400',
      connectionKeys: ['k'.repeat(32)],
    };
    expect(resolveOptions(shared, 'me').instanceUrl).toBe(shared.instanceUrl);
    expect(() => resolveOptions({ ...shared, connectionKeys: [] }, 'me')).toThrow('MILLRACE_CONNECTION_KEYS');
    expect(() => resolveOptions({ ...shared, connectionKeys: ['short'] }, 'me')).toThrow('32 bytes');
    expect(() => resolveOptions({ ...shared, redisUrl: undefined }, 'me')).toThrow('MILLRACE_REDIS_URL');
    expect(() => resolveOptions({ ...shared, instanceUrl: undefined }, 'me')).toThrow(
      'MILLRACE_INSTANCE_URL',
    );
  });

  it('a key prefix is accepted only with Redis', () => {
    const options = { isDevelopment: true, redisKeyPrefix: 'acme:' };
    expect(() => resolveOptions(options, 'me')).toThrow(
      'MILLRACE_REDIS_KEY_PREFIX needs MILLRACE_REDIS_URL.',
    );
    expect(resolveOptions({ ...options, redisUrl: 'redis://localhost' }, 'me').redisKeyPrefix).toBe('acme:');
  });

  it('an undefined option gets its default', () => {
    expect(resolveOptions({ isDevelopment: true, instance: undefined }, 'me').instance).toBe('me');
  });
});
