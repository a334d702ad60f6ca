/*
 * A hub that cannot authenticate clients at the moment answers with status 503 and never with 401, at every stage. Clients
 * retry after a 503.
 */
import type { Socket } from 'node:net';
import { HttpTransportType, HubConnectionBuilder, LogLevel } from '@microsoft/signalr';
import { describe, expect, test } from 'vitest';
import { type Authenticate, AuthenticationUnavailable, defineHub } from '../../src/index.js';
import { type Host, startHost } from '../support/host.js';
import { negotiateUrl, openPolling, post, send } from '../support/http-client.js';
import { call, HANDSHAKE, openRaw } from '../support/raw-client.js';

/** A service that authenticates clients. It fails while `isAway` is true. */
interface KeyService {
  isAway: boolean;
  retryAfterMs: number | undefined;
}

async function start(): Promise<{ readonly host: Host; readonly service: KeyService }> {
  const service: KeyService = { isAway: false, retryAfterMs: undefined };
  const authenticate: Authenticate<undefined> = async () => {
    const { isAway, retryAfterMs } = service;
    if (isAway)
      throw new AuthenticationUnavailable(
        'the key server is unavailable',
        retryAfterMs === undefined ? {} : { retryAfterMs },
      );
    return { userId: 'ann', user: undefined };
  };
  const hub = defineHub()({ methods: { echo: (_context, value) => value } });
  const host = await startHost(
    (server) => server.mapHub('/hub', hub, { authenticate, enableAuthenticationRefresh: true }),
    { tickIntervalMs: 50 },
  );
  return { host, service };
}

const notNow = { status: 503, retryAfter: '1', text: '503' };

async function answerOf(reply: ReturnType<typeof send>) {
  const { status, headers, text } = await reply;
  return { status, retryAfter: headers['retry-after'], text };
}

describe('while authentication is unavailable', () => {
  test('a negotiation and a transport’s first request receive 503 with Retry-After while authentication is unavailable', async () => {
    const { host, service } = await start();
    await using _host = host;
    const url = await negotiateUrl(host);
    service.isAway = true;
    expect(await answerOf(post(`${host.url}/hub/negotiate`, ''))).toEqual(notNow);
    expect(await answerOf(send(url))).toEqual(notNow);
    expect(await answerOf(send(url, { headers: { Accept: 'text/event-stream' } }))).toEqual(notNow);
    expect(
      host.events.map((event) => (event.type === 'request_refused' ? event.reason : event.type)),
    ).toEqual(Array.from({ length: 3 }, () => 'authentication_unavailable'));
    service.isAway = false;
    expect((await send(url)).status).toBe(200);
  });

  test('an upgrade request receives 503 with Retry-After while authentication is unavailable', async () => {
    const { host, service } = await start();
    await using _host = host;
    service.isAway = true;
    const headers = {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    };
    expect(await answerOf(send(`${host.url}/hub`, { headers }))).toEqual(notNow);
    service.isAway = false;
    await using client = await openRaw(host);
    client.send(call('echo', [1]));
    expect(await client.next()).toContain('"result":1');
  });

  test('a connection whose requests receive 503 while authentication is unavailable continues', async () => {
    const { host, service } = await start();
    await using _host = host;
    const url = await openPolling(host);
    service.isAway = true;
    expect(await answerOf(send(url))).toEqual(notNow);
    expect(await answerOf(post(url, call('echo', [1])))).toEqual(notNow);
    expect(await answerOf(post(url.replace('/hub?', '/hub/refresh?'), ''))).toEqual(notNow);
    service.isAway = false;
    await post(url, call('echo', [2]));
    expect((await send(url)).text).toContain('"result":2');
  });
});

test.each([
  [undefined, '1'],
  [0, '1'],
  [-5, '1'],
  [Number.NaN, '1'],
  [1, '1'],
  [1_001, '2'],
  [30_000, '30'],
  [Number.POSITIVE_INFINITY, '86400'],
])('a retryAfterMs of %j is sent as a Retry-After header of %s seconds', async (retryAfterMs, seconds) => {
  const { host, service } = await start();
  await using _host = host;
  Object.assign(service, { isAway: true, retryAfterMs });
  const { retryAfter } = await answerOf(post(`${host.url}/hub/negotiate`, HANDSHAKE));
  expect(retryAfter).toBe(seconds);
});

test.each([HttpTransportType.WebSockets, HttpTransportType.ServerSentEvents, HttpTransportType.LongPolling])(
  'the official client reconnects automatically when authentication is available again (transport %i)',
  async (transport) => {
    const { host, service } = await start();
    await using _host = host;
    const sockets = new Set<Socket>();
    host.http.on('connection', (socket: Socket) => sockets.add(socket));
    const connection = new HubConnectionBuilder()
      .withUrl(`${host.url}/hub`, { transport })
      .withAutomaticReconnect({ nextRetryDelayInMilliseconds: () => 20 })
      .configureLogging(LogLevel.None)
      .build();
    const back = new Promise((resolve) => {
      connection.onreconnected(resolve);
    });
    await connection.start();
    service.isAway = true;
    for (const socket of sockets) socket.resetAndDestroy();
    await expect
      .poll(() => host.events.filter(({ type }) => type === 'request_refused').length)
      .toBeGreaterThan(2);
    service.isAway = false;
    await back;
    expect(await connection.invoke('echo', 3)).toBe(3);
    await connection.stop();
  },
);
