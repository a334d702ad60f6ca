/*
 * Which of two credentials of a connection counts, and credentials that a hub method gives to its connection.
 */
import { expect, test } from 'vitest';
import { type Authenticated, defineHub, method, parseArguments } from '../../src/index.js';
import { type Host, startHost } from '../support/host.js';
import { post } from '../support/http-client.js';
import { call, connectRaw, HANDSHAKE, openRaw } from '../support/raw-client.js';

const startMs = Date.UTC(2026, 0, 1);
const isText = (value: unknown): value is string => typeof value === 'string';

/** Reads a token of the form `user,plan,issued,expires`, with times in seconds from the beginning of the test. */
function credentialsOf(token: string): Authenticated<string> {
  const [userId = '', plan = '', issued = '0', expires = '1000'] = token.split(',');
  const [issuedAtMs, expiresAtMs] = [startMs + Number(issued) * 1_000, startMs + Number(expires) * 1_000];
  return { userId, user: plan, issuedAtMs, expiresAtMs };
}

function start(): Promise<Host> {
  const hub = defineHub<unknown, string>()({
    methods: {
      plan: ({ user }) => user,
      renew: method(parseArguments(isText), (context, token) =>
        context.refreshAuthentication(credentialsOf(token)),
      ),
    },
  });
  return startHost((server) =>
    server.mapHub('/hub', hub, {
      closeOnAuthenticationExpiration: true,
      enableAuthenticationRefresh: true,
      authenticate: ({ token }) => credentialsOf(token ?? ''),
    }),
  );
}

test('credentials that were issued later replace those that expire later', async () => {
  await using host = await start();
  const negotiated = await fetch(
    `${host.url}/hub/negotiate?negotiateVersion=1&access_token=ann,free,10,1000`,
    {
      method: 'POST',
    },
  );
  const { connectionToken: id } = (await negotiated.json()) as { readonly connectionToken: string };
  await using client = await connectRaw(host, `/hub?id=${id}&access_token=ann,free,10,1000`);
  client.send(HANDSHAKE);
  await client.next();
  for (const [token, plan] of [
    ['ann,paid,20,500', 'paid'],
    ['ann,old,15,2000', 'paid'],
    ['ann,gold,20,600', 'gold'],
  ] as const) {
    await post(`${host.url}/hub/refresh?id=${id}&access_token=${token}`, '');
    client.send(call('plan'));
    expect(await client.next()).toContain(`"result":"${plan}"`);
  }
});

test('a hub method can give its connection fresh credentials, which take effect at once', async () => {
  await using host = await start();
  await using client = await openRaw(host, '/hub?access_token=ann,free,0,10');
  client.send(call('renew', ['ann,paid,5,100']));
  expect(await client.next()).toContain('"result":true');
  client.send(call('plan'));
  expect(await client.next()).toContain('"result":"paid"');
  host.clock.pass(14_000);
  client.send(call('plan'));
  expect(await client.next()).toContain('"result":"paid"');
});

test.each([
  ['of another user', 'bob,paid,5,100'],
  ['that are older', 'ann,paid,-5,100'],
])('a hub method cannot give its connection credentials %s', async (_, token) => {
  await using host = await start();
  await using client = await openRaw(host, '/hub?access_token=ann,free,0,10');
  client.send(call('renew', [token]));
  expect(await client.next()).toContain('"result":false');
  client.send(call('plan'));
  expect(await client.next()).toContain('"result":"free"');
});
