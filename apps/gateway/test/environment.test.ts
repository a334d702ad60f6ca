import { describe, expect, it } from 'vitest';
import { readEnvironment } from '../src/environment.js';
import { resolveOptions } from '../src/options.js';

const secret = 's'.repeat(32);
const key = 'k'.repeat(16);

describe('readEnvironment', () => {
  it('reads every variable', () => {
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

  it('takes an empty variable as not set', () => {
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
    ['MILLRACE_JWKS_URL', 'ftp://keys'],
    ['MILLRACE_LOG_LEVEL', 'loud'],
    ['MILLRACE_DRAIN_MS', '10s'],
    ['MILLRACE_DRAIN_MS', '-1'],
    ['MILLRACE_INSTANCE_URL', '10.0.0.7:4400'],
  ])('refuses %s=%s and names the variable', (name, value) => {
    expect(() => readEnvironment({ [name]: value })).toThrow(name);
  });

  it('takes several nodes of a cluster', () => {
    const redisUrl = 'redis://:secret@a:7000,b:7001,c:7002';
    expect(readEnvironment({ MILLRACE_REDIS_URL: redisUrl }).gateway.redisUrl).toBe(redisUrl);
  });

  it('does not repeat an address that may hold a password', () => {
    expect(() => readEnvironment({ MILLRACE_REDIS_URL: 'http://:hunter2@host' })).toThrow(/^(?!.*hunter2)/);
  });
});

describe('resolveOptions', () => {
  it('refuses to start without secrets and says which to set', () => {
    expect(() => resolveOptions({}, 'me')).toThrow(/MILLRACE_JWT_SECRET.*MILLRACE_API_KEYS.*MILLRACE_DEV=1/);
    expect(() => resolveOptions({ jwtSecret: secret }, 'me')).toThrow(/^Set MILLRACE_API_KEYS\./);
    expect(() => resolveOptions({ apiKeys: [key] }, 'me')).toThrow(/MILLRACE_JWT_SECRET/);
  });

  it('starts with secrets, or in development mode on loopback', () => {
    expect(resolveOptions({ jwtSecret: secret, apiKeys: [key] }, 'me')).toMatchObject({
      port: 4400,
      instance: 'me',
    });
    expect(resolveOptions({ isDevelopment: true }, 'me')).toMatchObject({ host: '127.0.0.1' });
  });

  it('refuses development mode on an address that others can reach', () => {
    expect(() => resolveOptions({ isDevelopment: true, host: '0.0.0.0' }, 'me')).toThrow(/loopback only/);
  });

  it('refuses secrets that can be guessed', () => {
    expect(() => resolveOptions({ jwtSecret: 'short', apiKeys: [key] }, 'me')).toThrow(/32 bytes/);
    expect(() => resolveOptions({ jwtSecret: secret, apiKeys: ['short'] }, 'me')).toThrow(/16 characters/);
  });

  it.each(['example.com', 'https://app.example/', 'https://app.example/path', 'app', 'null'])(
    'refuses %s as an origin, which no browser sends',
    (origin) => {
      const options = { isDevelopment: true, allowedOrigins: ['https://fine.example:8443', origin] };
      expect(() => resolveOptions(options, 'me')).toThrow(/MILLRACE_ALLOWED_ORIGINS.*can never match/);
    },
  );

  it('takes origins with a port, and any', () => {
    const allowedOrigins = ['https://fine.example:8443', 'http://localhost:3000', '*'];
    expect(resolveOptions({ isDevelopment: true, allowedOrigins }, 'me').allowedOrigins).toEqual(
      allowedOrigins,
    );
  });

  it('refuses two sources of token keys', () => {
    expect(() => resolveOptions({ jwtSecret: secret, jwksUrl: 'https://k', apiKeys: [key] }, 'me')).toThrow(
      /not both/,
    );
  });

  it('drains for a while, in development not at all, and takes no time that never ends', () => {
    expect(resolveOptions({ jwtSecret: secret, apiKeys: [key] }, 'me').drainMs).toBe(10_000);
    expect(resolveOptions({ isDevelopment: true }, 'me').drainMs).toBe(0);
    expect(resolveOptions({ isDevelopment: true, drainMs: 5 }, 'me').drainMs).toBe(5);
    expect(() => resolveOptions({ isDevelopment: true, drainMs: 1e9 }, 'me')).toThrow('MILLRACE_DRAIN_MS');
  });

  it('takes an address of its own only with what the other gateways need', () => {
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
  });

  it('lets an undefined option have its default', () => {
    expect(resolveOptions({ isDevelopment: true, instance: undefined }, 'me').instance).toBe('me');
  });
});
