/* Which requests of the transports a connection accepts, and from which users. */
import { describe, expect, test } from 'vitest';
import type { Authenticate } from '../../src/index.js';
import { negotiateUrl, openPolling, openStream, post, send } from '../support/http-client.js';
import { call, HANDSHAKE, openRaw } from '../support/raw-client.js';
import { noCache, startTransportHost, stream } from '../support/transport-host.js';

describe('a request', () => {
  test('a request of a transport that the hub does not offer is refused', async () => {
    await using host = await startTransportHost({ transports: ['WebSockets'] });
    const url = await negotiateUrl(host);
    expect((await send(url)).text).toBe('404 LongPolling transport not supported by this end point type');
    expect((await send(url, { headers: stream })).text).toBe(
      '404 ServerSentEvents transport not supported by this end point type',
    );
    await using client = await openRaw(host, url.slice(host.url.length));
    expect((await post(url, 'x')).text).toBe('405 POST requests are not allowed for WebSocket connections.');
    expect((await send(url, { method: 'DELETE' })).text).toBe(
      '400 Cannot terminate this connection using the DELETE endpoint.',
    );
    expect(client.waiting).toEqual([]);
  });

  test('the answer to a negotiate request lists the offered transports', async () => {
    await using host = await startTransportHost({ transports: ['LongPolling', 'ServerSentEvents'] });
    const response = await fetch(`${host.url}/hub/negotiate`, { method: 'POST' });
    expect((await response.json()) as unknown).toMatchObject({
      availableTransports: [
        { transport: 'ServerSentEvents', transferFormats: ['Text'] },
        { transport: 'LongPolling', transferFormats: ['Text', 'Binary'] },
      ],
    });
  });

  test('a request that uses another transport than its connection is refused', async () => {
    await using host = await startTransportHost();
    const polling = await openPolling(host);
    expect((await send(polling, { headers: stream })).text).toBe(
      '400 Cannot change transports mid-connection',
    );
    const streaming = await negotiateUrl(host);
    await using events = await openStream(streaming);
    const refused = await send(streaming);
    expect(refused.text).toBe('400 Cannot change transports mid-connection');
    expect(refused.headers).toMatchObject(noCache);
    expect((await send(streaming, { headers: stream })).text).toBe('409');
    expect((await send(streaming, { method: 'DELETE' })).text).toBe(
      '400 Cannot terminate this connection using the DELETE endpoint.',
    );
    expect(events.response.statusCode).toBe(200);
  });

  test.each([
    ['text/event-stream', 200, 'text/event-stream'],
    ['application/json, TEXT/EVENT-STREAM', 200, 'text/event-stream'],
    ['text/event-streams', 200, 'application/octet-stream'],
  ])(
    'a GET request with the Accept header %s receives status %i and the content type %s',
    async (accept, status, type) => {
      await using host = await startTransportHost();
      await using events = await openStream(await negotiateUrl(host), { Accept: accept });
      expect([events.response.statusCode, events.response.headers['content-type']]).toEqual([status, type]);
    },
  );

  test('a POST or DELETE request for a connection that no transport has opened is refused', async () => {
    await using host = await startTransportHost();
    const url = await negotiateUrl(host);
    expect((await post(url, HANDSHAKE)).status).toBe(404);
    expect((await send(url, { method: 'DELETE' })).status).toBe(400);
  });

  test('a request of a user who does not own the connection is refused', async () => {
    const authenticate: Authenticate<undefined> = ({ token, current, stage }) => {
      if (token === 'expired' && stage === 'request') return undefined;
      return { userId: token ?? current?.userId ?? 'anonymous', user: undefined };
    };
    await using host = await startTransportHost({ authenticate });
    const url = await openPolling(host);
    expect((await post(`${url}&access_token=mallory`, 'x')).text).toBe('403');
    expect((await send(`${url}&access_token=mallory`)).text).toBe('403');
    expect((await send(url, { method: 'DELETE', headers: { Authorization: 'Bearer mallory' } })).text).toBe(
      '403',
    );
    expect((await send(`${url}&access_token=expired`)).text).toBe('401');
    expect((await post(url, call('echo', ['mine']))).text).toBe('200');
    expect((await send(url)).text).toContain('mine');
  });

  test('every response to an allowed origin has CORS headers, including event streams', async () => {
    await using host = await startTransportHost({ allowedOrigins: ['https://app.example'] });
    const origin = { Origin: 'https://app.example' };
    const cors = {
      'access-control-allow-origin': 'https://app.example',
      'access-control-allow-credentials': 'true',
    };
    const polling = await negotiateUrl(host);
    expect((await send(polling, { headers: origin })).headers).toMatchObject(cors);
    expect((await post(polling, HANDSHAKE, origin)).headers).toMatchObject(cors);
    expect((await send(polling, { method: 'DELETE', headers: origin })).headers).toMatchObject(cors);
    await using events = await openStream(await negotiateUrl(host), origin);
    expect(events.response.headers).toMatchObject(cors);
  });
});

describe('a redirect', () => {
  test('a redirected client receives a negotiate answer with the new URL and without a connection id', async () => {
    await using host = await startTransportHost({
      redirectNegotiate: ({ query }) =>
        query.get('tenant') === 'a'
          ? { url: 'https://a.example/hub', accessToken: 'for-a' }
          : query.get('tenant') === 'b'
            ? { url: 'https://b.example/hub' }
            : undefined,
    });
    const negotiate = async (query: string) =>
      (await fetch(`${host.url}/hub/negotiate?negotiateVersion=1${query}`, { method: 'POST' })).text();
    expect(await negotiate('&tenant=a')).toBe(
      '{"negotiateVersion":1,"url":"https://a.example/hub","accessToken":"for-a","availableTransports":[]}',
    );
    expect(await negotiate('&tenant=b')).toBe(
      '{"negotiateVersion":1,"url":"https://b.example/hub","availableTransports":[]}',
    );
    expect(await negotiate('')).toContain('connectionToken');
  });
});
