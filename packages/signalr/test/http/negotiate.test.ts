/*
 * Negotiation, and the responses to requests that match no endpoint or no connection.
 */
import { request as httpRequest } from 'node:http';
import { describe, expect, test } from 'vitest';
import { hub, negotiate, startChat, upgrade } from '../support/chat-host.js';
import { startHost } from '../support/host.js';
import { call, openRaw } from '../support/raw-client.js';

describe('negotiate', () => {
  test('version 1 of negotiate returns a secret connection token in addition to the connection id', async () => {
    await using host = await startChat();
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

  test('a hub is found under every equivalent spelling of its path', async () => {
    await using host = await startHost((server) => void server.mapHub('/Straße/a b', hub));
    await using client = await openRaw(host, '/stra%C3%9Fe/A%20%62/');
    client.send(call('echo', [1]));
    expect(await client.next()).toContain('"result":1');
    const response = await fetch(`${host.url}/straße/a b/negotiate`, { method: 'POST' });
    expect(await response.json()).toHaveProperty('connectionId');
  });

  test('version 0 of negotiate returns only the connection id, and this id opens the connection', async () => {
    await using host = await startChat();
    const answer = await negotiate(host, '');
    expect(Object.keys(answer)).toEqual(['negotiateVersion', 'connectionId', 'availableTransports']);
    await using client = await openRaw(host, `/hubs/chat?id=${String(answer['connectionId'])}`);
    client.send(call('echo', [1]));
    expect(await client.next()).toContain('"result":1');
  });

  test('a negotiate error has status 200 and a body with the error as its only property', async () => {
    await using host = await startChat();
    const response = await fetch(`${host.url}/hubs/chat/negotiate?negotiateVersion=x`, { method: 'POST' });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('{"error":"The client requested a non-integer protocol version."}');
  });

  test('a connection token opens a connection only once, and an unknown token is refused', async () => {
    await using host = await startChat();
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

  test('a negotiated connection that no transport opens in time expires, and is never reported as opened', async () => {
    await using host = await startChat({}, { disconnectTimeoutMs: 5_000 });
    const first = await negotiate(host);
    host.clock.pass(3_000);
    const second = await negotiate(host);
    host.clock.pass(3_000);
    expect(await upgrade(host, `/hubs/chat?id=${String(first['connectionToken'])}`)).toMatchObject({
      status: 404,
    });
    const kept = await upgrade(host, `/hubs/chat?id=${String(second['connectionToken'])}`);
    expect(kept.status).toBe(101);
    kept.socket?.terminate();
    expect(host.events.filter((event) => event.type === 'connection_opened')).toEqual([]);
  });

  test('the number of negotiated connections without a transport is limited, and expired ones do not count', async () => {
    await using host = await startChat({}, { maximumPendingConnections: 50 });
    for (let index = 0; index < 50; index += 1) expect(await negotiate(host)).toHaveProperty('connectionId');
    const refused = await fetch(`${host.url}/hubs/chat/negotiate`, { method: 'POST' });
    expect(refused.status).toBe(503);
    expect(await host.event('request_refused')).toMatchObject({ reason: 'too_many_pending_connections' });
    host.clock.pass(20_000);
    expect(await negotiate(host)).toHaveProperty('connectionId');
  });

  test('a WebSocket is opened without a subprotocol, as in ASP.NET Core', async () => {
    await using host = await startChat();
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

  test('an upgrade request that is not a valid WebSocket handshake receives 400 and invalidates its connection token', async () => {
    await using host = await startChat();
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
  ])('the request %s %s receives status %i and the body %j', async (verb, path, status, body) => {
    await using host = await startChat();
    const response = await fetch(`${host.url}${path}`, { method: verb });
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('text/plain');
    expect(await response.text()).toBe(body);
  });
});
