/*
 * Answers to unusual requests of event streams and long polling. They concern transports that are not offered, ended
 * connections, overlapping requests, and busy or hanging hubs.
 */
import { request } from 'node:http';
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { defineHub, type Hub, type TransportName } from '../../src/index.js';
import { startHost } from '../support/host.js';
import { negotiateUrl, openPolling, openStream, post, send, upgradeStatus } from '../support/http-client.js';
import { call, connectRaw, HANDSHAKE, RS } from '../support/raw-client.js';
import { openEvents, startRequestHub, untilOpen } from '../support/request-hub.js';

const noCache = {
  'cache-control': 'no-cache, no-store',
  pragma: 'no-cache',
  expires: 'Thu, 01 Jan 1970 00:00:00 GMT',
};

const stream = { Accept: 'text/event-stream' };

describe('a hub that offers', () => {
  const all: readonly TransportName[] = ['WebSockets', 'ServerSentEvents', 'LongPolling'];
  test.each([
    [['WebSockets']],
    [['ServerSentEvents']],
    [['LongPolling']],
    [['WebSockets', 'ServerSentEvents']],
    [[]],
  ] as [TransportName[]][])(
    'a hub with the transports %j lists them in the negotiate answer, and refuses other transports with 404',
    async (offered) => {
      await using host = await startRequestHub(offered);
      const negotiated = (await (await fetch(`${host.url}/hub/negotiate`, { method: 'POST' })).json()) as {
        availableTransports: { transport: TransportName }[];
      };
      expect(negotiated.availableTransports.map(({ transport }) => transport)).toEqual(offered);
      const path = async (): Promise<string> => (await negotiateUrl(host)).slice(host.url.length);
      const statuses = {
        WebSockets: await upgradeStatus(host.url + (await path())),
        LongPolling: (await send(host.url + (await path()))).status,
        ServerSentEvents: 0,
      };
      await using events = await openStream(host.url + (await path()));
      statuses.ServerSentEvents = events.response.statusCode ?? 0;
      const expected = all.map((name) => [
        name,
        offered.includes(name) ? (name === 'WebSockets' ? 101 : 200) : 404,
      ]);
      expect(statuses).toEqual(Object.fromEntries(expected));
    },
  );
});

describe('a refusal', () => {
  test.each([
    ['', 400],
    ['?id=', 400],
    ['?id=unknown', 404],
  ])(
    'a refusal of a poll with the query %j has status %i and headers that forbid caching',
    async (query, status) => {
      await using host = await startRequestHub();
      const answer = await send(`${host.url}/hub${query}`);
      expect(answer.status).toBe(status);
      expect(answer.headers).toMatchObject(noCache);
      expect((await send(`${host.url}/hub${query}`, { headers: stream })).status).toBe(status);
      expect(await upgradeStatus(`${host.url}/hub${query}`)).toBe(status === 404 ? 404 : 101);
    },
  );
});

describe('a connection that has ended', () => {
  test.each(['ServerSentEvents', 'LongPolling'] as const)(
    'a request for a connection that has ended receives 404, over %s',
    async (name) => {
      await using host = await startRequestHub();
      let url: string;
      if (name === 'LongPolling') {
        url = await openPolling(host);
        await post(url, call('leave'));
        expect((await send(url)).text).toContain('{"type":7}');
        expect((await send(url)).status).toBe(204);
      } else {
        url = await negotiateUrl(host);
        await using events = await openEvents(url);
        await post(url, call('leave'));
        await events.ended;
      }
      expect(await host.event('connection_closed')).toMatchObject({ reason: 'aborted' });
      expect((await post(url, 'x')).text).toBe('404 No Connection with that ID');
      expect((await send(url)).text).toBe('404 No Connection with that ID');
      expect((await send(url, { headers: stream })).status).toBe(404);
      expect((await send(url, { method: 'DELETE' })).status).toBe(404);
      expect(host.log).toEqual(['aborted', 'disconnected']);
    },
  );
});

describe('the end of the transport', () => {
  test('a connection whose client closes the event stream ends only after the running method has returned', async () => {
    await using host = await startRequestHub();
    const url = await negotiateUrl(host);
    const events = await openEvents(url);
    await post(url, call('hang'));
    await events[Symbol.asyncDispose]();
    await expect.poll(() => host.log).toEqual(['hangs', 'aborted']);
    host.release();
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'client_closed' });
    expect(host.log).toEqual(['hangs', 'aborted', 'disconnected']);
  });

  test('a connection whose client stops polling aborts its signal, and ends only after the running method has returned', async () => {
    await using host = await startRequestHub();
    const url = await openPolling(host);
    await post(url, call('hang'));
    await expect.poll(() => host.log).toEqual(['hangs']);
    host.clock.pass(20_000);
    await expect.poll(() => host.log).toEqual(['hangs', 'aborted']);
    host.release();
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'transport_lost' });
    expect(host.log).toEqual(['hangs', 'aborted', 'disconnected']);
  });
});

describe('DELETE', () => {
  test('a DELETE request between two polls ends the connection', async () => {
    await using host = await startRequestHub();
    const url = await openPolling(host);
    const answer = await send(url, { method: 'DELETE' });
    expect([answer.status, answer.headers['content-type']]).toEqual([202, 'text/plain']);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'client_closed' });
    expect((await send(url)).status).toBe(404);
  });

  test('a DELETE request is answered and ends the waiting poll, even while a method of the hub hangs', async () => {
    await using host = await startRequestHub();
    const url = await openPolling(host);
    await post(url, call('hang'));
    await untilOpen(host, 0);
    const poll = send(url);
    await untilOpen(host, 1);
    expect((await send(url, { method: 'DELETE' })).status).toBe(202);
    expect((await poll).status).toBe(204);
    expect(host.log).toEqual(['hangs', 'aborted']);
    host.release();
    await host.event('connection_closed');
  });
});

describe('a timeout of the HTTP server', () => {
  test.each(['ServerSentEvents', 'LongPolling'] as const)(
    'a timeout of the HTTP server does not end a response that waits for messages, over %s',
    async (name) => {
      await using host = await startRequestHub();
      host.http.setTimeout(60_000);
      const timeouts: (() => number | undefined)[] = [];
      const watch = (socket: Socket): void => void timeouts.push(() => socket.timeout);
      const url = name === 'LongPolling' ? await openPolling(host) : await negotiateUrl(host);
      host.http.on('connection', watch);
      await using events = name === 'LongPolling' ? undefined : await openStream(url);
      const poll = events === undefined ? send(url) : undefined;
      await expect.poll(() => timeouts.map((timeout) => timeout())).toEqual([0]);
      host.http.off('connection', watch);
      if (events !== undefined) return;
      await post(url, call('echo', ['late']));
      expect((await poll)?.text).toContain('late');
    },
  );
});

describe('the request of a long polling connection', () => {
  test('the request in a method’s context is the request that opened the long polling connection', async () => {
    await using host = await startRequestHub();
    const url = await negotiateUrl(host);
    await send(`${url}&another=value`, { headers: { 'X-First': 'h1' } });
    await post(url, HANDSHAKE);
    expect((await send(url)).text).toBe(`200 {}${RS}`);
    await post(`${url}&another=changed`, call('seen'), { 'X-First': 'h2' });
    expect((await send(`${url}&another=changed`, { headers: { 'X-First': 'h3' } })).text).toContain(
      '["value","h1"]',
    );
  });
});

describe('a slow reader', () => {
  test('a client that accepts no byte of its event stream during the send timeout is disconnected', async () => {
    let hub: Hub<{ note(text: string): void }> | undefined;
    await using host = await startHost(
      (server) => {
        hub = server.mapHub('/hub', defineHub<{ note(text: string): void }>()({ methods: {} }));
      },
      { maximumOutboundBytes: 100_000_000, sendTimeoutMs: 10_000 },
    );
    await using events = await openEvents(await negotiateUrl(host));
    events.response.pause();
    hub?.clients.all.send('note', 'x'.repeat(20_000_000));
    host.clock.pass(9_000);
    expect(hub?.connections.count).toBe(1);
    host.clock.pass(10_000);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'send_timeout' });
  });
});

describe('a client that does not read the answer to its poll', () => {
  test('a client that does not read the response to its poll counts as lost, and its socket is closed', async () => {
    let hub: Hub<{ note(text: string): void }> | undefined;
    await using host = await startHost(
      (server) => {
        hub = server.mapHub('/hub', defineHub<{ note(text: string): void }>()({ methods: {} }));
      },
      { maximumOutboundBytes: 100_000_000 },
    );
    const poll = request(await openPolling(host), { agent: false });
    poll.on('error', () => {}); // The server breaks the connection.
    poll.on('response', (response) => response.pause().on('error', () => {}));
    await untilOpen(host, 0);
    poll.end();
    await untilOpen(host, 1);
    hub?.clients.all.send('note', 'x'.repeat(20_000_000));
    await expect.poll(() => hub?.connections.waitingBytes).toBe(0);
    host.clock.pass(14_000);
    expect(hub?.connections.count).toBe(1);
    host.clock.pass(3_000);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'transport_lost' });
    await untilOpen(host, 0);
  });
});

describe('a WebSocket', () => {
  test('a WebSocket whose client does not answer the close frame is disconnected after the close timeout', async () => {
    await using host = await startRequestHub(['WebSockets']);
    await using client = await connectRaw(host);
    client.send(HANDSHAKE + call('leave'));
    client.socket.pause();
    await expect.poll(() => host.log).toEqual(['aborted', 'disconnected']);
    host.clock.pass(4_000);
    expect(host.events.map(({ type }) => type)).toEqual(['connection_opened']);
    host.clock.pass(3_000);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'aborted' });
  });
});
