/*
 * Server-sent events and long polling, request by request: statuses, headers, bodies, order, and how they end.
 */
import { describe, expect, test } from 'vitest';
import {
  type Authenticate,
  defineHub,
  type HubContext,
  JsonText,
  type MapHubOptions,
  type SignalRServerOptions,
} from '../../src/index.js';
import { type Host, startHost } from '../support/host.js';
import { negotiateUrl, openPolling, openStream, post, send } from '../support/http-client.js';
import { call, HANDSHAKE, openRaw, RS } from '../support/raw-client.js';

type Context = HubContext<{ note(text: string): void }, undefined, Record<string, unknown>>;

function start(map: MapHubOptions<undefined> = {}, options: SignalRServerOptions = {}): Promise<Host> {
  const hub = defineHub<{ note(text: string): void; raw(value: unknown): void }>()({
    methods: {
      echo: (_context, value) => value,
      notes(context: Context, count) {
        for (let index = 0; index < Number(count); index += 1)
          context.clients.caller.send('note', String(index));
      },
      raw: (context) => context.clients.caller.send('raw', new JsonText('{\n"a":\r\n1}')),
      leave: (context) => context.abort(),
    },
  });
  return startHost((server) => server.mapHub('/hub', hub, map), options);
}

const noCache = {
  'cache-control': 'no-cache, no-store',
  pragma: 'no-cache',
  expires: 'Thu, 01 Jan 1970 00:00:00 GMT',
};
const stream = { Accept: 'text/event-stream' };

describe('a request', () => {
  test('is refused when its transport is not offered', async () => {
    await using host = await start({ transports: ['WebSockets'] });
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

  test('names what negotiate offers', async () => {
    await using host = await start({ transports: ['LongPolling', 'ServerSentEvents'] });
    const response = await fetch(`${host.url}/hub/negotiate`, { method: 'POST' });
    expect((await response.json()) as unknown).toMatchObject({
      availableTransports: [
        { transport: 'ServerSentEvents', transferFormats: ['Text'] },
        { transport: 'LongPolling', transferFormats: ['Text', 'Binary'] },
      ],
    });
  });

  test('of another transport than the first is refused', async () => {
    await using host = await start();
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
  ])('with Accept %s is told apart', async (accept, status, type) => {
    await using host = await start();
    await using events = await openStream(await negotiateUrl(host), { Accept: accept });
    expect([events.response.statusCode, events.response.headers['content-type']]).toEqual([status, type]);
  });

  test('to a connection that is only negotiated has nothing to send to', async () => {
    await using host = await start();
    const url = await negotiateUrl(host);
    expect((await post(url, HANDSHAKE)).status).toBe(404);
    expect((await send(url, { method: 'DELETE' })).status).toBe(400);
  });

  test('is refused to everybody but the user of the connection', async () => {
    const authenticate: Authenticate<undefined> = ({ token, current, stage }) => {
      if (token === 'expired' && stage === 'request') return undefined;
      return { userId: token ?? current?.userId ?? 'anonymous', user: undefined };
    };
    await using host = await start({ authenticate });
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

  test('of an allowed origin gets CORS headers on every answer, streams included', async () => {
    await using host = await start({ allowedOrigins: ['https://app.example'] });
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

describe('an event stream', () => {
  test('carries one event per message and nothing but data lines', async () => {
    await using host = await start();
    const url = await negotiateUrl(host);
    await using events = await openStream(url);
    expect(events.response.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache,no-store',
      pragma: 'no-cache',
      'content-encoding': 'identity',
    });
    const posted = await post(url, HANDSHAKE + call('raw'));
    expect([posted.status, posted.headers['content-type'], posted.body.length]).toEqual([
      200,
      'text/plain',
      0,
    ]);
    expect(await events.next()).toBe(`:\r\ndata: {}${RS}`);
    expect(await events.next()).toBe(`data: {"type":1,"target":"raw","arguments":[{ "a":  1}]}${RS}`);
    expect(await events.next()).toContain('"result":1');
  });

  test('carries a message of any size as one event', async () => {
    await using host = await start({}, { maximumReceiveMessageBytes: 200_000 });
    const url = await negotiateUrl(host);
    await using events = await openStream(url);
    const text = 'H'.repeat(60_000) + 'W'.repeat(60_000);
    await post(url, HANDSHAKE + call('echo', [text]));
    await events.next();
    expect(await events.next()).toBe(`data: {"type":3,"invocationId":"1","result":"${text}"}${RS}`);
  });

  test('refuses a binary protocol in its handshake', async () => {
    await using host = await start();
    const url = await negotiateUrl(host);
    await using events = await openStream(url);
    await post(url, `{"protocol":"messagepack","version":1}${RS}`);
    expect(await events.next()).toContain(
      "Cannot use the 'messagepack' protocol on the current transport. The transport does not support 'Binary' transfer format.",
    );
    await events.ended;
    expect((await post(url, 'x')).status).toBe(404);
  });

  test('takes bodies that split and join messages anywhere, in order', async () => {
    await using host = await start();
    const url = await negotiateUrl(host);
    await using events = await openStream(url);
    const bytes = HANDSHAKE + Array.from({ length: 5 }, (_, index) => call('echo', [index])).join('');
    for (let offset = 0; offset < bytes.length; offset += 60) {
      expect((await post(url, bytes.slice(offset, offset + 60))).status).toBe(200);
    }
    await events.next();
    for (let index = 0; index < 5; index += 1) expect(await events.next()).toContain(`"result":${index}`);
  });

  test('that the client leaves has ended properly', async () => {
    await using host = await start();
    const url = await negotiateUrl(host);
    const events = await openStream(url);
    await post(url, HANDSHAKE);
    await events[Symbol.asyncDispose]();
    expect(await host.event('connection_closed')).toMatchObject({
      reason: 'client_closed',
      error: undefined,
    });
    expect((await post(url, 'x')).text).toBe('404 No Connection with that ID');
  });

  test('ends after the Close message', async () => {
    await using host = await start();
    const url = await negotiateUrl(host);
    await using events = await openStream(url);
    await post(url, HANDSHAKE + call('leave'));
    await events.next();
    expect(await events.next()).toBe(`data: {"type":7}${RS}`);
    await events.ended;
    await host.event('connection_closed');
  });
});

describe('long polling', () => {
  test('answers the first poll at once and empty, and later ones with what there is', async () => {
    await using host = await start();
    const url = await negotiateUrl(host);
    const first = await send(`${url}&_=1`);
    expect([first.status, first.headers['content-length'], first.body.length]).toEqual([200, '0', 0]);
    expect(first.headers).toMatchObject(noCache);
    await post(url, HANDSHAKE);
    const handshake = await send(url);
    expect(handshake.text).toBe(`200 {}${RS}`);
    expect(handshake.headers).toMatchObject({ ...noCache, 'content-type': 'application/octet-stream' });
    const waiting = send(url);
    await post(url, call('notes', [3]));
    const answer = (await waiting).body.toString().split(RS);
    expect(answer.slice(0, 3).map((record) => JSON.parse(record) as unknown)).toMatchObject([
      { arguments: ['0'] },
      { arguments: ['1'] },
      { arguments: ['2'] },
    ]);
  });

  test('carries binary messages', async () => {
    await using host = await start();
    const url = await negotiateUrl(host);
    await send(url);
    await post(url, `{"protocol":"messagepack","version":1}${RS}`);
    expect((await send(url)).text).toBe(`200 {}${RS}`);
    const bytes = Buffer.from('0d960180a131a46563686f912a90', 'hex');
    await post(url, bytes.subarray(0, 3));
    await post(url, bytes.subarray(3));
    expect((await send(url)).body.toString('hex')).toBe('07950380a131032a');
  });

  test('loses nothing that is sent between two polls', async () => {
    await using host = await start();
    const url = await openPolling(host);
    await post(url, call('notes', [2_000]));
    const seen: string[] = [];
    while (seen.length < 2_001) {
      const answer = await send(url);
      expect(answer.body.length).toBeLessThan(70_000);
      seen.push(...answer.body.toString().split(RS).slice(0, -1));
    }
    const notes = seen
      .slice(0, -1)
      .map((record) => (JSON.parse(record) as { arguments: string[] }).arguments[0]);
    expect(notes).toEqual(Array.from({ length: 2_000 }, (_, index) => String(index)));
  });

  test('gives an older poll 204 when a newer one comes', async () => {
    await using host = await start();
    const url = await openPolling(host);
    const older = send(url);
    await expect.poll(() => host.openRequests).toBe(1);
    const newer = send(url);
    expect((await older).status).toBe(204);
    await post(url, call('echo', ['x']));
    expect((await newer).text).toContain('"x"');
  });

  test('ends a poll without news after its timeout, and the client polls on', async () => {
    await using host = await start({}, { pollTimeoutMs: 20_000 });
    const url = await openPolling(host);
    const waiting = send(url);
    await expect.poll(() => host.openRequests).toBe(1);
    host.clock.advance(21_000);
    const answer = await waiting;
    expect([answer.status, answer.body.length]).toEqual([200, 0]);
    await post(url, call('echo', ['still']));
    expect((await send(url)).text).toContain('still');
  });

  test('sends no pings, and does not miss those of its client', async () => {
    await using host = await start({}, { keepAliveIntervalMs: 2_000, clientTimeoutMs: 4_000 });
    const url = await openPolling(host);
    await post(url, `{"type":6}${RS}`);
    const waiting = send(url);
    await expect.poll(() => host.openRequests).toBe(1);
    host.clock.advance(60_000);
    await post(url, call('echo', ['first']));
    expect((await waiting).text).toContain('"first"');
  });

  test('gives up a client that polls no more', async () => {
    await using host = await start({}, { disconnectTimeoutMs: 10_000 });
    const url = await openPolling(host);
    host.clock.advance(9_000);
    expect(host.events.some(({ type }) => type === 'connection_closed')).toBe(false);
    host.clock.advance(3_000);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'transport_lost' });
    expect((await send(url)).text).toBe('404 No Connection with that ID');
  });

  test('delivers the Close message first and 204 with the next poll', async () => {
    await using host = await start();
    const url = await openPolling(host);
    await post(url, call('leave'));
    expect((await send(url)).text).toBe(`200 {"type":7}${RS}`);
    expect((await send(url)).text).toBe('204');
    await host.event('connection_closed');
    expect((await send(url)).text).toBe('404 No Connection with that ID');
  });

  test('is ended by DELETE: the poll that waits gets 204, then there is no such connection', async () => {
    await using host = await start();
    const url = await openPolling(host);
    const waiting = send(url);
    await expect.poll(() => host.openRequests).toBe(1);
    const deleted = await send(url, { method: 'DELETE' });
    expect([deleted.text, deleted.headers['content-type']]).toEqual(['202', 'text/plain']);
    expect((await waiting).status).toBe(204);
    expect(await host.event('connection_closed')).toMatchObject({
      reason: 'client_closed',
      error: undefined,
    });
    expect((await post(url, 'x')).status).toBe(404);
    expect((await send(url)).status).toBe(404);
    expect((await send(url, { method: 'DELETE' })).status).toBe(404);
  });

  test('survives a poll that the client gives up', async () => {
    await using host = await start();
    const url = await openPolling(host);
    const abort = new AbortController();
    const waiting = fetch(url, { signal: abort.signal }).catch(() => 'aborted');
    await expect.poll(() => host.openRequests).toBe(1);
    abort.abort();
    expect(await waiting).toBe('aborted');
    await expect.poll(() => host.openRequests).toBe(0);
    await post(url, call('echo', ['kept']));
    expect((await send(url)).text).toContain('kept');
  });
});

describe('a busy hub', () => {
  test('does not answer a POST before it has room for more', async () => {
    let release: () => void = () => {};
    const hub = defineHub()({
      methods: {
        slow: () =>
          new Promise<void>((resolve) => {
            release = resolve;
          }),
        echo: (_context, value) => value,
      },
    });
    await using host = await startHost((server) => server.mapHub('/hub', hub), {
      maximumInboundBufferBytes: 1_000,
    });
    const url = await openPolling(host);
    await post(url, call('slow') + call('echo', ['waits'], '0'));
    let isAnswered = false;
    const big = post(url, call('echo', ['y'.repeat(2_000)], '2')).then((reply) => {
      isAnswered = true;
      return reply;
    });
    const next = post(url, call('echo', ['z'], '3'));
    for (let round = 0; round < 3; round += 1) expect((await fetch(`${host.url}/x`)).status).toBe(200);
    expect(isAnswered).toBe(false);
    release();
    expect((await big).status).toBe(200);
    expect((await next).status).toBe(200);
    let seen = '';
    while (!seen.includes('"z"')) seen += (await send(url)).body.toString();
    expect(seen.indexOf('yyy')).toBeLessThan(seen.indexOf('"z"'));
  });

  test('answers 404 to a POST that waits when the connection ends', async () => {
    const hub = defineHub()({ methods: { slow: () => new Promise<void>(() => {}) } });
    await using host = await startHost((server) => server.mapHub('/hub', hub), {
      maximumInboundBufferBytes: 500,
    });
    const url = await openPolling(host);
    await post(url, call('slow') + call('slow'));
    const stuck = post(url, call('slow', ['y'.repeat(2_000)]));
    for (let round = 0; round < 3; round += 1) expect((await fetch(`${host.url}/x`)).status).toBe(200);
    await send(url, { method: 'DELETE' });
    expect((await stuck).status).toBe(404);
  });
});

describe('a redirect', () => {
  test('is all that a client is told', async () => {
    await using host = await start({
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
