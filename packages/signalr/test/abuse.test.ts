/*
 * Clients that mean harm: whatever they send, what the server keeps for them is bounded, and others are served.
 */
import { request } from 'node:http';
import { connect as connectSocket, type Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Ticker } from '../src/connection/ticker.js';
import { ConnectionStore } from '../src/http/connection-store.js';
import { defineHub, type SignalRServerOptions } from '../src/index.js';
import { FakeClock } from './support/fake-clock.js';
import { type Host, startHost } from './support/host.js';
import { negotiateUrl, openPolling, post } from './support/http-client.js';
import { call, connectRaw, openRaw, RS } from './support/raw-client.js';

function start(options: SignalRServerOptions = {}): Promise<Host> {
  return startHost(
    (server) => server.mapHub('/hub', defineHub()({ methods: { echo: (_context, value) => value } })),
    options,
  );
}

async function expectServed(host: Host): Promise<void> {
  await using client = await openRaw(host);
  client.send(call('echo', ['served']));
  expect(await client.next()).toContain('served');
}

/** Writes without end; resolves with the number of bytes that were taken before the server had enough. */
function writeEndlessly(socket: Socket, chunk: Buffer): Promise<number> {
  return new Promise((resolve) => {
    const write = (): void => {
      while (socket.writable && socket.write(chunk));
    };
    socket.on('drain', write);
    socket.on('error', () => {}); // the server has hung up, as it should
    socket.on('close', () => resolve(socket.bytesWritten));
    socket.resume();
    write();
  });
}

const megabyte = Buffer.alloc(1_000_000, 0x20);
const portOf = (host: Host): number => Number(new URL(host.url).port);

describe('a client that', () => {
  test('never ends its HTTP headers is cut off', async () => {
    await using host = await start();
    const socket = connectSocket(portOf(host), '127.0.0.1');
    socket.write('GET /hub HTTP/1.1\r\nHost: x\r\n');
    expect(await writeEndlessly(socket, Buffer.from(`X: ${'y'.repeat(10_000)}\r\n`))).toBeLessThan(
      20_000_000,
    );
    await expectServed(host);
  });

  test('announces a WebSocket message of 100 MB is cut off by its header', async () => {
    await using host = await start();
    await using client = await openRaw(host);
    // A masked binary frame of 100,000,000 bytes.
    const header = Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0x05, 0xf5, 0xe1, 0, 1, 2, 3, 4]);
    Reflect.get(client.socket, '_socket').write(header);
    expect(await client.next()).toContain('"type":7');
    await client.closed;
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'message_too_big' });
    await expectServed(host);
  });

  test('sends an endless message in small frames is cut off at the limit', async () => {
    await using host = await start();
    await using client = await openRaw(host);
    for (let sent = 0; sent < 100; sent += 1) client.send('x'.repeat(1_000));
    expect(await client.next()).toContain('"type":7');
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'message_too_big' });
  });

  test('posts a body without end is cut off at the limit of one message', async () => {
    await using host = await start();
    const url = await openPolling(host);
    const outgoing = request(url, { method: 'POST', agent: false });
    const socket = await new Promise<Socket>((resolve) => {
      outgoing.on('socket', resolve);
      outgoing.flushHeaders();
    });
    outgoing.on('error', () => {}); // the server stops reading in the middle
    let sentBytes = 0;
    const answered = new Promise<number>((resolve) => {
      outgoing.on('response', (response) => resolve(response.statusCode ?? 0));
    });
    const write = (): void => {
      while (sentBytes < 100_000_000 && outgoing.write(megabyte)) sentBytes += megabyte.length;
    };
    outgoing.on('drain', write);
    write();
    expect(await answered).toBe(404);
    outgoing.destroy();
    socket.destroy();
    host.clock.advance(20_000);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'message_too_big' });
    await expectServed(host);
  });

  test('posts to nothing, or hangs up in the middle of a body, leaves nothing behind', async () => {
    await using host = await start();
    expect((await post(`${host.url}/hub?id=nothing`, Buffer.alloc(200_000))).status).toBe(404);
    const url = await openPolling(host);
    const outgoing = request(url, { method: 'POST', agent: false, headers: { 'Content-Length': 1_000 } });
    outgoing.on('error', () => {}); // it is this side that hangs up
    outgoing.write(call('echo', ['a']));
    await expect.poll(() => host.openRequests).toBe(1);
    outgoing.destroy();
    await expect.poll(() => host.openRequests).toBe(0);
    expect((await post(url, call('echo', ['b']))).status).toBe(200);
  });

  test('drips its handshake is cut off after the timeout, over every transport', async () => {
    await using host = await start({ handshakeTimeoutMs: 5_000, disconnectTimeoutMs: 600_000 });
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
      host.clock.advance(1_000);
    }
    await webSocket.closed;
    await ended;
    expect(host.events.filter(({ type }) => type === 'handshake_failed')).toMatchObject([
      { reason: 'timeout' },
      { reason: 'timeout' },
    ]);
  });

  test('sends random bytes ends its own connection at most', async () => {
    await using host = await start();
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

describe('half-open negotiations', () => {
  test('are at most 10,000, and all forgotten after their time', () => {
    const clock = new FakeClock();
    const ticker = new Ticker(clock, 1_000);
    const store = new ConnectionStore(ticker, { maximumPending: 10_000, timeoutMs: 15_000 });
    const tokens = Array.from({ length: 10_000 }, () => store.negotiate(1)?.ids.connectionToken ?? '');
    expect(store.negotiate(1)).toBeUndefined();
    expect(new Set(tokens).size).toBe(10_000);
    clock.advance(16_000);
    expect(tokens.filter((token) => store.find(token) !== undefined)).toEqual([]);
    expect(clock.timerCount).toBe(0);
    expect(store.negotiate(1)).toBeDefined();
  });
});
