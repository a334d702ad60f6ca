import { defineCatalog, defineStream } from '@millrace/contract';
import { expect, it } from 'vitest';
import { GatewayError } from '../../src/errors.js';
import { createGateway } from '../../src/gateway.js';
import { DEFAULTS } from '../../src/settings/options.js';
import { resolveOptions } from '../../src/settings/resolve-options.js';
import { SETTINGS } from '../../src/settings/settings.js';

const development = { isDevelopment: true } as const;

it('missing options get their defaults, and the result is frozen', () => {
  const resolved = resolveOptions(
    { ...development, maxOutboundBytes: 1_000, maxBodyBytes: undefined as never },
    'here',
  );
  expect(resolved).toMatchObject({ instance: 'here', maxOutboundBytes: 1_000, maxBodyBytes: 1_048_576 });
  expect(Object.isFrozen(resolved)).toBe(true);
});

it('the default intervals keep an idle connection open behind a proxy that ends it after 30 s', () => {
  expect(Math.max(DEFAULTS.keepAliveIntervalMs, DEFAULTS.pollTimeoutMs)).toBeLessThan(30_000);
});

it.each([
  'maxBodyBytes',
  'maxRoomsPerConnection',
  'replayWindowMs',
  'maxOutboundBytes',
  'maxOutboundMessages',
  'sendTimeoutMs',
  'maxClientEventsBurst',
] as const)('a %s that is not a whole number from 1 is refused, and the message names it', (option) => {
  for (const value of [0, -1, 1.5, Number.NaN, '7' as never]) {
    expect(() => resolveOptions({ ...development, [option]: value }, 'here')).toThrow(
      expect.objectContaining({
        code: 'invalid_configuration',
        message: expect.stringMatching(
          new RegExp(`^${option} \\(MILLRACE_[A-Z_]+\\) must be a whole number.* from 1(?: to \\d+)?, not `),
        ) as unknown,
      }),
    );
  }
});

it('a catalog with a stream of another system changes the defaults of consumer group and key prefix', () => {
  const redisUrl = 'redis://localhost';
  const streams = [defineStream({ name: 'events:orders', maxLength: 10, retention: 'observe' })];
  const catalog = defineCatalog({ streams, eventTypes: [] });
  const namesOf = (options: object) => {
    const { consumerGroup, redisKeyPrefix } = resolveOptions({ ...development, ...options }, 'here');
    return [consumerGroup, redisKeyPrefix];
  };
  expect(namesOf({ redisUrl })).toEqual(['signalr-consumers', '']);
  expect(namesOf({ redisUrl, catalog })).toEqual(['millrace', 'millrace:']);
  expect(namesOf({ redisUrl, app: { catalog } })).toEqual(['millrace', 'millrace:']);
  expect(namesOf({ catalog })).toEqual(['millrace', '']);
  const own = { consumerGroup: 'ours', redisKeyPrefix: 'ours:' };
  expect(namesOf({ redisUrl, catalog, ...own })).toEqual(['ours', 'ours:']);
});

it('a burst of calls that cannot rejoin all rooms of a connection is refused', () => {
  const burstOf = (options: object) =>
    resolveOptions({ ...development, ...options }, 'here').maxClientCallsBurst;
  expect(burstOf({})).toBe(3_000);
  expect(burstOf({ maxRoomsPerConnection: 10 })).toBe(1_020);
  expect(burstOf({ maxRoomsPerConnection: 10, maxClientCallsBurst: 120 })).toBe(120);
  expect(() => burstOf({ maxClientCallsBurst: 2_099 })).toThrow(
    expect.objectContaining({
      code: 'invalid_configuration',
      message: expect.stringContaining('MILLRACE_MAX_CLIENT_CALLS_BURST must be at least 2100') as unknown,
    }),
  );
});

it.each(['drainMs', 'shutdownTimeoutMs'] as const)(
  'a %s that is not a valid time is refused, and the message names it',
  (option) => {
    for (const value of [-1, 0.5, 3_600_001]) {
      expect(() => resolveOptions({ ...development, [option]: value }, 'here')).toThrow(
        expect.objectContaining({ message: expect.stringContaining(option) as string }),
      );
    }
  },
);

const extremes = SETTINGS.flatMap(({ name, variable, kind }) => {
  const [, least, most] = /^a whole number.* from (\d+)(?: to (\d+))?$/.exec(kind.rule) ?? [];
  if (least === undefined) return [];
  return [Number(least), most === undefined ? Number.MAX_SAFE_INTEGER : Number(most)].map(
    (value) => [name, value, variable] as const,
  );
});

it.each(extremes)(
  '%s = %d creates a gateway, or is refused with the name of its setting',
  (name, value, variable) => {
    const options = { ...development, redisUrl: 'redis://127.0.0.1:1', [name]: value };
    try {
      createGateway(options);
    } catch (error) {
      expect(error).toBeInstanceOf(GatewayError);
      expect((error as GatewayError).message).toMatch(new RegExp(`^${name}|${variable}`));
    }
  },
);
