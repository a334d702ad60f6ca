/*
 * Sends from hooks, from methods after an `await` or after their return, and sends to clients of both protocols.
 */
import { once } from 'node:events';
import { MessagePackHubProtocol } from '@microsoft/signalr-protocol-msgpack';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type ClientProxy, defineHub, type Hub } from '../../src/index.js';
import { startHost } from '../support/host.js';
import { call, HANDSHAKE, openRaw } from '../support/raw-client.js';

interface Client {
  note(value: unknown): void;
  confirm(question: string): boolean;
}

describe('a send', () => {
  test('a send to the caller still works after the method has returned', async () => {
    let kept: ClientProxy<Client> | undefined;
    await using host = await startHost((server) =>
      server.mapHub(
        '/hub',
        defineHub<Client>()({ methods: { keep: ({ clients }) => void (kept = clients.caller) } }),
      ),
    );
    await using client = await openRaw(host);
    client.send(call('keep'));
    await client.next();
    expect(kept?.send('note', 'later')).toBe(1);
    expect(await client.next()).toBe('{"type":1,"target":"note","arguments":["later"]}');
    client.socket.close();
    await host.event('connection_closed');
    expect(kept?.send('note', 'too late')).toBe(0);
  });

  test('a method can send to another client after an await', async () => {
    const definition = defineHub<Client>()({
      methods: {
        me: ({ connectionId }) => connectionId,
        async sendLater({ clients }, other) {
          await new Promise((resolve) => {
            setImmediate(resolve);
          });
          clients.client(String(other)).send('note', 'later');
        },
      },
    });
    await using host = await startHost((server) => server.mapHub('/hub', definition));
    await using first = await openRaw(host);
    await using second = await openRaw(host);
    first.send(call('me'));
    const { result } = JSON.parse(await first.next()) as { result: string };
    second.send(call('sendLater', [result]));
    expect(await first.next()).toBe('{"type":1,"target":"note","arguments":["later"]}');
    expect(await second.next()).toBe('{"type":3,"invocationId":"1","result":null}');
  });

  test('a send inside one client’s onConnected reaches another client', async () => {
    await using host = await startHost((server) =>
      server.mapHub(
        '/hub',
        defineHub<Client>()({
          onConnected({ clients, request }) {
            const other = request.query.get('other');
            if (other !== undefined) clients.client(other).send('note', 'hello');
          },
          methods: { me: ({ connectionId }) => connectionId },
        }),
      ),
    );
    await using first = await openRaw(host);
    first.send(call('me'));
    const { result } = JSON.parse(await first.next()) as { result: string };
    await using _second = await openRaw(host, `/hub?other=${result}`);
    expect(await first.next()).toBe('{"type":1,"target":"note","arguments":["hello"]}');
  });

  test('clients of both protocols receive the same values from a send', async () => {
    let hub: Hub<Client> | undefined;
    await using host = await startHost((server) => {
      hub = server.mapHub('/hub', defineHub<Client>()({ methods: {} }));
    });
    await using text = await openRaw(host);
    const binary = new WebSocket(`${host.url.replace('http', 'ws')}/hub`);
    await once(binary, 'open');
    binary.send(HANDSHAKE.replace('json', 'messagepack'));
    await once(binary, 'message');
    // A value that one protocol cannot encode reaches neither client.
    expect(() => hub?.clients.all.send('note', [2n ** 64n])).toThrow(
      expect.objectContaining({ code: 'unserializable' }),
    );
    expect(hub?.clients.all.send('note', [1, 'two', null, { three: 3 }, 2n ** 40n])).toBe(2);
    const [bytes] = (await once(binary, 'message')) as [Buffer];
    const body = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
    const [message] = new MessagePackHubProtocol().parseMessages(body, { log() {} });
    const { target, arguments: args } = JSON.parse(await text.next()) as Record<string, unknown>;
    expect(message).toMatchObject({ target, arguments: args });
    binary.terminate();
    await once(binary, 'close');
  });
});
