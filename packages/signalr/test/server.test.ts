/*
 * The server as a whole: mapping hubs, invalid options, closing.
 */
import { describe, expect, test } from 'vitest';
import { defineHub, type SignalRServerOptions } from '../src/index.js';
import { hub, startChat, upgrade } from './support/chat-host.js';
import { openRaw } from './support/raw-client.js';

describe('a closed server', () => {
  test('a closing server refuses new requests with 503 while it still has clients', async () => {
    await using host = await startChat();
    await using client = await openRaw(host, '/hubs/chat');
    client.socket.pause();
    const closing = host.server.close({ withinMs: 2_000 });
    expect((await fetch(`${host.url}/hubs/chat/negotiate`, { method: 'POST' })).status).toBe(503);
    expect(await upgrade(host, '/hubs/chat')).toEqual({ status: 503, body: '' });
    host.clock.pass(5_000);
    await closing;
    expect(await (await fetch(`${host.url}/hubs/chat`)).text()).toBe('other');
    expect(() => host.server.mapHub('/x', hub)).toThrow(expect.objectContaining({ code: 'server_closed' }));
  });

  test('a server accepts further calls of close() during and after its close', async () => {
    await using host = await startChat();
    await Promise.all([host.server.close(), host.server.close()]);
    await host.server.close();
  });
});

describe('invalid declarations', () => {
  test.each(['/HUBS/chat/', '/hubs/ch%61t'])(
    'a second hub at the equivalent path %s is refused',
    async (path) => {
      await using host = await startChat();
      expect(() => host.server.mapHub(path, hub)).toThrow(
        expect.objectContaining({ code: 'duplicate_path' }),
      );
    },
  );

  test.each(['hubs', '/hubs?a', '/hubs#a', ''])('a hub at the invalid path %j is refused', async (path) => {
    await using host = await startChat();
    expect(() => host.server.mapHub(path, hub)).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    );
  });

  test('two methods whose names differ only in case are refused', () => {
    expect(() => defineHub()({ methods: { Send() {}, send() {} } })).toThrow(
      expect.objectContaining({ code: 'duplicate_method' }),
    );
  });

  test.each<SignalRServerOptions>([
    { clientTimeoutMs: 0 },
    { keepAliveIntervalMs: -1 },
    { pollTimeoutMs: 1.5 },
    { maximumOutboundBytes: Number.NaN },
    { maximumPendingConnections: Number.POSITIVE_INFINITY },
    { minimumNegotiateVersion: 2 },
    { minimumNegotiateVersion: Number.NaN },
  ])('the invalid option %j is refused', async (options) => {
    await expect(startChat({}, options)).rejects.toThrow(expect.objectContaining({ code: 'invalid_option' }));
  });
});
