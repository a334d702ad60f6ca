import {
  BrokerError,
  type BrokerOptions,
  createMemoryBroker,
  createRedisBroker,
  resolveBrokerOptions,
} from '@millrace/broker';
import { expect, it } from 'vitest';

const STREAMS = [{ name: 'events:chat', maxLength: 10 }];

it('resolveBrokerOptions fills in the defaults and freezes the result', () => {
  const options = resolveBrokerOptions({ streams: STREAMS });
  expect(options).toMatchObject({
    group: 'signalr-consumers',
    consumerPrefix: 'signalr-instance-',
    dedupeWindowMs: 300_000,
    commandTimeoutMs: 5_000,
    livenessMs: 3_000,
    leaseMs: 3_000,
    heartbeatMs: 250,
    minAgeMs: 30_000,
    hardCapFactor: 20,
    publishBatchSize: 512,
    deadLetterMaxLength: 1_000,
    deadMarkMs: 86_400_000,
  });
  expect(
    Object.isFrozen(options) && Object.isFrozen(options.streams) && Object.isFrozen(options.streams[0]),
  ).toBe(true);
});

it.each<[string, Partial<Record<keyof BrokerOptions, unknown>>]>([
  ['no streams', { streams: [] }],
  ['the same stream twice', { streams: [...STREAMS, ...STREAMS] }],
  ['an empty name', { streams: [{ name: '', maxLength: 1 }] }],
  ['braces in a name', { streams: [{ name: 'events:{chat}', maxLength: 1 }] }],
  ['a control character in a name', { streams: [{ name: 'a\nb', maxLength: 1 }] }],
  ['a lone surrogate in a name', { streams: [{ name: 'a\uD800', maxLength: 1 }] }],
  ['a name of more than 200 bytes', { streams: [{ name: 'é'.repeat(101), maxLength: 1 }] }],
  ['a maxLength of 0', { streams: [{ name: 'a', maxLength: 0 }] }],
  ['a fraction as a time', { livenessMs: 1.5 }],
  ['a negative time', { minAgeMs: -1 }],
  ['text as a time', { leaseMs: '3000' }],
  ['NaN as a time', { dedupeWindowMs: Number.NaN }],
  ['a publishBatchSize above 1,000', { publishBatchSize: 1_001 }],
  ['braces in the name of the group', { group: '{x}' }],
])('options with %s are refused', (_, wrong) => {
  const options = { streams: STREAMS, ...wrong } as BrokerOptions;
  expect(() => createMemoryBroker(options)).toThrow(BrokerError);
  expect(() => createRedisBroker({ ...options, url: 'redis://127.0.0.1' })).toThrow(
    expect.objectContaining({ code: 'invalid_argument' }),
  );
});

it.each(['', 'localhost:6379', 'http://127.0.0.1', 'redis:'])(
  'the URL %j is refused with a message that does not contain the URL',
  (url) => {
    expect(() => createRedisBroker({ streams: STREAMS, url })).toThrow(
      expect.objectContaining({
        code: 'invalid_argument',
        message:
          'url must begin with redis:// or rediss:// and name a host, or several hosts separated by commas',
      }),
    );
  },
);

const secret = 'hunter2';

it.each([
  ['redis://host:6379?db=3', /\?db=….*redis:\/\/host:6379\/3/],
  ['redis://host:6379/1?DB=3', /\?DB=….*redis:\/\/host:6379\/3/],
  [`redis://host:6379?password=${secret}`, /\?password=….*before the host/],
  ['redis://host?ssl=true', /\?ssl=….*rediss:/],
  ['redis://host?timeout=5&db=3', /\?timeout=….*take it out/],
  ['redis://host:6379?', /parameter/],
  [`redis://host?${secret}!=1`, /parameter/],
  ['redis://host:6379#3', /fragment/],
  ['redis://host:6379/#', /fragment/],
  ['redis://host:6379/three', /path that is no number/],
  ['redis://host:6379/3/', /path that is no number/],
  ['redis://host:6379/-1', /path that is no number/],
  ['redis://host:6379/1e1', /path that is no number/],
  ['redis://one:7000,two:7001/3', /cluster/],
  ['unix:///run/redis.sock', /Unix socket/],
  ['/run/redis.sock', /Unix socket/],
  ['redis+unix:///run/redis.sock?db=1', /Unix socket/],
  ['redis-sentinel://host:26379/main', /Sentinel/],
  ['redis:///run/redis.sock', /path that is no number/],
  ['redis://:6379', /name a host/],
  ['redis://', /name a host/],
  [`redis://ann#${secret}:x@host:6379`, /%23/],
  [`redis://:${secret}/x@host:6379`, /%2F/],
  [`redis://:${secret}?x@host:6379`, /%3F/],
  [`redis://:${secret}%@host:6379`, /%25/],
  [`redis://ann:${secret}`, /name a host/],
])('the URL %j is refused with a message that names the mistake and contains no secret', (url, message) => {
  let thrown: unknown;
  try {
    createRedisBroker({ streams: STREAMS, url });
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({
    code: 'invalid_argument',
    message: expect.stringMatching(message) as string,
  });
  expect(String(thrown)).not.toContain(secret);
});

it.each([
  'redis://host',
  'redis://host/',
  'redis://host:6379/0',
  'rediss://ann:p%40ss%2Fword%23@host:6379/15',
  'redis://:p@ss@host',
  'redis://[::1]:6379',
  'redis://one:7000,two,[::1]:7002/0',
])('the URL %j is accepted', (url) => {
  expect(() => createRedisBroker({ streams: STREAMS, url })).not.toThrow();
});
