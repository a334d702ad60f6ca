/*
 * Hubs on an HTTP server that also has other request listeners, another WebSocket server, or Fastify.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { HubConnectionBuilder, LogLevel } from '@microsoft/signalr';
import Fastify from 'fastify';
import { describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { signalrPlugin } from '../../src/fastify.js';
import { createSignalRServer, defineHub } from '../../src/index.js';

const hub = defineHub()({ methods: { echo: (_context, value) => value } });

async function invokeEcho(url: string, path: string, value: unknown): Promise<unknown> {
  const connection = new HubConnectionBuilder()
    .withUrl(`${url}${path}`)
    .configureLogging(LogLevel.None)
    .build();
  await connection.start();
  try {
    return await connection.invoke('echo', value);
  } finally {
    await connection.stop();
  }
}

function portUrl(address: AddressInfo | string | null): string {
  return `http://127.0.0.1:${(address as AddressInfo).port}`;
}

/** Sends an upgrade request for a path without a hub. Returns the status and the body of the response as `status body`. */
async function upgradeAsPlainRequest(url: string): Promise<string> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/elsewhere`);
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
  let body = '';
  for await (const chunk of response) body += String(chunk);
  return `${response.statusCode} ${body}`;
}

/** Sends the bytes of requests over one connection. Returns all bytes of the answers when the connection ends. */
async function exchange(port: number, requests: readonly string[]): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const closed = once(socket, 'close');
  const answers: Buffer[] = [];
  socket.on('data', (bytes) => answers.push(bytes));
  for (const request of requests) {
    socket.write(request);
    // Waits, so that the server reads each piece separately.
    for (let turn = 0; turn < 10; turn += 1) await nextTurn();
  }
  await closed;
  return Buffer.concat(answers).toString();
}

describe('attached to a plain server', () => {
  test('requests for other paths reach the request listeners that were added before and after attach()', async () => {
    const seen: string[] = [];
    const http = createServer((request, response) => {
      seen.push(`before ${request.url}`);
      response.end('app');
    });
    await using server = createSignalRServer();
    server.attach(http);
    server.mapHub('/hubs/a', hub);
    server.mapHub('/hubs/b', hub);
    http.on('request', (request) => seen.push(`after ${request.url}`));
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    const url = portUrl(http.address());
    expect(await invokeEcho(url, '/hubs/a', 1)).toBe(1);
    expect(await invokeEcho(url, '/HUBS/B', 2)).toBe(2);
    expect(seen).toEqual([]);
    for (const path of ['/', '/hubs', '/hubs/a/x', '/hubs/ab', '/negotiate']) {
      expect(await (await fetch(`${url}${path}`)).text()).toBe('app');
    }
    expect(seen).toHaveLength(10);
    await server.close();
    expect(await (await fetch(`${url}/hubs/a`)).text()).toBe('app');
    http.closeAllConnections();
    http.close();
  });

  test('two SignalR servers with different limits can share one HTTP server', async () => {
    const http = createServer((_request, response) => response.end('app'));
    await using strict = createSignalRServer({ maximumReceiveMessageBytes: 100 });
    await using generous = createSignalRServer();
    strict.mapHub('/strict', hub);
    generous.mapHub('/generous', hub);
    strict.attach(http);
    generous.attach(http);
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    const url = portUrl(http.address());
    const text = 'x'.repeat(1_000);
    expect(await invokeEcho(url, '/generous', text)).toBe(text);
    expect(await invokeEcho(url, '/strict', 'x')).toBe('x');
    await expect(invokeEcho(url, '/strict', text)).rejects.toThrow();
    expect(await upgradeAsPlainRequest(url)).toBe('200 app');
    await strict.close();
    expect(await invokeEcho(url, '/generous', 'continues')).toBe('continues');
    expect(await upgradeAsPlainRequest(url)).toBe('200 app');
    http.closeAllConnections();
    http.close();
  });

  test('an upgrade request for another path reaches another WebSocket server', async () => {
    const requests: unknown[] = [];
    const http = createServer((request, response) => {
      requests.push(request.url);
      response.end();
    });
    const other = new WebSocketServer({ server: http, path: '/other' });
    other.on('connection', (socket) => socket.send('hello'));
    await using server = createSignalRServer();
    server.mapHub('/hub', hub);
    server.attach(http);
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    const url = portUrl(http.address());
    const socket = new WebSocket(`${url.replace('http', 'ws')}/other`);
    const [data] = (await once(socket, 'message')) as [Buffer];
    expect(data.toString()).toBe('hello');
    socket.terminate();
    expect(await invokeEcho(url, '/hub', 'x')).toBe('x');
    expect(requests).toEqual([]);
    other.close();
    http.closeAllConnections();
    http.close();
  });

  test('the application reads the body of a request that offers an upgrade, even if it arrives in pieces', async () => {
    const http = createServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => response.end(`${request.method} ${Buffer.concat(pieces).toString()}`));
    });
    await using server = createSignalRServer();
    server.mapHub('/hub', hub);
    server.attach(http);
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    const { port } = http.address() as AddressInfo;
    for (const protocol of ['h2c', 'websocket', 'TLS/1.0']) {
      const head = `POST /elsewhere HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n`;
      const chunked = `${head}Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n`;
      const last = `${head.replace('Upgrade', 'Upgrade, close')}Content-Length: 6\r\n\r\n`;
      const answers = await exchange(port, [chunked, `${last}tw`, 'o th']);
      expect(answers).toContain('\r\n\r\nPOST one');
      expect(answers).toContain('\r\n\r\nPOST two th');
    }
    http.closeAllConnections();
    http.close();
  });

  test('an upgrade request that no listener handles is treated as an ordinary request', async () => {
    const http = createServer((request, response) => response.writeHead(404).end(`no ${request.url}`));
    await using server = createSignalRServer();
    server.mapHub('/hub', hub);
    server.attach(http);
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    expect(await upgradeAsPlainRequest(portUrl(http.address()))).toBe('404 no /elsewhere');
    http.closeAllConnections();
    http.close();
  });
});

/** Starts a hub on an HTTP server without other listeners. */
async function startBare(): Promise<AsyncDisposable & { readonly url: string }> {
  const http = createServer();
  const server = createSignalRServer();
  server.mapHub('/hub', hub);
  server.attach(http);
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  return {
    url: portUrl(http.address()),
    async [Symbol.asyncDispose]() {
      await server.close();
      http.closeAllConnections();
      http.close();
    },
  };
}

describe('attached to a server without other listeners', () => {
  test('a request for no hub is answered with 404', async () => {
    await using bare = await startBare();
    const { url } = bare;
    expect((await fetch(url)).status).toBe(404);
    expect((await fetch(`${url}/elsewhere`, { method: 'POST', body: 'x'.repeat(100_000) })).status).toBe(404);
    expect(await invokeEcho(url, '/hub', 'x')).toBe('x');
  });
});

describe('offers to upgrade to another protocol', () => {
  const h2c =
    'Connection: keep-alive, Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n';

  test('requests that offer h2c are answered like other requests, even if their body arrives in pieces', async () => {
    await using bare = await startBare();
    const { url } = bare;
    const { port } = new URL(url);
    const head = (method: string, target: string): string =>
      `${method} ${target} HTTP/1.1\r\nHost: localhost:${port}\r\n`;
    const negotiated = await exchange(Number(port), [
      `${head('POST', '/hub/negotiate?negotiateVersion=1')}${h2c}Content-Length: 0\r\n\r\n`,
      // The connection stays open until a request asks to close it.
      `${head('POST', '/hub/negotiate?negotiateVersion=1')}Connection: Upgrade, close\r\nUpgrade: h2c\r\nContent-Length: 4\r\n\r\nbo`,
      'dy',
    ]);
    const tokens = [...negotiated.matchAll(/"connectionToken":"([^"]+)"/g)].map(([, token]) => token);
    expect(negotiated.match(/HTTP\/1\.1 200/g)).toHaveLength(2);
    expect(tokens).toHaveLength(2);
    const [token] = tokens;
    const poll = `${head('GET', `/hub?id=${token}`)}Connection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n`;
    expect(await exchange(Number(port), [poll])).toContain('HTTP/1.1 200');
    const handshake = '{"protocol":"json","version":1}\u001e';
    const send = `${head('POST', `/hub?id=${token}`)}Connection: Upgrade, close\r\nUpgrade: h2c\r\nContent-Length: ${handshake.length}\r\n\r\n`;
    expect(await exchange(Number(port), [send + handshake.slice(0, 5), handshake.slice(5)])).toContain(
      'HTTP/1.1 200',
    );
    expect(await exchange(Number(port), [poll])).toContain('{}\u001e');
  });

  test('an upgrade to an unsupported version of the WebSocket protocol is refused with 400 and the supported version', async () => {
    await using bare = await startBare();
    const { url } = bare;
    const { port } = new URL(url);
    const upgrade =
      `GET /hub HTTP/1.1\r\nHost: localhost:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      'Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
    const answer = await exchange(Number(port), [upgrade]);
    expect(answer).toMatch(/^HTTP\/1\.1 400/);
    expect(answer).toMatch(/sec-websocket-version: 13/i);
  });
});

describe('attached to Fastify', () => {
  test('the Fastify plugin serves hubs beside the app’s routes, and closes them with app.close()', async () => {
    const server = createSignalRServer();
    server.mapHub('/hubs/chat', hub);
    const app = Fastify();
    await app.register(signalrPlugin, { server });
    app.get('/route', () => 'route');
    const url = await app.listen({ port: 0, host: '127.0.0.1' });
    expect(await (await fetch(`${url}/route`)).text()).toBe('route');
    expect((await fetch(`${url}/hubs/other`)).status).toBe(404);
    const connection = new HubConnectionBuilder()
      .withUrl(`${url}/hubs/chat`)
      .configureLogging(LogLevel.None)
      .build();
    await connection.start();
    expect(await connection.invoke('echo', 'f')).toBe('f');
    const closed = new Promise((resolve) => {
      connection.onclose(resolve);
    });
    await app.close();
    await closed;
  });
});
