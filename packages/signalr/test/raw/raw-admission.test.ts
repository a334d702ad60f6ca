/* The admission of raw connections: the handler knows its client, and unauthorized clients are refused. */
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import {
  defineHub,
  type MapConnectionOptions,
  type RawConnection,
  type SignalREvent,
  type TransportName,
} from '../../src/index.js';
import { type Host, startHost } from '../support/host.js';
import { negotiateUrl, openStream, post, send, upgradeStatus } from '../support/http-client.js';
import { connectMessages } from '../support/message-client.js';
import { echo, startRaw, untilEnd } from '../support/raw-host.js';

const transports: readonly TransportName[] = ['WebSockets', 'ServerSentEvents', 'LongPolling'];

const ofType = (host: Host, type: SignalREvent['type']): readonly SignalREvent[] =>
  host.events.filter((event) => event.type === type);

describe('admission', () => {
  interface Account {
    readonly name: string;
  }

  const startAccounts = (handler: (connection: RawConnection<Account>) => Promise<void>): Promise<Host> =>
    startHost((server) =>
      server.mapConnection<Account>('/raw', handler, {
        authenticate: ({ token }) =>
          token === null ? undefined : { userId: token, user: { name: token.toUpperCase() } },
      }),
    );

  test.each(transports)('the handler knows the user and the opening request over %s', async (transport) => {
    await using host = await startAccounts(async (connection) => {
      const { path, userId, user, transport: name, request, connectionId } = connection;
      await connection.send(
        JSON.stringify([path, userId, user.name, name, request.path, connectionId.length]),
      );
      await untilEnd(connection);
    });
    await using client = await connectMessages(host, transport, { token: 'ada' });
    expect(JSON.parse((await client.next()) as string)).toEqual([
      '/raw',
      'ada',
      'ADA',
      transport,
      '/raw',
      22,
    ]);
  });

  test('a client that is not authenticated is refused with 401 at every stage, and another user’s client with 403', async () => {
    await using host = await startAccounts(untilEnd);
    const negotiated = await fetch(`${host.url}/raw/negotiate?negotiateVersion=1`, { method: 'POST' });
    expect(negotiated.status).toBe(401);
    expect(await upgradeStatus(`${host.url}/raw`)).toBe(401);
    const answer = await fetch(`${host.url}/raw/negotiate?negotiateVersion=1&access_token=ada`, {
      method: 'POST',
    });
    const { connectionToken } = (await answer.json()) as { connectionToken: string };
    const url = `${host.url}/raw?id=${connectionToken}`;
    expect((await send(`${url}&access_token=eve`)).status).toBe(403);
    expect((await send(`${url}&access_token=ada`)).status).toBe(200);
    expect((await post(url, 'x')).status).toBe(401);
    expect((await post(`${url}&access_token=eve`, 'x')).status).toBe(403);
    expect(ofType(host, 'connection_opened')).toHaveLength(1);
  });

  test('a page of another origin and a transport that is not offered are refused', async () => {
    await using host = await startRaw(echo, { transports: ['LongPolling'] });
    const socket = new WebSocket(`${host.url.replace('http', 'ws')}/raw`, { origin: 'https://evil.example' });
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error.message).toContain('403');
    expect(await upgradeStatus(`${host.url}/raw`)).toBe(404);
    const answer = await fetch(`${host.url}/raw/negotiate?negotiateVersion=1&useStatefulReconnect=true`, {
      method: 'POST',
    });
    expect(await answer.json()).toEqual({
      negotiateVersion: 1,
      connectionId: expect.any(String),
      connectionToken: expect.any(String),
      availableTransports: [{ transport: 'LongPolling', transferFormats: ['Text', 'Binary'] }],
    });
  });

  test('a request for an unknown path reaches the application, and one for an unknown connection receives 404', async () => {
    await using host = await startRaw(echo);
    expect((await send(`${host.url}/raw/other`)).text).toBe('200 other');
    expect((await send(`${host.url}/raw?id=unknown`)).text).toBe('404 No Connection with that ID');
    expect((await post(`${host.url}/raw?id=unknown`, 'x')).status).toBe(404);
    expect(await upgradeStatus(`${host.url}/raw?id=unknown`)).toBe(404);
  });

  test('too many negotiated raw connections are refused with 503', async () => {
    await using host = await startRaw(echo, {}, { maximumPendingConnections: 1 });
    await negotiateUrl(host, '/raw');
    const second = await fetch(`${host.url}/raw/negotiate?negotiateVersion=1`, { method: 'POST' });
    expect(second.status).toBe(503);
  });

  test.each<[string, object, string]>([
    ['/RAW/', {}, 'duplicate_path'],
    ['raw', {}, 'invalid_argument'],
    ['/other', { allowStatefulReconnects: true }, 'invalid_option'],
    ['/other', { bigint: true }, 'invalid_option'],
    ['/other', { limits: { handshakeTimeoutMs: 1 } }, 'invalid_option'],
    ['/other', { limits: { sendTimeoutMs: -1 } }, 'invalid_option'],
    ['/other', { limits: { pollTimeoutMs: 1 } }, 'invalid_option'],
  ])('mapConnection refuses the path %j with the options %j', async (path, options, code) => {
    await using host = await startRaw(echo);
    expect(() => host.server.mapConnection(path, echo, options as MapConnectionOptions<undefined>)).toThrow(
      expect.objectContaining({ code }),
    );
    expect(() => host.server.mapHub('/raw', defineHub()({ methods: {} }))).toThrow('is mapped already');
    expect(() => host.server.mapConnection('/other', undefined as never)).toThrow('must be a function');
  });

  test('fresh credentials replace the user of a raw connection, and expired ones end it', async () => {
    const startMs = Date.UTC(2026, 0, 1);
    const seen: unknown[] = [];
    await using host = await startHost((server) =>
      server.mapConnection<string>(
        '/raw',
        async (connection) => {
          for await (const _ of connection) seen.push(connection.user);
        },
        {
          enableAuthenticationRefresh: true,
          closeOnAuthenticationExpiration: true,
          authenticate: ({ token }) => ({
            userId: 'ada',
            user: token ?? '',
            expiresAtMs: startMs + (token === 'new' ? 20_000 : 5_000),
          }),
        },
      ),
    );
    const url = await negotiateUrl(host, '/raw');
    await using _stream = await openStream(`${url}&access_token=old`);
    const id = new URL(url).searchParams.get('id') ?? '';
    await post(`${url}&access_token=old`, 'x');
    const headers = { 'X-SignalR-Connection-Token': id, Authorization: 'Bearer new' };
    expect((await post(`${host.url}/raw/refresh`, '', headers)).status).toBe(200);
    await post(`${url}&access_token=new`, 'x');
    await expect.poll(() => seen).toEqual(['old', 'new']);
    host.clock.pass(10_000);
    expect(ofType(host, 'connection_closed')).toEqual([]);
    host.clock.pass(12_000);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'authentication_expired' });
  });
});
