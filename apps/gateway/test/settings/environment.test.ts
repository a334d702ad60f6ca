import { describe, expect, it } from 'vitest';
import { readEnvironment } from '../../src/settings/environment.js';
import { resolveOptions } from '../../src/settings/options.js';

const secret = 's'.repeat(32);
const key = 'k'.repeat(16);

describe('readEnvironment', () => {
  it('the variables are read as options of the gateway and as the log level', () => {
    const { gateway, logLevel } = readEnvironment({
      MILLRACE_PORT: '5000',
      MILLRACE_HOST: '0.0.0.0',
      MILLRACE_REDIS_URL: 'redis://localhost:6379',
      MILLRACE_PARTITIONS: '4',
      MILLRACE_JWT_SECRET: secret,
      MILLRACE_API_KEYS: ' a , b,',
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
      partitions: 4,
      jwtSecret: secret,
      apiKeys: ['a', 'b'],
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
    ['MILLRACE_LOG_LEVEL', 'loud'],
    ['MILLRACE_DRAIN_MS', '10s'],
    ['MILLRACE_DRAIN_MS', '-1'],
    ['MILLRACE_JWT_SECRET', `${secret}\n`],
    ['MILLRACE_JWT_SECRET', ` ${secret}`],
  ])('%s=%s is refused, and the message names the variable', (name, value) => {
    expect(() => readEnvironment({ [name]: value })).toThrow(name);
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

  it('secrets are enough to start, and so is development mode on loopback', () => {
    expect(resolveOptions({ jwtSecret: secret, apiKeys: [key] }, 'me')).toMatchObject({
      port: 4400,
      instance: 'me',
    });
    expect(resolveOptions({ isDevelopment: true }, 'me')).toMatchObject({ host: '127.0.0.1' });
  });

  it('development mode is refused on an address that others can reach', () => {
    expect(() => resolveOptions({ isDevelopment: true, host: '0.0.0.0' }, 'me')).toThrow(/loopback only/);
  });

  it('secrets that can be guessed are refused', () => {
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
    ['jwksUrl', 'ftp://keys', /MILLRACE_JWKS_URL must be an address/],
    ['jwksUrl', 'https://ann:hunter2@keys.example/jwks', /MILLRACE_JWKS_URL has a user or password/],
    ['jwksUrl', 'https://keys.example/jwks#first', /MILLRACE_JWKS_URL has a fragment/],
    ['instanceUrl', '10.0.0.7:4400', /MILLRACE_INSTANCE_URL must be an address/],
    ['instanceUrl', 'http://10.0.0.7:4400/live', /MILLRACE_INSTANCE_URL has a path/],
    ['instanceUrl', 'http://10.0.0.7:4400?a=1', /MILLRACE_INSTANCE_URL has a query/],
    ['instanceUrl', 'http://ann:hunter2@10.0.0.7:4400/#x', /a user or password and a fragment/],
    ['instance', 'a{b}', /MILLRACE_INSTANCE must be/],
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

  it.each(['an api key with blanks', `${key}\t${key}`, 'schlüssel-schlüssel'])(
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

  it('two sources of token keys are refused', () => {
    expect(() => resolveOptions({ jwtSecret: secret, jwksUrl: 'https://k', apiKeys: [key] }, 'me')).toThrow(
      /not both/,
    );
  });

  it('the drain time is 10 s by default and 0 in development mode, and an excessive one is refused', () => {
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

  it('an undefined option has its default', () => {
    expect(resolveOptions({ isDevelopment: true, instance: undefined }, 'me').instance).toBe('me');
  });
});
