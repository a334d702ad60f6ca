/*
 * Clients send endless, huge, slow or meaningless input. The server keeps only a limited part of it, and still serves the
 * other clients.
 */
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { type AddressInfo, connect as connectSocket, type Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createSignalRServer } from '../../src/index.js';
import { definition, expectServed, startAbused } from '../support/abused-hub.js';
import type { Host } from '../support/host.js';
import { negotiateUrl, openPolling, post } from '../support/http-client.js';
import { call, connectRaw, openRaw, RS } from '../support/raw-client.js';

/** Writes until the server closes the connection. Resolves with the number of bytes written. */
function writeEndlessly(socket: Socket, chunk: Buffer): Promise<number> {
  return new Promise((resolve) => {
    const write = (): void => {
      while (socket.writable && socket.write(chunk));
    };
    socket.on('drain', write);
    socket.on('error', () => {}); // the server has ended the connection, as expected
    socket.on('close', () => resolve(socket.bytesWritten));
    socket.resume();
    write();
  });
}

const megabyte = Buffer.alloc(1_000_000, 0x20);

const portOf = (host: Host): number => Number(new URL(host.url).port);

describe('hostile input', () => {
  test('a client that never ends its HTTP headers is disconnected', async () => {
    await using host = await startAbused();
    const socket = connectSocket(portOf(host), '127.0.0.1');
    socket.write('GET /hub HTTP/1.1\r\nHost: x\r\n');
    expect(await writeEndlessly(socket, Buffer.from(`X: ${'y'.repeat(10_000)}\r\n`))).toBeLessThan(
      20_000_000,
    );
    await expectServed(host);
  });

  test('Node answers a client that sends its HTTP headers byte by byte with status 408, even with hubs attached', async () => {
    await using server = createSignalRServer();
    server.mapHub('/hub', definition);
    const http = createServer({ headersTimeout: 300, connectionsCheckingInterval: 50 });
    server.attach(http);
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    const { port } = http.address() as AddressInfo;
    const socket = connectSocket(port, '127.0.0.1');
    socket.write('GET /hub HTTP/1.1\r\nHost: x\r\nX: ');
    const drip = setInterval(() => socket.write('y'), 20);
    socket.on('error', () => {}); // the server closes the connection
    const answer = await new Promise<string>((resolve) => {
      socket.on('data', (bytes: Buffer) => resolve(bytes.toString()));
    });
    clearInterval(drip);
    expect(answer).toContain('408 Request Timeout');
    // On a busy machine, the headers of an honest request can take longer than the short timeout.
    http.headersTimeout = 0;
    const negotiated = await fetch(`http://127.0.0.1:${port}/hub/negotiate`, { method: 'POST' });
    expect(negotiated.status).toBe(200);
    socket.destroy();
    http.close();
    http.closeAllConnections();
  });

  test('a client that announces a WebSocket message of 100 MB is disconnected as soon as the frame header arrives', async () => {
    await using host = await startAbused();
    await using client = await openRaw(host);
    // The header of a masked binary frame of 100,000,000 bytes.
    const header = Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0x05, 0xf5, 0xe1, 0, 1, 2, 3, 4]);
    Reflect.get(client.socket, '_socket').write(header);
    expect(await client.next()).toContain('"type":7');
    await client.closed;
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'message_too_big' });
    await expectServed(host);
  });

  test('a client that sends a WebSocket message of 100 MB in fragments is disconnected at the size limit', async () => {
    await using host = await startAbused();
    await using client = await openRaw(host);
    const socket: Socket = Reflect.get(client.socket, '_socket');
    const payload = Buffer.alloc(65_535, 0x20);
    // Returns a fragment that is masked with zeros. The first fragment is text, the others are continuations, and none is
    // final.
    const fragment = (opcode: number): Buffer =>
      Buffer.concat([Buffer.from([opcode, 0xfe, 0xff, 0xff, 0, 0, 0, 0]), payload]);
    for (let sent = 0; sent < 1_600 && socket.writable; sent += 1) {
      await new Promise((resolve) => {
        socket.write(fragment(sent === 0 ? 1 : 0), resolve);
      });
    }
    expect(await client.next()).toContain('"type":7');
    await client.closed;
    expect(socket.bytesWritten).toBeLessThan(30_000_000);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'message_too_big' });
    await expectServed(host);
  });

  test('a client that sends an endless hub message in small frames is disconnected at the size limit', async () => {
    await using host = await startAbused();
    await using client = await openRaw(host);
    for (let sent = 0; sent < 100; sent += 1) client.send('x'.repeat(1_000));
    expect(await client.next()).toContain('"type":7');
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'message_too_big' });
  });

  test.each([
    ['without end', 'Transfer-Encoding: chunked', [Buffer.from('f4240\r\n'), megabyte, Buffer.from('\r\n')]],
    ['of 100 MB', 'Content-Length: 100000000', [megabyte]],
  ])(
    'a POST with a body %s is answered as soon as it exceeds the size limit, and its connection is closed',
    async (_, header, parts) => {
      await using host = await startAbused();
      const url = new URL(await openPolling(host));
      const socket = connectSocket(portOf(host), '127.0.0.1');
      let answer = '';
      socket.on('data', (bytes: Buffer) => {
        answer += bytes.toString();
      });
      socket.write(`POST ${url.pathname}${url.search} HTTP/1.1\r\nHost: x\r\n${header}\r\n\r\n`);
      expect(await writeEndlessly(socket, Buffer.concat(parts))).toBeLessThan(30_000_000);
      expect(answer).toMatch(/^HTTP\/1.1 404 .*keep-alive/s);
      host.clock.pass(20_000);
      expect(await host.event('connection_closed')).toMatchObject({ reason: 'message_too_big' });
      await expectServed(host);
    },
  );

  test('a POST for an unknown connection is refused, and a POST that breaks off leaves no open request', async () => {
    await using host = await startAbused();
    expect((await post(`${host.url}/hub?id=nothing`, Buffer.alloc(200_000))).status).toBe(404);
    const url = await openPolling(host);
    const outgoing = request(url, { method: 'POST', agent: false, headers: { 'Content-Length': 1_000 } });
    outgoing.on('error', () => {}); // the test breaks the connection
    outgoing.write(call('echo', ['a']));
    await expect.poll(() => host.openRequests).toBe(1);
    outgoing.destroy();
    await expect.poll(() => host.openRequests).toBe(0);
    expect((await post(url, call('echo', ['b']))).status).toBe(200);
  });

  test('a client that sends its handshake byte by byte is disconnected after the timeout', async () => {
    await using host = await startAbused({ handshakeTimeoutMs: 5_000, disconnectTimeoutMs: 600_000 });
    await using webSocket = await connectRaw(host);
    const url = await negotiateUrl(host);
    const stream = request(url, { headers: { Accept: 'text/event-stream' }, agent: false });
    stream.on('error', () => {});
    const ended = new Promise<void>((resolve) => {
      stream.on('response', (response) => {
        response.resume();
        response.on('close', resolve);
      });
    });
    stream.end();
    await expect.poll(() => host.openRequests).toBe(1);
    for (let second = 0; second < 6; second += 1) {
      webSocket.send('{');
      await post(url, '{');
      host.clock.pass(1_000);
    }
    await webSocket.closed;
    await ended;
    expect(host.events.filter(({ type }) => type === 'handshake_failed')).toMatchObject([
      { reason: 'timeout' },
      { reason: 'timeout' },
    ]);
  });

  test('a call with values that are nested too deep fails, and later calls still succeed', async () => {
    await using host = await startAbused();
    await using client = await openRaw(host);
    const deep = '['.repeat(16_000) + ']'.repeat(16_000);
    client.send(`{"type":1,"invocationId":"1","target":"echo","arguments":[${deep}]}${RS}`);
    expect(await client.next()).toContain("An unexpected error occurred invoking 'echo' on the server.");
    client.send(call('echo', ['after']));
    expect(await client.next()).toContain('after');
  });

  test('a client that sends random bytes cannot harm other clients', async () => {
    await using host = await startAbused();
    const chunk = fc.oneof(
      fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
      fc
        .constantFrom('{"type":1', `{"type":3,"invocationId":"1"}${RS}`, `{"type":4}${RS}`, RS)
        .map((text) => Buffer.from(text)),
      fc
        .constantFrom('02 91 06', '93 05 80', 'ff ff ff ff 07')
        .map((hex) => Buffer.from(hex.replaceAll(' ', ''), 'hex')),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('json', 'messagepack'),
        fc.array(chunk, { minLength: 1, maxLength: 6 }),
        async (protocol, chunks) => {
          await using client = await connectRaw(host);
          client.send(`{"protocol":"${protocol}","version":1}${RS}`);
          for (const bytes of chunks) client.socket.send(bytes);
        },
      ),
      { numRuns: 150 },
    );
    await expectServed(host);
  });
});
