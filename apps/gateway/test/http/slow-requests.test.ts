// A client that sends slowly, or does not read, loses its connection. A client that waits for messages keeps it.
import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { createSignalRServer, defineHub } from '@millrace/signalr';
import { expect, it } from 'vitest';
import { createHttpServer } from '../../src/http/http-server.js';
import { createLogger } from '../../src/telemetry/logger.js';

const timeouts = { headersMs: 150, requestMs: 300, silenceMs: 450, checkEveryMs: 20 };
const largeText = 'x'.repeat(32_000_000);

/**
 * A server with short timeouts, a route that reads a body, and a route whose answer is larger than every
 * buffer.
 */
async function startServer() {
  const codes: string[] = [];
  const app = createHttpServer({
    notFoundDetail: '',
    maxBodyBytes: 1_000_000,
    maxHeaderBytes: 16_384,
    logger: createLogger({ level: 'silent' }),
    timeouts,
    onRefused: (code) => void codes.push(code),
  });
  app.post('/take', async () => 'taken');
  app.get('/large', async () => largeText);
  const signalR = createSignalRServer();
  signalR.mapHub('/hub', defineHub()({ methods: {} }));
  signalR.attach(app.server);
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  /** Removes the limits for headers and whole requests. On a busy machine, an honest request can take longer than these. */
  const allowTime = (): void => {
    app.server.headersTimeout = 0;
    app.server.requestTimeout = 0;
  };
  /** Opens a connection. `closed` resolves when the server has closed it. */
  const open = async (): Promise<{ socket: Socket; closed: Promise<unknown> }> => {
    const accepted = once(app.server, 'connection') as Promise<[Socket]>;
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {}); // The server may reset the connection.
    const [atServer] = await accepted;
    return { socket, closed: once(atServer, 'close') };
  };
  return {
    url: `http://127.0.0.1:${port}`,
    codes,
    open,
    allowTime,
    limitTime(): void {
      app.server.headersTimeout = timeouts.headersMs;
      app.server.requestTimeout = timeouts.requestMs;
    },
    async [Symbol.asyncDispose]() {
      await signalR.close();
      app.server.closeAllConnections();
      await app.close();
    },
  };
}

/** Sends single bytes until the connection is closed. */
async function trickle(socket: Socket, closed: Promise<unknown>, byte: string): Promise<void> {
  const timer = setInterval(() => socket.write(byte), 10);
  await closed;
  clearInterval(timer);
}

it.each([
  ['sends nothing', '', undefined],
  ['sends a part of its headers and stops', 'GET /large HTTP/1.1\r\nHost: x\r\n', undefined],
  ['sends its headers byte by byte', 'GET /large HTTP/1.1\r\nHost: x\r\nX: ', 'x'],
  [
    'sends its headers byte by byte to open a WebSocket',
    'GET /hub HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX: ',
    'x',
  ],
  [
    'sends a part of its body and stops',
    'POST /take HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 900000\r\n\r\n[',
    undefined,
  ],
  [
    'sends its body byte by byte',
    'POST /take HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 900000\r\n\r\n[',
    ' ',
  ],
])('a client that %s is answered with 408 and loses its connection', async (_name, start, byte) => {
  await using server = await startServer();
  const { socket, closed } = await server.open();
  let answer = '';
  socket.on('data', (data: Buffer) => {
    answer += data.toString();
  });
  socket.write(start);
  await (byte === undefined ? closed : trickle(socket, closed, byte));
  expect(answer).toMatch(/^HTTP\/1\.1 408 /);
  expect(server.codes).toEqual(['request_timeout']);
  server.allowTime();
  expect((await fetch(`${server.url}/take`, { method: 'POST' })).status).toBe(200);
});

it('a client that does not read its answer loses its connection', async () => {
  await using server = await startServer();
  server.allowTime();
  const { socket, closed } = await server.open();
  socket.pause();
  socket.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n');
  await closed;
  expect(server.codes).toEqual([]);
});

it.each([
  ['polls', 'application/octet-stream'],
  ['reads an event stream', 'text/event-stream'],
])('a client that %s keeps its connection while there is nothing to send', async (_name, accept) => {
  await using server = await startServer();
  server.allowTime();
  const negotiated = await fetch(`${server.url}/hub/negotiate?negotiateVersion=1`, { method: 'POST' });
  const { connectionToken } = (await negotiated.json()) as { readonly connectionToken: string };
  const path = `/hub?id=${connectionToken}`;
  // The first poll is answered immediately.
  if (accept !== 'text/event-stream') await (await fetch(server.url + path)).arrayBuffer();
  const waiting = await server.open();
  let isClosed = false;
  void waiting.closed.then(() => {
    isClosed = true;
  });
  waiting.socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nAccept: ${accept}\r\n\r\n`);
  const handshake = '{"protocol":"json","version":1}\u001e';
  await fetch(server.url + path, { method: 'POST', body: handshake });
  await once(waiting.socket, 'data');
  if (accept !== 'text/event-stream')
    waiting.socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nAccept: ${accept}\r\n\r\n`);
  server.limitTime();
  // Connections that are opened later are closed because they are silent. The waiting connection is older, and stays open.
  for (let round = 0; round < 2; round += 1) {
    const { socket, closed } = await server.open();
    socket.pause();
    socket.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n');
    await closed;
  }
  expect(isClosed).toBe(false);
});
