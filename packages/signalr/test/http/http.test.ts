/*
 * The hub's HTTP face: negotiate, statuses, authentication, origins, and bounds on what is half open.
 */
import { request as httpRequest } from 'node:http';
import { connect as connectSocket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import {
  type Authenticate,
  defineHub,
  type MapHubOptions,
  type SignalRServerOptions,
} from '../../src/index.js';
import { type Host, startHost } from '../support/host.js';
import { call, openRaw, RS } from '../support/raw-client.js';

const hub = defineHub()({ methods: { echo: (_context, value) => value } });

function start(map: MapHubOptions<undefined> = {}, options: SignalRServerOptions = {}): Promise<Host> {
  return startHost((server) => {
    server.mapHub('/hubs/Chat', hub, map);
  }, options);
}

async function negotiate(host: Host, query = '?negotiateVersion=1'): Promise<Record<string, unknown>> {
  const response = await fetch(`${host.url}/hubs/chat/negotiate${query}`, { method: 'POST' });
  return (await response.json()) as Record<string, unknown>;
}

/** The status of a refused upgrade, with its body; 101 when it was accepted. */
async function upgrade(host: Host, path: string, headers: Record<string, string> = {}) {
  return new Promise<{ status: number; body: string; socket?: WebSocket }>((resolve) => {
    const socket = new WebSocket(`${host.url.replace('http', 'ws')}${path}`, { headers });
    socket.on('open', () => resolve({ status: 101, body: '', socket }));
    socket.on('error', () => {}); // an unexpected response is reported below
    socket.on('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (data: Buffer) => {
        body += data.toString();
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
  });
}

describe('negotiate', () => {
  test('version 1 has a secret token beside the id', async () => {
    await using host = await start();
    const response = await fetch(`${host.url}/HUBS/chat/Negotiate/?NEGOTIATEversion=3`, {
      method: 'POST',
      body: 'x',
    });
    expect(response.headers.get('content-type')).toBe('application/json');
    const answer = (await response.json()) as Record<string, unknown>;
    expect(Object.keys(answer)).toEqual([
      'negotiateVersion',
      'connectionId',
      'connectionToken',
      'availableTransports',
    ]);
    expect(answer['negotiateVersion']).toBe(1);
    expect(answer['connectionId']).toMatch(/^[\w-]{22}$/);
    expect(answer['connectionToken']).toMatch(/^[\w-]{22}$/);
    expect(answer['connectionToken']).not.toBe(answer['connectionId']);
  });

  test('finds a hub however its path is written', async () => {
    await using host = await startHost((server) => void server.mapHub('/Straße/a b', hub));
    await using client = await openRaw(host, '/stra%C3%9Fe/A%20%62/');
    client.send(call('echo', [1]));
    expect(await client.next()).toContain('"result":1');
    const response = await fetch(`${host.url}/straße/a b/negotiate`, { method: 'POST' });
    expect(await response.json()).toHaveProperty('connectionId');
  });

  test('version 0 has the id alone, which then attaches', async () => {
    await using host = await start();
    const answer = await negotiate(host, '');
    expect(Object.keys(answer)).toEqual(['negotiateVersion', 'connectionId', 'availableTransports']);
    await using client = await openRaw(host, `/hubs/chat?id=${String(answer['connectionId'])}`);
    client.send(call('echo', [1]));
    expect(await client.next()).toContain('"result":1');
  });

  test('errors are 200 with nothing but an error', async () => {
    await using host = await start();
    const response = await fetch(`${host.url}/hubs/chat/negotiate?negotiateVersion=x`, { method: 'POST' });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('{"error":"The client requested a non-integer protocol version."}');
  });

  test('an id opens one connection only, and no id that was not given out', async () => {
    await using host = await start();
    const { connectionToken, connectionId } = await negotiate(host);
    const query = `/hubs/chat?id=${String(connectionToken)}`;
    expect(await upgrade(host, `/hubs/chat?id=${String(connectionId)}`)).toMatchObject({ status: 404 });
    const client = await openRaw(host, query);
    expect(await upgrade(host, query)).toMatchObject({ status: 409, body: '' });
    const closed = host.event('connection_closed');
    await client[Symbol.asyncDispose]();
    await closed;
    expect(await upgrade(host, query)).toEqual({ status: 404, body: 'No Connection with that ID' });
  });

  test('a connection that never attaches expires and calls no hook', async () => {
    await using host = await start({}, { disconnectTimeoutMs: 5_000 });
    const first = await negotiate(host);
    host.clock.advance(3_000);
    const second = await negotiate(host);
    host.clock.advance(3_000);
    expect(await upgrade(host, `/hubs/chat?id=${String(first['connectionToken'])}`)).toMatchObject({
      status: 404,
    });
    const kept = await upgrade(host, `/hubs/chat?id=${String(second['connectionToken'])}`);
    expect(kept.status).toBe(101);
    kept.socket?.terminate();
    expect(host.events.filter((event) => event.type === 'connection_opened')).toEqual([]);
  });

  test('half-open connections are bounded, and room comes back', async () => {
    await using host = await start({}, { maximumPendingConnections: 50 });
    for (let index = 0; index < 50; index += 1) expect(await negotiate(host)).toHaveProperty('connectionId');
    const refused = await fetch(`${host.url}/hubs/chat/negotiate`, { method: 'POST' });
    expect(refused.status).toBe(503);
    expect(await host.event('request_refused')).toMatchObject({ reason: 'too_many_pending_connections' });
    host.clock.advance(20_000);
    expect(await negotiate(host)).toHaveProperty('connectionId');
  });

  test('a connection selects no subprotocol, as ASP.NET Core', async () => {
    await using host = await start();
    const protocol = await new Promise<unknown>((resolve) => {
      const request = httpRequest(`${host.url}/hubs/chat`, {
        headers: {
          Connection: 'Upgrade',
          Upgrade: 'websocket',
          'Sec-WebSocket-Version': '13',
          'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
          'Sec-WebSocket-Protocol': 'json, other',
        },
      });
      request.on('upgrade', (response, socket) => {
        socket.destroy();
        resolve(response.headers['sec-websocket-protocol']);
      });
      request.end();
    });
    expect(protocol).toBeUndefined();
  });

  test('an upgrade that is no proper WebSocket handshake gives its token back', async () => {
    await using host = await start();
    const { connectionToken } = await negotiate(host);
    const path = `/hubs/chat?id=${String(connectionToken)}`;
    const status = await new Promise<number>((resolve) => {
      const request = httpRequest(`${host.url}${path}`, {
        headers: {
          Connection: 'Upgrade',
          Upgrade: 'websocket',
          'Sec-WebSocket-Version': '13',
          'Sec-WebSocket-Key': 'bad',
        },
      });
      request.on('response', (response) => {
        response.resume();
        response.on('close', () => resolve(response.statusCode ?? 0));
      });
      request.end();
    });
    expect(status).toBe(400);
    await expect.poll(async () => (await upgrade(host, path)).status).toBe(404);
  });
});

describe('other requests at the hub', () => {
  test.each([
    ['GET', '/hubs/chat/negotiate', 405, ''],
    ['GET', '/hubs/chat', 400, 'Connection ID required'],
    ['POST', '/hubs/chat/', 400, 'Connection ID required'],
    ['DELETE', '/hubs/chat', 400, 'Connection ID required'],
    ['PUT', '/hubs/chat', 405, ''],
    ['OPTIONS', '/hubs/chat', 405, ''],
    ['GET', '/hubs/chat?ID=zz', 404, 'No Connection with that ID'],
    ['POST', '/hubs/chat?id=zz', 404, 'No Connection with that ID'],
    ['DELETE', '/hubs/chat?id=zz', 404, 'No Connection with that ID'],
  ])('%s %s answers %i %j', async (verb, path, status, body) => {
    await using host = await start();
    const response = await fetch(`${host.url}${path}`, { method: verb });
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('text/plain');
    expect(await response.text()).toBe(body);
  });
});

describe('authentication', () => {
  const authenticate: Authenticate<undefined> = ({ token, stage }) => {
    if (token === 'boom') throw new Error('the database is at 10.0.0.1');
    return token === 'good' || token === stage ? { userId: 'u', user: undefined } : undefined;
  };

  test('is asked on negotiate and on the upgrade, with the token from header or query', async () => {
    await using host = await start({ authenticate });
    const post = async (path: string, headers: Record<string, string> = {}) =>
      (await fetch(`${host.url}${path}`, { method: 'POST', headers })).status;
    expect(await post('/hubs/chat/negotiate', { Authorization: 'bearer negotiate' })).toBe(200);
    expect(await post('/hubs/chat/negotiate?Access_Token=good')).toBe(200);
    expect(await post('/hubs/chat/negotiate?access_token=good', { Authorization: 'Bearer bad' })).toBe(401);
    expect((await upgrade(host, '/hubs/chat?access_token=negotiate')).status).toBe(401);
    const accepted = await upgrade(host, '/hubs/chat', { Authorization: 'Bearer connect' });
    expect(accepted.status).toBe(101);
    accepted.socket?.terminate();
  });

  test('is refused with 401 and an empty body', async () => {
    await using host = await start({ authenticate });
    const response = await fetch(`${host.url}/hubs/chat/negotiate`, { method: 'POST' });
    expect([response.status, response.statusText, await response.text()]).toEqual([401, 'Unauthorized', '']);
    expect(await upgrade(host, '/hubs/chat')).toEqual({ status: 401, body: '' });
  });

  test('that fails answers 500 without a word, and is reported', async () => {
    await using host = await start({ authenticate });
    const response = await fetch(`${host.url}/hubs/chat/negotiate?access_token=boom`, { method: 'POST' });
    expect([response.status, await response.text()]).toEqual([500, '']);
    expect(await upgrade(host, '/hubs/chat?access_token=boom')).toEqual({ status: 500, body: '' });
    expect(await host.event('authentication_failed')).toMatchObject({
      error: { message: 'the database is at 10.0.0.1' },
    });
  });

  test.each([
    ['accepted', { userId: null, user: undefined }],
    ['refused', undefined],
  ])('survives a client that leaves before it is %s', async (_title, decision) => {
    let decide: () => void = () => {};
    let ask: () => void = () => {};
    const asked = new Promise<void>((resolve) => {
      ask = resolve;
    });
    await using host = await start({
      authenticate: () =>
        new Promise((resolve) => {
          decide = () => resolve(decision);
          ask();
        }),
    });
    const socket = connectSocket(Number(new URL(host.url).port), '127.0.0.1');
    const key = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==';
    socket.write(
      `GET /hubs/chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${key}\r\n\r\n`,
    );
    await asked;
    socket.resetAndDestroy();
    await new Promise((resolve) => {
      socket.on('close', resolve);
    });
    decide();
    for (let round = 0; round < 3; round += 1) expect((await fetch(`${host.url}/x`)).status).toBe(200);
    expect(host.events.filter((event) => event.type === 'connection_opened')).toEqual([]);
  });

  test('leaves no token in any event', async () => {
    await using host = await start({ authenticate });
    const { connectionToken } = await negotiate(host, '?negotiateVersion=1&access_token=good');
    const client = await openRaw(host, `/hubs/chat?id=${String(connectionToken)}&access_token=good`);
    client.send(call('nope') + 'garbage' + RS);
    await client.closed;
    await host.event('connection_closed');
    const text = JSON.stringify(host.events, (_key, value: unknown) =>
      value instanceof Error ? value.stack : value,
    );
    expect(text).not.toContain(String(connectionToken));
    expect(text).not.toContain('good');
    expect(text).not.toContain('garbage');
  });
});

describe('origins', () => {
  const other = { Origin: 'https://evil.example' };
  const listed = { Origin: 'https://App.example' };

  test('of other hosts are refused on the upgrade unless allowed', async () => {
    await using host = await start();
    expect(await upgrade(host, '/hubs/chat', other)).toEqual({ status: 403, body: '' });
    expect(await host.event('request_refused')).toMatchObject({ reason: 'origin_not_allowed' });
    const same = await upgrade(host, '/hubs/chat', { Origin: host.url });
    expect(same.status).toBe(101);
    same.socket?.terminate();
  });

  test.each<[MapHubOptions<undefined>['allowedOrigins'], Record<string, string>, number]>([
    [['https://app.example'], listed, 101],
    [['https://app.example'], other, 403],
    [['https://app.example'], { Origin: 'null' }, 403],
    ['*', other, 101],
    [(origin) => origin.endsWith('.example'), other, 101],
    [() => false, other, 403],
    [() => false, {}, 101],
  ])('allowed by %j: %j is answered with %i', async (allowedOrigins, headers, status) => {
    await using host = await start(allowedOrigins === undefined ? {} : { allowedOrigins });
    const answer = await upgrade(host, '/hubs/chat', headers);
    expect(answer.status).toBe(status);
    answer.socket?.terminate();
  });

  test('that are allowed get CORS headers with credentials, others get none', async () => {
    await using host = await start({ allowedOrigins: ['https://app.example'] });
    const post = async (headers: Record<string, string>) =>
      (await fetch(`${host.url}/hubs/chat/negotiate`, { method: 'POST', headers })).headers;
    const allowed = await post(listed);
    expect(allowed.get('access-control-allow-origin')).toBe('https://App.example');
    expect(allowed.get('access-control-allow-credentials')).toBe('true');
    expect(allowed.get('vary')).toBe('Origin');
    expect((await post(other)).get('access-control-allow-origin')).toBeNull();
  });

  test('are told in a preflight what clients need, without asking who it is', async () => {
    await using host = await start({
      allowedOrigins: ['https://app.example'],
      authenticate: () => undefined,
    });
    const response = await fetch(`${host.url}/hubs/chat/negotiate`, {
      method: 'OPTIONS',
      headers: {
        ...listed,
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'authorization,x-requested-with,x-signalr-user-agent,x-own',
      },
    });
    expect(response.status).toBe(204);
    expect(response.headers.get('access-control-allow-origin')).toBe('https://App.example');
    expect(response.headers.get('access-control-allow-methods')).toBe('GET, POST, DELETE');
    expect(response.headers.get('access-control-allow-headers')).toContain('x-own');
  });

  test('that are not allowed learn nothing from a preflight', async () => {
    const preflight = async (options: MapHubOptions<undefined>) => {
      await using host = await start(options);
      const response = await fetch(`${host.url}/hubs/chat/negotiate`, {
        method: 'OPTIONS',
        headers: { ...other, 'Access-Control-Request-Method': 'POST' },
      });
      return [response.status, response.headers.get('access-control-allow-methods')];
    };
    expect(await preflight({ allowedOrigins: ['https://app.example'] })).toEqual([204, null]);
    expect(await preflight({})).toEqual([405, null]);
  });

  test('that are refused see the reason of a refusal only with CORS headers', async () => {
    await using host = await start({
      allowedOrigins: ['https://app.example'],
      authenticate: () => undefined,
    });
    const response = await fetch(`${host.url}/hubs/chat/negotiate`, { method: 'POST', headers: listed });
    expect(response.status).toBe(401);
    expect(response.headers.get('access-control-allow-origin')).toBe('https://App.example');
  });
});

describe('a closed server', () => {
  test('refuses everything with 503 while its clients leave', async () => {
    await using host = await start();
    await using client = await openRaw(host, '/hubs/chat');
    client.socket.pause();
    const closing = host.server.close({ withinMs: 2_000 });
    expect((await fetch(`${host.url}/hubs/chat/negotiate`, { method: 'POST' })).status).toBe(503);
    expect(await upgrade(host, '/hubs/chat')).toEqual({ status: 503, body: '' });
    host.clock.advance(5_000);
    await closing;
    expect(await (await fetch(`${host.url}/hubs/chat`)).text()).toBe('other');
    expect(() => host.server.mapHub('/x', hub)).toThrow(expect.objectContaining({ code: 'server_closed' }));
  });

  test('is closed once, however often it is asked', async () => {
    await using host = await start();
    await Promise.all([host.server.close(), host.server.close()]);
    await host.server.close();
  });
});

describe('what makes no sense is refused at once:', () => {
  test.each(['/HUBS/chat/', '/hubs/ch%61t'])('a second hub at %s', async (path) => {
    await using host = await start();
    expect(() => host.server.mapHub(path, hub)).toThrow(expect.objectContaining({ code: 'duplicate_path' }));
  });

  test.each(['hubs', '/hubs?a', '/hubs#a', ''])('a hub at %j', async (path) => {
    await using host = await start();
    expect(() => host.server.mapHub(path, hub)).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    );
  });

  test('two methods that differ in case only', () => {
    expect(() => defineHub()({ methods: { Send() {}, send() {} } })).toThrow(
      expect.objectContaining({ code: 'duplicate_method' }),
    );
  });

  test.each<SignalRServerOptions>([
    { clientTimeoutMs: 0 },
    { keepAliveIntervalMs: -1 },
    { pollTimeoutMs: 1.5 },
    { maximumOutboundBytes: Number.NaN },
    { maximumPendingConnections: Number.POSITIVE_INFINITY },
    { minimumNegotiateVersion: 2 },
    { minimumNegotiateVersion: Number.NaN },
  ])('the option %j', async (options) => {
    await expect(start({}, options)).rejects.toThrow(expect.objectContaining({ code: 'invalid_option' }));
  });
});
