/*
 * Hubs on an HTTP server that also has other request listeners, another WebSocket server, or Fastify.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
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

describe('attached to a plain server', () => {
  test('requests that are not for a hub reach the request listeners that were added before and after attach()', async () => {
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

describe('attached to Fastify', () => {
  test('the Fastify plugin serves hubs beside the routes of the app, and closes their connections when app.close() is called', async () => {
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
