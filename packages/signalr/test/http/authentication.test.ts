/*
 * Authentication of negotiations and upgrades.
 */
import { connect as connectSocket } from 'node:net';
import { describe, expect, test } from 'vitest';
import type { Authenticate } from '../../src/index.js';
import { negotiate, startChat, upgrade } from '../support/chat-host.js';
import { call, openRaw, RS } from '../support/raw-client.js';

describe('authentication', () => {
  const authenticate: Authenticate<undefined> = ({ token, stage }) => {
    if (token === 'boom') throw new Error('the database is at 10.0.0.1');
    return token === 'good' || token === stage ? { userId: 'u', user: undefined } : undefined;
  };

  test('authenticate receives the token of the header or of the query, for negotiate and for upgrade requests', async () => {
    await using host = await startChat({ authenticate });
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

  test('an unauthenticated client is refused with 401 and an empty body', async () => {
    await using host = await startChat({ authenticate });
    const response = await fetch(`${host.url}/hubs/chat/negotiate`, { method: 'POST' });
    expect([response.status, response.statusText, await response.text()]).toEqual([401, 'Unauthorized', '']);
    expect(await upgrade(host, '/hubs/chat')).toEqual({ status: 401, body: '' });
  });

  test('an error that authenticate throws is reported, and its request receives 500 with an empty body', async () => {
    await using host = await startChat({ authenticate });
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
  ])(
    'the server survives a client that disconnects before its authentication is %s',
    async (_title, decision) => {
      let decide: () => void = () => {};
      let ask: () => void = () => {};
      const asked = new Promise<void>((resolve) => {
        ask = resolve;
      });
      await using host = await startChat({
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
    },
  );

  test('no event contains an access token, a connection token or the text of a malformed message', async () => {
    await using host = await startChat({ authenticate });
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
