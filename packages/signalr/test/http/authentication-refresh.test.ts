/*
 * Credentials that expire while their connection is open, and fresh credentials for the connection.
 */
import { describe, expect, test } from 'vitest';
import {
  type Authenticate,
  createMemoryDirectory,
  defineHub,
  type MapHubOptions,
  method,
  parseArguments,
} from '../../src/index.js';
import { type Host, startHost } from '../support/host.js';
import { openPolling, post, send } from '../support/http-client.js';
import { startInstances } from '../support/instances.js';
import { call, connectRaw, HANDSHAKE, openRaw } from '../support/raw-client.js';

interface User {
  readonly plan: string;
}

/**
 * A token has the form `user,plan,seconds`. It expires `seconds` after the beginning of the test. A token
 * without `seconds` does not expire.
 */
const authenticate: Authenticate<User> = ({ token }) => {
  const [userId, plan, seconds] = (token ?? '').split(',');
  if (userId === undefined || plan === undefined) return undefined;
  if (seconds === undefined) return { userId, user: { plan } };
  return { userId, user: { plan }, expiresAtMs: Date.UTC(2026, 0, 1) + Number(seconds) * 1000 };
};

function start(
  options: Partial<MapHubOptions<User>>,
  refreshed: string[] = [],
  released: Promise<void> = Promise.resolve(),
): Promise<Host> {
  const hub = defineHub<unknown, User>()({
    onAuthenticationRefreshed(context) {
      refreshed.push(context.user.plan);
      if (context.user.plan === 'broken') throw new Error('broken');
    },
    methods: {
      plan: (context) => context.user.plan,
      paidOnly: method(parseArguments(), () => 'welcome', {
        authorize: ({ user }: { readonly user: User }) => user.plan === 'paid',
      }),
      async hang({ signal }) {
        signal.addEventListener('abort', () => refreshed.push('gone'));
        refreshed.push('hangs');
        await released;
        refreshed.push('returns');
      },
    },
  });
  return startHost((server) => server.mapHub('/hub', hub, { authenticate, ...options }));
}

async function negotiate(host: Pick<Host, 'url'>, token: string): Promise<Record<string, unknown>> {
  const url = `${host.url}/hub/negotiate?negotiateVersion=1&access_token=${token}`;
  return (await (await fetch(url, { method: 'POST' })).json()) as Record<string, unknown>;
}

describe('credentials that expire', () => {
  test('closeOnAuthenticationExpiration closes a connection when its credentials expire', async () => {
    await using host = await start({ closeOnAuthenticationExpiration: true });
    await using client = await openRaw(host, '/hub?access_token=ann,free,10');
    await using lasting = await openRaw(host, '/hub?access_token=bob,free');
    host.clock.pass(9_000);
    client.send(call('plan'));
    expect(await client.next()).toContain('free');
    host.clock.pass(2_000);
    expect(await client.next()).toBe('{"type":7,"allowReconnect":true}');
    expect(await client.closed).toBe(1000);
    expect(await host.event('connection_closed')).toMatchObject({
      reason: 'authentication_expired',
      error: undefined,
    });
    lasting.send(call('plan'));
    expect(await lasting.next()).toContain('free');
  });

  test('a connection stays open by default when its credentials expire', async () => {
    await using host = await start({});
    await using client = await openRaw(host, '/hub?access_token=ann,free,10');
    host.clock.pass(14_000);
    client.send(call('plan'));
    expect(await client.next()).toContain('free');
  });

  test('a poll with newer credentials renews the credentials of its connection', async () => {
    await using host = await start({ closeOnAuthenticationExpiration: true });
    const url = `${host.url}/hub?id=${String((await negotiate(host, 'ann,free,10'))['connectionToken'])}`;
    await send(`${url}&access_token=ann,free,10`);
    await post(`${url}&access_token=ann,free,10`, HANDSHAKE);
    await send(`${url}&access_token=ann,paid,100`);
    host.clock.pass(12_000);
    await post(`${url}&access_token=ann,paid,100`, call('plan'));
    expect((await send(`${url}&access_token=ann,paid,100`)).text).toContain('paid');
  });
});

/** Sends a refresh request in the same way as clients of .NET 11. */
function refresh(host: Pick<Host, 'url'>, id: string | undefined, token: string) {
  return post(`${host.url}/HUB/Refresh`, '', {
    Authorization: `Bearer ${token}`,
    ...(id === undefined ? {} : { 'X-SignalR-Connection-Token': id }),
  });
}

/** Starts a hub with a method `hang` that runs until `release` is called. `id` is the token of a negotiated connection. */
async function startHanging() {
  const log: string[] = [];
  let release: () => void = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const host = await start({ enableAuthenticationRefresh: true }, log, released);
  const id = String((await negotiate(host, 'ann,free'))['connectionToken']);
  return { host, log, id, release: () => release() };
}

describe('the refresh of credentials', () => {
  test('a refresh of credentials gives the connection the new user and the later expiry', async () => {
    const refreshed: string[] = [];
    await using host = await start(
      { closeOnAuthenticationExpiration: true, enableAuthenticationRefresh: true },
      refreshed,
    );
    const answer = await negotiate(host, 'ann,free,10');
    expect(answer['tokenLifetimeSeconds']).toBe(10);
    const id = String(answer['connectionToken']);
    await using client = await connectRaw(host, `/hub?id=${id}&access_token=ann,free,10`);
    client.send(HANDSHAKE);
    await client.next();
    const reply = await refresh(host, id, 'ann,paid,100');
    expect([reply.headers['content-type'], reply.text]).toEqual([
      'application/json',
      '200 {"tokenLifetimeSeconds":100}',
    ]);
    expect(refreshed).toEqual(['paid']);
    host.clock.pass(12_000);
    client.send(call('plan'));
    expect(await client.next()).toContain('paid');
  });

  test.each([
    [undefined, 'ann,paid', '400 {"error":"missing_connection_token"}'],
    ['', 'ann,paid', '400 {"error":"missing_connection_token"}'],
    ['nobody', 'ann,paid', '404 {"error":"connection_not_found"}'],
    ['own', 'bad', '401 {"error":"invalid_token"}'],
    ['own', 'bob,paid', '403 {"error":"user_changed"}'],
  ])(
    'a refresh for the connection token %j with the credentials %s is refused with %s',
    async (name, token, text) => {
      await using host = await start({ enableAuthenticationRefresh: true });
      const id = String((await negotiate(host, 'ann,free'))['connectionToken']);
      await using client = await connectRaw(host, `/hub?id=${id}&access_token=ann,free`);
      client.send(HANDSHAKE);
      await client.next();
      expect((await refresh(host, name === 'own' ? id : name, token)).text).toBe(text);
      client.send(call('plan'));
      expect(await client.next()).toContain('free');
    },
  );

  test('each call is authorized with the user of the latest refresh of credentials', async () => {
    await using host = await start({ enableAuthenticationRefresh: true });
    const id = String((await negotiate(host, 'ann,free'))['connectionToken']);
    await using client = await openRaw(host, `/hub?id=${id}&access_token=ann,free`);
    const [refused, served] = ['user is unauthorized', '"result":"welcome"'];
    client.send(call('paidOnly'));
    expect(await client.next()).toContain(refused);
    for (const [plan, answer] of [
      ['paid', served],
      ['free', refused],
      ['paid', served],
    ] as const) {
      expect((await refresh(host, id, `ann,${plan}`)).status).toBe(200);
      client.send(call('paidOnly'));
      expect(await client.next()).toContain(answer);
    }
  });

  test('successive refreshes of credentials run the hook onAuthenticationRefreshed once each, in order', async () => {
    const refreshed: string[] = [];
    await using host = await start({ enableAuthenticationRefresh: true }, refreshed);
    const id = String((await negotiate(host, 'ann,free'))['connectionToken']);
    await using _client = await openRaw(host, `/hub?id=${id}&access_token=ann,free`);
    for (const plan of ['paid', 'gold', 'free']) await refresh(host, id, `ann,${plan}`);
    expect(refreshed).toEqual(['paid', 'gold', 'free']);
  });

  test('a refresh of credentials takes effect even when the hook onAuthenticationRefreshed throws', async () => {
    await using host = await start({ enableAuthenticationRefresh: true });
    const id = String((await negotiate(host, 'ann,free'))['connectionToken']);
    await using client = await openRaw(host, `/hub?id=${id}&access_token=ann,free`);
    expect((await refresh(host, id, 'ann,broken')).text).toBe('200 {}');
    expect(await host.event('refreshed_hook_failed')).toMatchObject({ error: { message: 'broken' } });
    expect(client.waiting).toEqual([]);
    client.send(call('plan'));
    expect(await client.next()).toContain('broken');
  });

  test('several refreshes of credentials are answered while a method runs, and cause a single hook call after it', async () => {
    const hanging = await startHanging();
    await using host = hanging.host;
    const { id, log, release } = hanging;
    await using client = await openRaw(host, `/hub?id=${id}&access_token=ann,free`);
    client.send(call('hang') + call('plan', [], '2'));
    await expect.poll(() => log).toEqual(['hangs']);
    for (const plan of ['paid', 'gold']) {
      expect((await refresh(host, id, `ann,${plan}`)).status).toBe(200);
    }
    expect(log).toEqual(['hangs']);
    release();
    await expect.poll(() => log).toEqual(['hangs', 'returns', 'gold']);
    expect([await client.next(), await client.next()].join()).toContain('"result":"gold"');
  });

  test('onAuthenticationRefreshed does not run if the client disconnects while the hook waits for a method', async () => {
    const hanging = await startHanging();
    await using host = hanging.host;
    const { id, log, release } = hanging;
    const client = await openRaw(host, `/hub?id=${id}&access_token=ann,free`);
    client.send(call('hang'));
    await expect.poll(() => log).toEqual(['hangs']);
    await refresh(host, id, 'ann,paid');
    await client[Symbol.asyncDispose]();
    await expect.poll(() => log).toEqual(['hangs', 'gone']);
    release();
    await host.event('connection_closed');
    expect(log).toEqual(['hangs', 'gone', 'returns']);
  });

  test('a poll runs the hook onAuthenticationRefreshed only if its credentials are newer', async () => {
    const refreshed: string[] = [];
    await using host = await start({ enableAuthenticationRefresh: true }, refreshed);
    const url = `${host.url}/hub?id=${String((await negotiate(host, 'ann,free,10'))['connectionToken'])}`;
    const as = (token: string): string => `${url}&access_token=ann,${token}`;
    await send(as('free,10'));
    await post(as('free,10'), HANDSHAKE);
    await send(as('free,10'));
    for (const token of ['paid,100', 'paid,100', 'old,50']) {
      const poll = send(as(token));
      await post(as('free,10'), call('plan'));
      expect((await poll).text).toContain('"result":"paid"');
    }
    expect(refreshed).toEqual(['paid']);
  });

  test('a client that reconnects over a new socket can bring new credentials', async () => {
    const refreshed: string[] = [];
    await using host = await start(
      { enableAuthenticationRefresh: true, allowStatefulReconnects: true },
      refreshed,
    );
    const { connectionToken } = await negotiate(host, 'ann,free,10&useStatefulReconnect=true');
    const path = `/hub?id=${String(connectionToken)}&access_token=ann,`;
    await using client = await connectRaw(host, `${path}free,10`);
    client.send(HANDSHAKE.replace('1}', '2}'));
    await client.next();
    await using again = await connectRaw(host, `${path}paid,100`);
    await again.next();
    expect(refreshed).toEqual(['paid']);
  });

  test('a refresh of credentials accepts the connection token and the access token in the query', async () => {
    const refreshed: string[] = [];
    await using host = await start({ enableAuthenticationRefresh: true }, refreshed);
    const id = String((await negotiate(host, 'ann,free'))['connectionToken']);
    await using _client = await openRaw(host, `/hub?id=${id}&access_token=ann,free`);
    expect((await post(`${host.url}/hub/refresh?id=${id}&access_token=ann,paid`, '')).text).toBe('200 {}');
    await expect.poll(() => refreshed).toEqual(['paid']);
  });

  test('a refresh of credentials is forwarded to the instance that serves the connection', async () => {
    const refreshed: string[] = [];
    const directory = createMemoryDirectory();
    const hub = defineHub<unknown, User>()({
      onAuthenticationRefreshed: (context) => void refreshed.push(context.user.plan),
      methods: {},
    });
    await using row = await startInstances(
      2,
      (server) =>
        void server.mapHub('/hub', hub, {
          authenticate,
          allowStatefulReconnects: true,
          enableAuthenticationRefresh: true,
        }),
      (url) => ({ instances: { url, signingKeys: ['x'.repeat(32)], directory } }),
    );
    const [first, second] = row.instances;
    if (first === undefined || second === undefined) throw new Error('two instances');
    const { connectionToken } = await negotiate(first, 'ann,free&useStatefulReconnect=true');
    await using _client = await openRaw(first, `/hub?id=${String(connectionToken)}&access_token=ann,free`);
    expect((await refresh(second, String(connectionToken), 'ann,paid')).text).toBe('200 {}');
    await expect.poll(() => refreshed).toEqual(['paid']);
  });

  test('a request for the refresh path reaches the application if the refresh of credentials is disabled', async () => {
    await using host = await start({});
    expect((await post(`${host.url}/hub/refresh?id=x`, '')).text).toBe('200 other');
    expect(await negotiate(host, 'ann,free,10')).not.toHaveProperty('tokenLifetimeSeconds');
  });
});

test('a poll or POST without valid credentials is refused but does not end the connection', async () => {
  const hub = defineHub()({ methods: { echo: (_context, value) => value } });
  let isGood = true;
  await using host = await startHost((server) =>
    server.mapHub('/hub', hub, {
      authenticate: () => (isGood ? { userId: 'ann', user: undefined } : undefined),
    }),
  );
  const url = await openPolling(host);
  isGood = false;
  expect((await send(url)).text).toBe('401');
  expect((await post(url, call('echo', [1]))).text).toBe('401');
  isGood = true;
  await post(url, call('echo', [2]));
  expect((await send(url)).text).toContain('"result":2');
});
