/*
 * Which request of event streams and long polling gets which answer, beside the usual course: transports that are not
 * offered, connections that are over, requests that overlap, and hubs that are busy or hang.
 */
import { request } from 'node:http';
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { defineHub, type Hub, type TransportName } from '../../src/index.js';
import { type Host, startHost } from '../support/host.js';
import { negotiateUrl, openPolling, openStream, post, send, upgradeStatus } from '../support/http-client.js';
import { call, connectRaw, HANDSHAKE, RS } from '../support/raw-client.js';

const noCache = {
  'cache-control': 'no-cache, no-store',
  pragma: 'no-cache',
  expires: 'Thu, 01 Jan 1970 00:00:00 GMT',
};
const stream = { Accept: 'text/event-stream' };

interface Stage extends Host {
  /** What methods and hooks did. */
  readonly log: string[];
  /** Lets `slow` and `hang` return. */
  release(): void;
}

async function start(transports?: readonly TransportName[]): Promise<Stage> {
  const log: string[] = [];
  let release: () => void = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const hub = defineHub()({
    onConnected: ({ signal }) => signal.addEventListener('abort', () => log.push('aborted')),
    onDisconnected: () => void log.push('disconnected'),
    methods: {
      echo: (_context, value) => value,
      slow: () => released,
      hang: async () => {
        log.push('hangs');
        await released;
      },
      seen: ({ request: { query, headers } }) => [query.get('another'), headers['x-first']],
      leave: (context) => context.abort(),
    },
  });
  const host = await startHost(
    (server) => server.mapHub('/hub', hub, transports === undefined ? {} : { transports }),
    { maximumInboundBufferBytes: 1_000 },
  );
  return Object.assign(host, { log, release });
}

async function openEvents(url: string) {
  const events = await openStream(url);
  await post(url, HANDSHAKE);
  await events.next();
  return events;
}

/** Waits until so many requests are under way, no more: the last one's end is seen a little later by the server. */
async function untilOpen(host: Host, count: number): Promise<void> {
  await expect.poll(() => host.openRequests).toBe(count);
}

describe('a hub that offers', () => {
  const all: readonly TransportName[] = ['WebSockets', 'ServerSentEvents', 'LongPolling'];
  test.each([
    [['WebSockets']],
    [['ServerSentEvents']],
    [['LongPolling']],
    [['WebSockets', 'ServerSentEvents']],
    [[]],
  ] as [TransportName[]][])(
    '%j only refuses all others with 404, and negotiates what it has',
    async (offered) => {
      await using host = await start(offered);
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
  ])('of a poll at %j with %i is not cached', async (query, status) => {
    await using host = await start();
    const answer = await send(`${host.url}/hub${query}`);
    expect(answer.status).toBe(status);
    expect(answer.headers).toMatchObject(noCache);
    expect((await send(`${host.url}/hub${query}`, { headers: stream })).status).toBe(status);
    expect(await upgradeStatus(`${host.url}/hub${query}`)).toBe(status === 404 ? 404 : 101);
  });
});

describe('a connection that is over', () => {
  test.each(['ServerSentEvents', 'LongPolling'] as const)('is not found any more, over %s', async (name) => {
    await using host = await start();
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
  });
});

describe('the end of the transport', () => {
  test('waits for what an event stream’s client has sent before it left', async () => {
    await using host = await start();
    const url = await negotiateUrl(host);
    const events = await openEvents(url);
    await post(url, call('hang'));
    await events[Symbol.asyncDispose]();
    await expect.poll(() => host.log).toEqual(['hangs', 'aborted']);
    host.release();
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'client_closed' });
    expect(host.log).toEqual(['hangs', 'aborted', 'disconnected']);
  });

  test('aborts the signal of a long polling client that polls no more, and waits for its method', async () => {
    await using host = await start();
    const url = await openPolling(host);
    await post(url, call('hang'));
    await expect.poll(() => host.log).toEqual(['hangs']);
    host.clock.advance(20_000);
    await expect.poll(() => host.log).toEqual(['hangs', 'aborted']);
    host.release();
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'transport_lost' });
    expect(host.log).toEqual(['hangs', 'aborted', 'disconnected']);
  });
});

describe('DELETE', () => {
  test('between two polls ends the connection as well', async () => {
    await using host = await start();
    const url = await openPolling(host);
    const answer = await send(url, { method: 'DELETE' });
    expect([answer.status, answer.headers['content-type']]).toEqual([202, 'text/plain']);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'client_closed' });
    expect((await send(url)).status).toBe(404);
  });

  test('is answered and ends the poll while the hub hangs', async () => {
    await using host = await start();
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

describe('a POST', () => {
  test('that is half sent when its connection ends is answered with 404 once it is whole', async () => {
    await using host = await start();
    const url = await openPolling(host);
    await untilOpen(host, 0);
    const posted = request(url, { method: 'POST', agent: false });
    const status = new Promise((resolve) => {
      posted.on('response', (response) => resolve(response.statusCode));
    });
    const whole = call('echo', ['x']);
    posted.write(whole.slice(0, 10));
    await untilOpen(host, 1);
    await send(url, { method: 'DELETE' });
    posted.end(whole.slice(10));
    expect(await status).toBe(404);
  });
});

describe('a timeout of the HTTP server', () => {
  test.each(['ServerSentEvents', 'LongPolling'] as const)(
    'does not end what waits for news, over %s',
    async (name) => {
      await using host = await start();
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

describe('two POSTs at once', () => {
  test.each(['ServerSentEvents', 'LongPolling'] as const)(
    'are read one after the other, over %s',
    async (name) => {
      await using host = await start();
      const url = name === 'LongPolling' ? await openPolling(host) : await negotiateUrl(host);
      await using events = name === 'LongPolling' ? undefined : await openEvents(url);
      // The first is half sent when the second comes.
      const whole = call('echo', ['first'], '1');
      const first = request(url, { method: 'POST', agent: false });
      const firstStatus = new Promise((resolve) => {
        first.on('response', (response) => resolve(response.statusCode));
      });
      const openBefore = name === 'LongPolling' ? 0 : 1;
      await untilOpen(host, openBefore);
      first.write(whole.slice(0, 20));
      await untilOpen(host, openBefore + 1);
      const second = post(url, call('echo', ['second'], '2'));
      await untilOpen(host, openBefore + 2);
      first.end(whole.slice(20));
      expect([await firstStatus, (await second).status]).toEqual([200, 200]);
      const answers =
        events === undefined ? (await send(url)).text : (await events.next()) + (await events.next());
      expect(answers.indexOf('first')).toBeGreaterThan(0);
      expect(answers.indexOf('second')).toBeGreaterThan(answers.indexOf('first'));
    },
  );
});

describe('a busy hub', () => {
  test('holds back the POSTs of an event stream, and answers them when it has room', async () => {
    await using host = await start();
    const url = await negotiateUrl(host);
    await using events = await openEvents(url);
    await post(url, call('slow') + call('slow', [], '2'));
    await untilOpen(host, 1);
    const held = post(url, call('echo', ['y'.repeat(2_000)], '3'));
    await untilOpen(host, 2);
    for (let round = 0; round < 3; round += 1) await fetch(`${host.url}/x`);
    await untilOpen(host, 2);
    host.release();
    expect((await held).status).toBe(200);
    for (const id of ['1', '2', '3']) expect(await events.next()).toContain(`"invocationId":"${id}"`);
  });

  test('does not hold back the polls while a POST waits', async () => {
    let hub: Hub<{ note(text: string): void }> | undefined;
    let release: () => void = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    await using host = await startHost(
      (server) => {
        hub = server.mapHub(
          '/hub',
          defineHub<{ note(text: string): void }>()({ methods: { slow: () => released } }),
        );
      },
      { maximumInboundBufferBytes: 500 },
    );
    const url = await openPolling(host);
    await post(url, call('slow') + call('slow', [], '2'));
    await untilOpen(host, 0);
    const held = post(url, call('slow', ['y'.repeat(2_000)], '3'));
    await untilOpen(host, 1);
    const poll = send(url);
    hub?.clients.all.send('note', 'in between');
    expect((await poll).text).toContain('in between');
    await untilOpen(host, 1);
    release();
    expect((await held).status).toBe(200);
  });
});

describe('the request of a long polling connection', () => {
  test('is the one that opened it, also between polls and for later ones', async () => {
    await using host = await start();
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
  test('of an event stream is closed when it takes no byte for the send timeout', async () => {
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
    host.clock.advance(9_000);
    expect(hub?.connections.count).toBe(1);
    host.clock.advance(10_000);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'send_timeout' });
  });
});

describe('a client that does not read the answer to its poll', () => {
  test('is lost as one that polls no more, and so is its socket', async () => {
    let hub: Hub<{ note(text: string): void }> | undefined;
    await using host = await startHost(
      (server) => {
        hub = server.mapHub('/hub', defineHub<{ note(text: string): void }>()({ methods: {} }));
      },
      { maximumOutboundBytes: 100_000_000 },
    );
    const poll = request(await openPolling(host), { agent: false });
    poll.on('error', () => {}); // it is cut off
    poll.on('response', (response) => response.pause().on('error', () => {}));
    await untilOpen(host, 0);
    poll.end();
    await untilOpen(host, 1);
    hub?.clients.all.send('note', 'x'.repeat(20_000_000));
    await expect.poll(() => hub?.connections.waitingBytes).toBe(0);
    host.clock.advance(14_000);
    expect(hub?.connections.count).toBe(1);
    host.clock.advance(3_000);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'transport_lost' });
    await untilOpen(host, 0);
  });
});

describe('a WebSocket', () => {
  test('whose client does not answer the close frame is cut off after its time', async () => {
    await using host = await start(['WebSockets']);
    await using client = await connectRaw(host);
    client.send(HANDSHAKE + call('leave'));
    client.socket.pause();
    await expect.poll(() => host.log).toEqual(['aborted', 'disconnected']);
    host.clock.advance(4_000);
    expect(host.events.map(({ type }) => type)).toEqual(['connection_opened']);
    host.clock.advance(3_000);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'aborted' });
  });
});

describe('fresh credentials', () => {
  /** A token is `plan,seconds`: seconds from the beginning of the test until it expires. */
  function startPlans(): Promise<Host> {
    const hub = defineHub<unknown, string>()({ methods: { plan: ({ user }) => user } });
    return startHost((server) =>
      server.mapHub('/hub', hub, {
        closeOnAuthenticationExpiration: true,
        enableAuthenticationRefresh: true,
        authenticate: ({ token }) => {
          const [plan = '', seconds] = (token ?? '').split(',');
          const expiresAtMs = Date.UTC(2026, 0, 1) + Number(seconds) * 1_000;
          return { userId: 'ann', user: plan, ...(seconds === undefined ? {} : { expiresAtMs }) };
        },
      }),
    );
  }
  const refreshUrl = (url: string): string => url.replace('/hub?', '/hub/refresh?');

  test('are not taken back by a poll that comes late with older ones', async () => {
    await using host = await startPlans();
    const url = await negotiateUrl(host);
    const old = { Authorization: 'Bearer free,10' };
    await send(url, { headers: old });
    await post(url, HANDSHAKE, old);
    await send(url, { headers: old });
    expect((await post(refreshUrl(url), '', { Authorization: 'Bearer paid,100' })).status).toBe(200);
    const late = send(url, { headers: old });
    await post(url, call('plan'), old);
    expect((await late).text).toContain('"result":"paid"');
    host.clock.advance(14_000);
    await post(url, call('plan'), old);
    expect((await send(url, { headers: old })).text).toContain('"result":"paid"');
    // Later ones are taken from a poll as well.
    await untilOpen(host, 0);
    const newest = send(url, { headers: { Authorization: 'Bearer gold,200' } });
    await untilOpen(host, 1);
    await post(url, call('plan'), old);
    expect((await newest).text).toContain('"result":"gold"');
  });

  test('are refused to a connection whose public id is all that there is of it', async () => {
    await using host = await startPlans();
    const { connectionId } = (await (
      await fetch(`${host.url}/hub/negotiate`, { method: 'POST' })
    ).json()) as {
      connectionId: string;
    };
    await using client = await connectRaw(host, `/hub?id=${connectionId}&access_token=free`);
    client.send(HANDSHAKE);
    await client.next();
    const answer = await post(`${host.url}/hub/refresh?id=${connectionId}`, '', {
      Authorization: 'Bearer paid',
    });
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body.toString())).toMatchObject({ error: 'unsupported_negotiate_version' });
    client.send(call('plan'));
    expect(await client.next()).toContain('"result":"free"');
  });

  test.each([
    ['paid', undefined],
    ['paid,3153600000', 2_147_483_647],
    ['paid,100', 100],
  ])('of %s last for %j seconds', async (token, seconds) => {
    await using host = await startPlans();
    const url = await negotiateUrl(host);
    await send(url, { headers: { Authorization: 'Bearer free,50' } });
    const answer = await post(refreshUrl(url), '', { Authorization: `Bearer ${token}` });
    expect(Reflect.get(JSON.parse(answer.body.toString()) as object, 'tokenLifetimeSeconds')).toBe(seconds);
  });

  test.each(['GET', 'PUT', 'DELETE'])('are not given for %s', async (method) => {
    await using host = await startPlans();
    expect((await send(refreshUrl(await negotiateUrl(host)), { method })).status).toBe(405);
  });
});
