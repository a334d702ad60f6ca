/* Raw connections with the official client's transports, below its hub protocol: messages in both directions. */
import { once } from 'node:events';
import { request } from 'node:http';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { TransportName } from '../../src/index.js';
import { negotiateUrl, openStream, post, send } from '../support/http-client.js';
import { bytesOf, connectMessages } from '../support/message-client.js';
import { echo, startRaw } from '../support/raw-host.js';

const transports: readonly TransportName[] = ['WebSockets', 'ServerSentEvents', 'LongPolling'];

describe('messages', () => {
  test.each(transports)('text messages come back unchanged and one by one over %s', async (transport) => {
    await using host = await startRaw(echo);
    await using client = await connectMessages(host, transport);
    const texts = ['first', 'zweite ✓ 🚀', 'two\nlines', '{"json":\t[1]}', '\u001e', 'x'.repeat(30_000)];
    for (const text of texts) await client.send(text);
    for (const text of texts) expect(await client.next()).toBe(text);
    expect(host.events).toContainEqual(
      expect.objectContaining({ type: 'connection_opened', hub: '/raw', transport, protocol: 'raw' }),
    );
  });

  test.each(['WebSockets', 'LongPolling'] as const)(
    'binary messages come back unchanged and one by one over %s',
    async (transport) => {
      await using host = await startRaw(echo);
      await using client = await connectMessages(host, transport, { format: 'Binary' });
      const all = bytesOf(...Array.from({ length: 256 }, (_, index) => index));
      for (const bytes of [all, bytesOf(0xff, 0xfe), bytesOf(10, 13)]) {
        await client.send(bytes);
        expect(new Uint8Array((await client.next()) as ArrayBuffer)).toEqual(new Uint8Array(bytes));
      }
    },
  );

  test.each([
    ['WebSockets', 'Text', 'x', 'string'],
    ['WebSockets', 'Binary', bytesOf(120), 'bytes'],
    ['LongPolling', 'Text', 'x', 'string'],
    ['LongPolling', 'Binary', bytesOf(120), 'bytes'],
    ['ServerSentEvents', 'Text', 'x', 'string'],
  ] as const)(
    'the handler receives a message over %s in the format %s',
    async (transport, format, message, type) => {
      const types: string[] = [];
      await using host = await startRaw(async (connection) => {
        for await (const received of connection) {
          types.push(
            typeof received === 'string' ? 'string' : received instanceof Uint8Array ? 'bytes' : '?',
          );
        }
      });
      await using client = await connectMessages(host, transport, { format });
      await client.send(message);
      await expect.poll(() => types).toEqual([type]);
    },
  );

  test.each(transports)(
    'the messages of one turn arrive one by one over %s, before the end',
    async (transport) => {
      const texts = Array.from({ length: 50 }, (_, index) => `message ${index}`);
      await using host = await startRaw(async (connection) => {
        await connection[Symbol.asyncIterator]().next();
        for (const text of texts) void connection.send(text);
      });
      await using client = await connectMessages(host, transport);
      await client.send('begin');
      for (const text of texts) expect(await client.next()).toBe(text);
      await client.closed;
      expect(await host.event('connection_closed')).toMatchObject({ reason: 'aborted', error: undefined });
    },
  );

  test('bytes that change after send() do not change the sent message', async () => {
    await using host = await startRaw(async (connection) => {
      const bytes = Uint8Array.of(1, 2, 3);
      for (let count = 0; count < 3; count += 1) {
        void connection.send(bytes);
        bytes.fill(9);
      }
      await new Promise((resolve) => {
        connection.signal.addEventListener('abort', resolve);
      });
    });
    await using client = await connectMessages(host, 'LongPolling', { format: 'Binary' });
    expect(new Uint8Array((await client.next()) as ArrayBuffer)).toEqual(Uint8Array.of(1, 2, 3));
    expect(new Uint8Array((await client.next()) as ArrayBuffer)).toEqual(Uint8Array.of(9, 9, 9));
  });

  test('an event stream refuses bytes, and carries every line break as a line feed', async () => {
    await using host = await startRaw(async (connection) => {
      expect(connection.transferFormats).toEqual(['text']);
      expect(() => connection.send(Uint8Array.of(1))).toThrow(
        expect.objectContaining({
          code: 'invalid_argument',
          message: expect.stringContaining('LongPolling'),
        }),
      );
      await connection.send('a\r\nb\rc\nd');
      for await (const _ of connection);
    });
    await using client = await connectMessages(host, 'ServerSentEvents');
    expect(await client.next()).toBe('a\nb\nc\nd');
  });

  test('a value that is neither text nor bytes is refused by send()', async () => {
    const errors: unknown[] = [];
    await using host = await startRaw((connection) => {
      for (const value of [1, null, undefined, {}, new ArrayBuffer(1)]) {
        try {
          void connection.send(value as string);
        } catch (error) {
          errors.push(error);
        }
      }
    });
    await using client = await connectMessages(host, 'WebSockets');
    await client.closed;
    expect(errors).toEqual(Array(5).fill(expect.objectContaining({ code: 'invalid_argument' })));
  });

  test('a POST that arrives in parts is one message', async () => {
    await using host = await startRaw(echo);
    const url = await negotiateUrl(host, '/raw');
    await using stream = await openStream(url);
    const outgoing = request(url, {
      method: 'POST',
      headers: { 'Content-Type': 'text/plain' },
      agent: false,
    });
    const text = Array.from({ length: 500 }, (_, index) => `part ${index},`);
    for (const part of text) {
      outgoing.write(part);
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    outgoing.end();
    expect(await stream.next()).toContain(`data: ${text.join('')}`);
    await post(url, 'the next one');
    expect(await stream.next()).toBe('data: the next one');
  });

  test('an incomplete POST leaves nothing behind in the next message', async () => {
    await using host = await startRaw(echo);
    const url = await negotiateUrl(host, '/raw');
    await using stream = await openStream(url);
    const broken = request(url, { method: 'POST', headers: { 'Content-Length': '100' }, agent: false });
    broken.on('error', () => {}); // the test breaks the request
    broken.write('half of a mess');
    await expect.poll(() => host.openRequests).toBe(2);
    broken.destroy();
    await expect.poll(() => host.openRequests).toBe(1);
    await post(url, 'whole');
    expect(await stream.next()).toContain('data: whole');
  });

  test('a text message that is not UTF-8 ends the connection', async () => {
    await using host = await startRaw(echo);
    const url = await negotiateUrl(host, '/raw');
    await send(url);
    await post(url, Buffer.from([0xff]), { 'Content-Type': 'text/plain;charset=UTF-8' });
    expect((await send(url)).status).toBe(204);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'malformed_message' });
  });

  test('iterators of one connection share its messages and end together', async () => {
    const seen: unknown[] = [];
    await using host = await startRaw(async (connection) => {
      const [first, second] = [connection[Symbol.asyncIterator](), connection[Symbol.asyncIterator]()];
      seen.push(...(await Promise.all([first.next(), second.next(), first.next()])));
      seen.push(await second.next(), await first.next());
    });
    const client = await connectMessages(host, 'WebSockets');
    for (const text of ['a', 'b', 'c']) await client.send(text);
    await expect.poll(() => seen.length).toBe(3);
    await client[Symbol.asyncDispose]();
    await host.event('connection_closed');
    expect(seen).toEqual([
      { done: false, value: 'a' },
      { done: false, value: 'b' },
      { done: false, value: 'c' },
      { done: true, value: undefined },
      { done: true, value: undefined },
    ]);
  });

  test('a plain WebSocket without negotiation is served, and receives text as text and bytes as bytes', async () => {
    await using host = await startRaw(echo);
    const socket = new WebSocket(`${host.url.replace('http', 'ws')}/RAW/`);
    await once(socket, 'open');
    socket.send('text');
    expect(await once(socket, 'message')).toEqual([Buffer.from('text'), false]);
    socket.send(Buffer.from('bytes'));
    expect(await once(socket, 'message')).toEqual([Buffer.from('bytes'), true]);
    socket.send('');
    expect(await once(socket, 'message')).toEqual([Buffer.alloc(0), false]);
    socket.close();
    await once(socket, 'close');
  });
});
