// The library's SignalR server alone, on the HTTP server of an Express application.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HttpTransportType, HubConnectionBuilder, LogLevel } from '@microsoft/signalr';
import { createSignalRServer, defineHub } from '@millrace/signalr';
import express from 'express';
import { afterAll, beforeAll, expect, test } from 'vitest';

const app = express();
app.use(express.json());
app.post('/hubs', (request, response) => void response.json({ express: request.body as unknown }));
const http = createServer(app);
const signalR = createSignalRServer();
signalR.mapHub('/hubs/chat', defineHub()({ methods: { echo: (_context, value) => value } }));
signalR.attach(http);
let url = '';

beforeAll(async () => {
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
});

afterAll(async () => {
  await signalR.close();
  http.close();
  await once(http, 'close');
});

test.each([
  ['WebSockets', HttpTransportType.WebSockets],
  ['server-sent events', HttpTransportType.ServerSentEvents],
  ['long polling', HttpTransportType.LongPolling],
])(
  'a hub beside an Express application serves %s, and Express does not read the hub’s request bodies',
  async (_, transport) => {
    const connection = new HubConnectionBuilder()
      .withUrl(`${url}/hubs/chat`, { transport })
      .configureLogging(LogLevel.None)
      .build();
    await connection.start();
    expect(await connection.invoke('echo', { n: 1 })).toEqual({ n: 1 });
    await connection.stop();
  },
);

test('the routes of the application keep working beside the hub', async () => {
  const request = (path: string) =>
    fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"a":1}',
    });
  expect(await (await request('/hubs')).json()).toEqual({ express: { a: 1 } });
  expect((await request('/hubs/chat/nowhere')).status).toBe(404);
});
