/*
 * The handshake of a connection over a real socket.
 */
import { describe, expect, test } from 'vitest';
import { defineHub } from '../../src/index.js';
import { startEcho } from '../support/echo-host.js';
import { startHost } from '../support/host.js';
import { call, connectRaw, HANDSHAKE, RS } from '../support/raw-client.js';

describe('the handshake', () => {
  test('a handshake may arrive in one chunk with an invocation', async () => {
    await using host = await startEcho();
    await using client = await connectRaw(host);
    client.send(HANDSHAKE + call('echo', ['a']));
    expect(await client.next()).toBe('{}');
    expect(await client.next()).toBe('{"type":3,"invocationId":"1","result":"a"}');
  });

  test('a handshake may arrive byte by byte in binary frames', async () => {
    await using host = await startEcho();
    await using client = await connectRaw(host);
    for (const byte of Buffer.from(HANDSHAKE + call('echo', ['ü']))) client.socket.send(Buffer.from([byte]));
    expect(await client.next()).toBe('{}');
    expect(await client.next()).toBe('{"type":3,"invocationId":"1","result":"ü"}');
  });

  test.each([
    ['{"protocol":"x","version":1}', "The protocol 'x' is not supported.", 'refused'],
    ['{"protocol":"json"}', 'An unexpected error occurred during connection handshake.', 'malformed'],
    ['nonsense', 'An unexpected error occurred during connection handshake.', 'malformed'],
    ['x'.repeat(2_000), 'Handshake was canceled.', 'too_big'],
  ])('the handshake %s is refused', async (text, error, reason) => {
    await using host = await startEcho({ maximumReceiveMessageBytes: 1_000 });
    await using client = await connectRaw(host);
    client.send(text + RS);
    expect(await client.next()).toBe(JSON.stringify({ error }));
    expect(await client.closed).toBe(1000);
    expect(await host.event('handshake_failed')).toMatchObject({ reason });
  });

  test('a handshake that never ends is canceled after its timeout, even while bytes still arrive', async () => {
    await using host = await startEcho({ handshakeTimeoutMs: 3_000 });
    await using client = await connectRaw(host);
    client.send('{');
    host.clock.pass(2_000);
    client.send('"');
    host.clock.pass(2_000);
    expect(await client.next()).toBe('{"error":"Handshake was canceled."}');
    expect(await client.closed).toBe(1000);
    expect(await host.event('handshake_failed')).toMatchObject({ reason: 'timeout' });
  });

  test('no hook of the hub is called after a failed handshake', async () => {
    const calls: string[] = [];
    await using host = await startHost((server) => {
      server.mapHub(
        '/hub',
        defineHub()({
          onConnected: () => void calls.push('connected'),
          onDisconnected: () => void calls.push('disconnected'),
          methods: {},
        }),
      );
    });
    await using client = await connectRaw(host);
    client.send(`{}${RS}`);
    await client.closed;
    await host.event('handshake_failed');
    expect(calls).toEqual([]);
  });
});
