// Options: addresses, limits and mistakes.
import { describe, expect, test, vi } from 'vitest';
import { ClientError, createClient } from '../src/index.js';
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
