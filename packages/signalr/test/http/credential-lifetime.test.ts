/*
 * Credentials during the life of a connection: their reported lifetime, their expiry, and which of two credentials is newer.
 */
import { HttpTransportType } from '@microsoft/signalr';
import { describe, expect, test } from 'vitest';
import {
  type Authenticated,
  type AuthenticateRequest,
  defineHub,
  type MapHubOptions,
} from '../../src/index.js';
import { type Host, startHost } from '../support/host.js';
import { negotiateUrl, openStream, post, send } from '../support/http-client.js';
import { call, connectRaw, HANDSHAKE, openRaw, RS } from '../support/raw-client.js';

const { WebSockets, ServerSentEvents, LongPolling } = HttpTransportType;

/**
 * Returns the user of a token. A token has the form `plan,seconds`. It expires `seconds` after the beginning
 * of the test. A token without `seconds` does not expire.
 */
function userOf(token: string | null): Authenticated<string> | undefined {
  const [plan = '', seconds] = (token ?? '').split(',');
  if (plan === 'bad') return undefined;
  if (plan === 'boom') throw new Error('the database is unavailable');
  const expiresAtMs = Date.UTC(2026, 0, 1) + Number(seconds) * 1_000;
  return { userId: 'ann', user: plan, ...(seconds === undefined ? {} : { expiresAtMs }) };
}

/** Returns the token from the `Authorization` header, the query or a cookie, or null if there is none. */
function tokenOf({ token, headers }: AuthenticateRequest): string | null {
  const cookie = typeof headers['cookie'] === 'string' ? headers['cookie'] : '';
  return token ?? /^session=(.+)$/.exec(cookie)?.[1] ?? null;
}

interface Stage extends Host {
  readonly asked: readonly string[];
  readonly refreshed: readonly string[];
}

async function start(
  options: Partial<MapHubOptions<string>> = {},
  until: (token: string | null) => Promise<void> | void = () => {},
): Promise<Stage> {
  const asked: string[] = [];
  const refreshed: string[] = [];
  const hub = defineHub<unknown, string>()({
    onAuthenticationRefreshed: ({ user }) => void refreshed.push(user),
    methods: { plan: ({ user }) => user },
  });
  const host = await startHost((server) =>
    server.mapHub('/hub', hub, {
      enableAuthenticationRefresh: true,
      closeOnAuthenticationExpiration: true,
      async authenticate(request) {
        const token = tokenOf(request);
        asked.push(`${request.stage} ${String(token)} of ${String(request.current?.user)}`);
        await until(token);
        return userOf(token);
      },
      ...options,
    }),
  );
  return Object.assign(host, { asked, refreshed });
}

const as = (token: string): Record<string, string> => ({ Authorization: `Bearer ${token}` });

const refresh = (url: string, token: string) => post(url.replace('/hub?', '/hub/refresh?'), '', as(token));

const pathOf = (host: Host, url: string): string => url.slice(host.url.length);

/** Waits until exactly `count` requests are open. The server notices the end of a request a little later than the client. */
async function untilOpen(host: Host, count: number): Promise<void> {
  await expect.poll(() => host.openRequests).toBe(count);
}

describe('credentials that expire', () => {
  test.each([
    ['WebSockets', 'a token', WebSockets, as('free,10')],
    ['WebSockets', 'a cookie', WebSockets, { Cookie: 'session=free,10' }],
    ['server-sent events', 'a token', ServerSentEvents, as('free,10')],
    ['server-sent events', 'a cookie', ServerSentEvents, { Cookie: 'session=free,10' }],
    ['long polling', 'a token', LongPolling, as('free,10')],
    ['long polling', 'a cookie', LongPolling, { Cookie: 'session=free,10' }],
  ])(
    'a connection over %s is closed when the credentials from %s expire',
    async (_name, _where, transport, headers) => {
      await using host = await start();
      const url = await negotiateUrl(host);
      const close = '{"type":7,"allowReconnect":true}';
      const expire = (): void => {
        host.clock.pass(9_000);
        expect(host.events.map(({ type }) => type)).toEqual(['connection_opened']);
        host.clock.pass(2_000);
      };
      if (transport === WebSockets) {
        await using client = await openRaw(host, pathOf(host, url), headers);
        expire();
        expect(await client.next()).toBe(close);
      } else if (transport === ServerSentEvents) {
        await using events = await openStream(url, headers);
        await post(url, HANDSHAKE, headers);
        await events.next();
        expire();
        expect(await events.next()).toBe(`data: ${close}${RS}`);
      } else {
        await send(url, { headers });
        await post(url, HANDSHAKE, headers);
        await send(url, { headers });
        await expect.poll(() => host.openRequests).toBe(0);
        const poll = send(url, { headers });
        await expect.poll(() => host.openRequests).toBe(1);
        expire();
        expect((await poll).text).toBe(`200 ${close}${RS}`);
        expect((await send(url, { headers })).status).toBe(204);
      }
      expect(await host.event('connection_closed')).toMatchObject({ reason: 'authentication_expired' });
    },
  );
});

describe('negotiate', () => {
  test.each([
    ['free', undefined],
    ['free,0', undefined],
    ['free,3600', 3_600],
    ['free,3153600000', 2_147_483_647],
  ])(
    'a negotiate request with the token %s is answered with a tokenLifetimeSeconds of %j',
    async (token, seconds) => {
      await using host = await start();
      const answer = await post(`${host.url}/hub/negotiate?negotiateVersion=1`, '', as(token));
      expect(Reflect.get(JSON.parse(answer.body.toString()) as object, 'tokenLifetimeSeconds')).toBe(seconds);
    },
  );
});

describe('the refresh of credentials', () => {
  test('a refresh passes the current user to authenticate, and a refused or failed refresh has no effect', async () => {
    await using host = await start();
    const url = await negotiateUrl(host);
    await using client = await openRaw(host, pathOf(host, url), as('free,50'));
    expect((await refresh(url, 'bad')).text).toBe('401 {"error":"invalid_token"}');
    expect((await refresh(url, 'boom')).text).toBe('500');
    expect(host.asked.slice(-2)).toEqual(['refresh bad of free', 'refresh boom of free']);
    client.send(call('plan'));
    expect(await client.next()).toContain('"result":"free"');
    expect(host.refreshed).toEqual([]);
    expect(await host.event('authentication_failed')).toMatchObject({
      error: { message: 'the database is unavailable' },
    });
  });

  test('a refresh with a delayed authentication does not replace the credentials of a newer refresh', async () => {
    let release: () => void = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    await using host = await start({}, (token) => (token === 'old,60' ? released : undefined));
    const url = await negotiateUrl(host);
    await using client = await openRaw(host, pathOf(host, url), as('free,50'));
    const late = refresh(url, 'old,60');
    await expect.poll(() => host.asked.at(-1)).toBe('refresh old,60 of free');
    expect((await refresh(url, 'paid,100')).text).toBe('200 {"tokenLifetimeSeconds":100}');
    release();
    expect((await late).text).toBe('200 {"tokenLifetimeSeconds":100}');
    client.send(call('plan'));
    expect(await client.next()).toContain('"result":"paid"');
    expect(host.refreshed).toEqual(['paid']);
  });

  test('a refresh of credentials for an ended connection receives 404', async () => {
    await using host = await start();
    const url = await negotiateUrl(host);
    await using client = await openRaw(host, pathOf(host, url));
    client.socket.close();
    await host.event('connection_closed');
    expect((await refresh(url, 'paid')).text).toBe('404 {"error":"connection_not_found"}');
  });

  test('a reconnect over a new socket with the same credentials does not run the hook onAuthenticationRefreshed', async () => {
    await using host = await start({ allowStatefulReconnects: true });
    const negotiated = await fetch(`${host.url}/hub/negotiate?negotiateVersion=1&useStatefulReconnect=true`, {
      method: 'POST',
    });
    const { connectionToken } = (await negotiated.json()) as { connectionToken: string };
    const path = `/hub?id=${connectionToken}`;
    await using client = await connectRaw(host, path, as('free,10'));
    client.send(HANDSHAKE.replace('1}', '2}'));
    await client.next();
    await using again = await connectRaw(host, path, as('free,10'));
    expect(await again.next()).toContain('"sequenceId"');
    again.send(`{"type":9,"sequenceId":1}${RS}${call('plan')}`);
    expect(await again.next()).toContain('"result":"free"');
    expect(host.refreshed).toEqual([]);
  });
});

describe('fresh credentials', () => {
  /**
   * Starts a hub. A token has the form `plan,seconds`. It expires `seconds` after the beginning of the test.
   * A token without `seconds` does not expire.
   */
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

  test('a late poll with older credentials does not replace newer credentials', async () => {
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
    host.clock.pass(14_000);
    await post(url, call('plan'), old);
    expect((await send(url, { headers: old })).text).toContain('"result":"paid"');
    // A poll can also bring newer credentials.
    await untilOpen(host, 0);
    const newest = send(url, { headers: { Authorization: 'Bearer gold,200' } });
    await untilOpen(host, 1);
    await post(url, call('plan'), old);
    expect((await newest).text).toContain('"result":"gold"');
  });

  test('a connection of negotiate version 0 cannot refresh its credentials, because its token is not secret', async () => {
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
  ])('a refresh with the token %s is answered with a tokenLifetimeSeconds of %j', async (token, seconds) => {
    await using host = await startPlans();
    const url = await negotiateUrl(host);
    await send(url, { headers: { Authorization: 'Bearer free,50' } });
    const answer = await post(refreshUrl(url), '', { Authorization: `Bearer ${token}` });
    expect(Reflect.get(JSON.parse(answer.body.toString()) as object, 'tokenLifetimeSeconds')).toBe(seconds);
  });

  test.each(['GET', 'PUT', 'DELETE'])('a refresh request with the method %s is refused', async (method) => {
    await using host = await startPlans();
    expect((await send(refreshUrl(await negotiateUrl(host)), { method })).status).toBe(405);
  });
});
