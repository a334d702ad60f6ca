/* The end of a connection by the client, the hub, the network or the server. */
import { describe, expect, test } from 'vitest';
import { defineHub } from '../../src/index.js';
import { startEcho } from '../support/echo-host.js';
import { startHost } from '../support/host.js';
import { call, openRaw, RS } from '../support/raw-client.js';

describe('the end', () => {
  test.each([
    [undefined, 1000],
    [1000, 1000],
    [1001, 1000],
    [4001, 1000],
  ])('a client that closes its WebSocket with code %s receives the close code %i', async (code, answer) => {
    await using host = await startEcho();
    await using client = await openRaw(host);
    if (code === undefined) client.socket.close();
    else client.socket.close(code);
    expect(await client.closed).toBe(answer);
    expect(await host.event('connection_closed')).toMatchObject({
      reason: 'client_closed',
      error: undefined,
    });
  });

  test('a client that sends a Close message receives a Close message in return', async () => {
    await using host = await startEcho();
    await using client = await openRaw(host);
    client.send(`{"type":7}${RS}`);
    expect(await client.next()).toBe('{"type":7}');
    expect(await client.closed).toBe(1000);
  });

  test('the error of a client’s Close message reaches onDisconnected', async () => {
    const errors: unknown[] = [];
    await using host = await startHost((server) => {
      server.mapHub(
        '/hub',
        defineHub()({ onDisconnected: (_context, error) => void errors.push(error), methods: {} }),
      );
    });
    await using client = await openRaw(host);
    client.send(`{"type":7,"error":"boo"}${RS}`);
    await host.event('connection_closed');
    expect(errors).toEqual([expect.objectContaining({ code: 'client_error', message: 'boo' })]);
  });

  test('an invocation that waits when the hub aborts the connection does not run', async () => {
    const ran: string[] = [];
    await using host = await startHost((server) => {
      server.mapHub(
        '/hub',
        defineHub()({
          methods: {
            leave(context) {
              ran.push('leave');
              context.abort();
            },
            more: () => void ran.push('more'),
          },
        }),
      );
    });
    await using client = await openRaw(host);
    client.send(call('leave') + call('more'));
    expect(await client.next()).toBe('{"type":7}');
    expect(await client.closed).toBe(1000);
    await host.event('connection_closed');
    expect(ran).toEqual(['leave']);
    expect(client.waiting).toEqual([]);
  });

  test('a WebSocket that breaks without a close frame is reported with the close reason transport_lost', async () => {
    await using host = await startEcho();
    await using client = await openRaw(host);
    client.socket.terminate();
    expect(await host.event('connection_closed')).toMatchObject({
      reason: 'transport_lost',
      error: { code: 'transport_lost' },
    });
  });

  test('calls that a client sent before it disconnected still run', async () => {
    const values: unknown[] = [];
    await using host = await startHost((server) => {
      server.mapHub(
        '/hub',
        defineHub()({
          methods: {
            async note(_context, value) {
              await new Promise((resolve) => {
                setImmediate(resolve);
              });
              values.push(value);
            },
          },
        }),
      );
    });
    await using client = await openRaw(host);
    for (let index = 0; index < 20; index += 1) client.send(call('note', [index]));
    client.socket.close();
    await host.event('connection_closed');
    expect(values).toEqual(Array.from({ length: 20 }, (_, index) => index));
  });

  test('an error in onConnected closes the connection without permission to reconnect, and onDisconnected still runs', async () => {
    const calls: unknown[] = [];
    await using host = await startHost((server) => {
      server.mapHub(
        '/hub',
        defineHub()({
          onConnected() {
            throw new Error('no');
          },
          onDisconnected: (_context, error) => void calls.push(error?.message),
          methods: {},
        }),
      );
    });
    await using client = await openRaw(host);
    expect(await client.next()).toBe('{"type":7,"error":"Connection closed with an error."}');
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'connected_failed' });
    expect(calls).toEqual(['no']);
  });

  test('onDisconnected runs after the signal is aborted, while the connection is still in its groups', async () => {
    const steps: string[] = [];
    await using host = await startHost((server) => {
      const hub = server.mapHub(
        '/hub',
        defineHub<{ x(): void }>()({
          onConnected(context) {
            context.groups.add('g');
            context.signal.addEventListener('abort', () => steps.push('signal'));
          },
          onDisconnected(context) {
            steps.push(`disconnected ${hub.groups.count('g')} ${context.clients.group('g').send('x')}`);
          },
          methods: {},
        }),
      );
    });
    await using client = await openRaw(host);
    client.socket.close();
    await host.event('connection_closed');
    expect(steps).toEqual(['signal', 'disconnected 1 0']);
  });

  test('a closing server sends every client a Close message that allows it to reconnect', async () => {
    await using host = await startEcho();
    await using client = await openRaw(host);
    await host.server.close();
    expect(await client.next()).toBe('{"type":7,"allowReconnect":true}');
    expect(await client.closed).toBe(1000);
    expect(await host.event('connection_closed')).toMatchObject({
      reason: 'server_closed',
      error: undefined,
    });
  });

  test('a closing server waits at most withinMs for a client that does not answer', async () => {
    await using host = await startEcho();
    await using client = await openRaw(host);
    client.socket.pause();
    const closed = host.server.close({ withinMs: 3_000 });
    host.clock.pass(4_000);
    await closed;
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'server_closed' });
    client.socket.resume();
    await client.closed;
  });
});
