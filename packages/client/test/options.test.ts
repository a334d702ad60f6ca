// Options: addresses, limits and mistakes.
import { callbacks, describeOptions, type OptionSamples, objects, texts } from '@millrace/testkit';
import { describe, expect, test, vi } from 'vitest';
import { ClientError, type ClientOptions, createClient } from '../src/index.js';
import { setUp } from './support/fake-gateway.js';

test.each([
  ['http://localhost:4400', 'http://localhost:4400/hubs/events'],
  ['http://localhost:4400/', 'http://localhost:4400/hubs/events'],
  ['https://example.com/live/', 'https://example.com/live/hubs/events'],
  ['https://example.com/hubs/events', 'https://example.com/hubs/events'],
  ['https://example.com/hubs/events/', 'https://example.com/hubs/events'],
  ['http://localhost:4400?user=u1&name=Ada', 'http://localhost:4400/hubs/events?user=u1&name=Ada'],
])('a client with the url %s connects to the hub at %s', async (url, hub) => {
  const { client, gateway } = setUp({ url });
  await client.connect();
  expect(gateway.connection.request.url).toBe(hub);
});

test('a page may use a path on its own origin as the url', async () => {
  vi.stubGlobal('document', {});
  try {
    for (const [url, hub] of [
      ['', '/hubs/events'],
      ['/', '/hubs/events'],
      ['/live', '/live/hubs/events'],
    ] as const) {
      const { client, gateway } = setUp({ url });
      await client.connect();
      expect(gateway.connection.request.url).toBe(hub);
    }
  } finally {
    vi.unstubAllGlobals();
  }
});

describe('mistakes in options', () => {
  test.each([
    ['a path outside a page', { url: '/hubs/events' }],
    ['an empty address', { url: '' }],
    ['a WebSocket address', { url: 'ws://localhost:4400' }],
    ['an address that is not a string', { url: undefined as unknown as string }],
    ['a retry delay of 0', { url: 'http://x', retryBaseMs: 0 }],
    ['a limit that is not a number', { url: 'http://x', maxDedupeIds: Number.NaN }],
    ['a negative expiry time', { url: 'http://x', typingExpiryMs: -1 }],
  ])('createClient refuses %s', (_name, options) => {
    expect(() => createClient(options)).toThrow(ClientError);
    expect(() => createClient(options)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });
});

const numbers: OptionSamples = {
  right: [0.5, 1, 10_000, Number.POSITIVE_INFINITY],
  wrong: [
    Number.NaN,
    0,
    -5,
    Number.NEGATIVE_INFINITY,
    null,
    '10',
    '',
    true,
    [],
    {},
    () => 1,
    10n,
    Symbol('x'),
  ],
  // The errors of an option with `isSecret` must show only numbers.
  isSecret: true,
};
const functions = { ...callbacks, isSecret: true };
const shapes = (right: object, wrong: readonly object[] = [{}]): OptionSamples => ({
  ...objects([right], wrong),
  isSecret: true,
});

describeOptions<ClientOptions>('createClient', {
  create: (options) => createClient(options),
  table: {
    url: {
      ...texts(['http://x', 'https://x/y?z=1'], ['', 'ws://x', '/path', 'http://x#y']),
      isRequired: true,
      isSecret: true,
    },
    accessToken: { ...functions, wrong: [...functions.wrong, 'eyJhbGciOi'] },
    retryBaseMs: numbers,
    retryMaxMs: numbers,
    maxAttempts: numbers,
    attemptTimeoutMs: numbers,
    maxJoinsAtOnce: numbers,
    dedupeWindowMs: numbers,
    maxDedupeIds: numbers,
    catalog: shapes({ eventTypes: [] }),
    typingExpiryMs: numbers,
    typingRepeatMs: numbers,
    maxTypingUsers: numbers,
    maxReceipts: numbers,
    maxHeldEvents: numbers,
    signalr: shapes({}, []),
    createConnection: functions,
    clock: shapes({ monotonicMs: () => 1, startTimer: () => () => undefined }, [
      {},
      { monotonicMs: () => 1 },
    ]),
    random: functions,
    network: shapes({ addEventListener() {}, removeEventListener() {} }, [{}, { addEventListener() {} }]),
  },
  code: 'invalid_argument',
  isTerse: true,
});

test.each([
  [{ maxReceipts: Number.NaN }, 'maxReceipts must be a positive number, not NaN.'],
  [{ maxReceipts: '10' }, 'maxReceipts must be a positive number, not string.'],
  [{ clock: undefined, maxReceipts: -5 }, 'maxReceipts must be a positive number, not -5.'],
])('createClient refuses %o, and the error names the option, the value and the rule', (options, message) => {
  expect(() => createClient({ url: 'http://x', ...options } as ClientOptions)).toThrow(message);
});
