/*
 * A connection belongs to the user who negotiated it, and later to the user who opened it. Other users cannot use its token.
 */
import { describe, expect, test } from 'vitest';
import { type Authenticate, createMemoryDirectory, defineHub } from '../../src/index.js';
import { type Host, startHost } from '../support/host.js';
import { openStream, post, send, upgradeStatus } from '../support/http-client.js';
import { startInstances } from '../support/instances.js';
import { call, connectRaw, HANDSHAKE, openRaw, RS } from '../support/raw-client.js';

/** A token is the user's id. A client without a token has no user id. */
const authenticate: Authenticate<string> = ({ token, query }) => ({
  userId: token === '' ? null : token,
  user: query.get('mood') ?? 'calm',
});

const hub = defineHub<unknown, string>()({
  methods: {
    who: ({ userId, user }) => `${String(userId)}, ${user}`,
    echo: (_context, value) => value,
  },
});

function start(): Promise<Host> {
  return startHost(
    (server) => void server.mapHub('/hub', hub, { authenticate, allowStatefulReconnects: true }),
  );
}

/**
 * Negotiates as the user `name`. Returns the path and the query of the connection. The query ends with `access_token=`, so
 * that a test can append any user's name.
 */
async function negotiateAs({ url }: Pick<Host, 'url'>, name: string, version = 1): Promise<string> {
  const answer = await fetch(
    `${url}/hub/negotiate?negotiateVersion=${version}&useStatefulReconnect=true&access_token=${name}`,
    { method: 'POST' },
  );
  const { connectionToken, connectionId } = (await answer.json()) as Record<string, string>;
  return `/hub?id=${connectionToken ?? connectionId}&access_token=`;
}

/** Checks that all users except `ann` are refused, and that `ann` can open the connection afterwards. */
async function expectOnlyAnn(atMallory: Pick<Host, 'url'>, atAnn: Pick<Host, 'url'>, path: string) {
  for (const name of ['mallory', 'ANN', '']) {
    const url = `${atMallory.url}${path}${name}`;
    expect(await upgradeStatus(url)).toBe(403);
    expect((await send(url)).text).toBe('403');
    expect((await send(url, { headers: { Accept: 'text/event-stream' } })).status).toBe(403);
    expect((await post(url, HANDSHAKE)).text).toBe('403');
    expect((await send(url, { method: 'DELETE' })).text).toBe('403');
  }
  await using client = await openRaw(atAnn, `${path}ann`);
  client.send(call('who'));
  expect(await client.next()).toContain('"result":"ann, calm"');
}

describe('a connection that one user has negotiated', () => {
  test('a user cannot open a connection that another user negotiated, over any transport', async () => {
    await using host = await start();
    await expectOnlyAnn(host, host, await negotiateAs(host, 'ann'));
    expect(await host.event('request_refused')).toMatchObject({ reason: 'other_user' });
  });

  test('a user cannot open a connection that another user negotiated, even on an instance that knows only the token', async () => {
    const directory = createMemoryDirectory();
    await using row = await startInstances(
      2,
      (server) => void server.mapHub('/hub', hub, { authenticate, allowStatefulReconnects: true }),
      (url) => ({ instances: { url, signingKeys: ['x'.repeat(32)], directory } }),
    );
    const [first, second] = row.instances;
    if (first === undefined || second === undefined) throw new Error('two instances');
    await expectOnlyAnn(second, second, await negotiateAs(first, 'ann'));
    await expectOnlyAnn(first, second, await negotiateAs(first, 'ann', 0));
    const tokens = await Promise.all([negotiateAs(first, 'ann'), negotiateAs(first, 'ann')]);
    const [one = '', other = ''] = tokens.map((path) => path.split(/[=&]/)[1]);
    // Two tokens of one user have no four bytes in common, except for the flags and the time at the beginning.
    const rest = (token: string): string => Buffer.from(token, 'base64url').toString('hex', 5);
    expect([...rest(one).matchAll(/.{8}/g)].filter(([part]) => rest(other).includes(part))).toEqual([]);
  });

  test('every client can open a connection that was negotiated without a user', async () => {
    await using host = await start();
    const path = (await negotiateAs(host, '')).replace('&access_token=', '');
    await using client = await openRaw(host, `${path}&access_token=bob`);
    client.send(call('who'));
    expect(await client.next()).toContain('"result":"bob, calm"');
  });
});

describe('an open connection', () => {
  test('a user cannot resume the open connection of another user, and the connection continues for its owner', async () => {
    await using host = await start();
    const path = await negotiateAs(host, 'ann');
    await using client = await connectRaw(host, `${path}ann`);
    client.send(HANDSHAKE.replace('1}', '2}'));
    await client.next();
    expect(await upgradeStatus(`${host.url}${path}mallory`)).toBe(403);
    client.send(call('who'));
    expect(await client.next()).toContain('"result":"ann, calm"');
    expect(host.events.map(({ type }) => type)).toEqual(['connection_opened', 'request_refused']);
  });

  test('a connection without a user id accepts new user data from its client, but no user id', async () => {
    await using host = await start();
    const path = (await negotiateAs(host, '')).replace('&access_token=', '');
    const url = host.url + path;
    await send(url);
    await post(url, HANDSHAKE);
    expect((await send(`${url}&mood=merry`)).text).toBe(`200 {}${RS}`);
    await post(url, call('who'));
    expect((await send(`${url}&mood=merry`)).text).toContain('"result":"null, merry"');
    expect((await send(`${url}&access_token=mallory`)).text).toBe('403');
  });

  test.each([
    ['a single instance', undefined],
    [
      'one of several instances',
      { url: 'http://127.0.0.1:1', signingKeys: ['x'.repeat(32)], directory: createMemoryDirectory() },
    ],
  ])(
    'a connection refuses a user who is being authenticated when another user opens it, on %s',
    async (_title, instances) => {
      let answer: () => void = () => {};
      const isAnswered = new Promise<void>((resolve) => {
        answer = resolve;
      });
      await using host = await startHost(
        (server) =>
          void server.mapHub('/hub', hub, {
            async authenticate(request) {
              if (request.token === 'mallory') await isAnswered;
              return authenticate(request);
            },
          }),
        instances === undefined ? {} : { instances },
      );
      const path = (await negotiateAs(host, '')).replace('&access_token=', '');
      const late = post(`${host.url}${path}&access_token=mallory`, HANDSHAKE);
      await expect.poll(() => host.openRequests).toBe(1);
      await using events = await openStream(`${host.url}${path}&access_token=ann`);
      answer();
      expect((await late).text).toBe('403');
      await post(`${host.url}${path}&access_token=ann`, HANDSHAKE + call('who'));
      await events.next();
      expect(await events.next()).toContain('"result":"ann, calm"');
    },
  );
});
