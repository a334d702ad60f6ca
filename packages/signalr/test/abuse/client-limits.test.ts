/*
 * The limits of one user: messages, connections and negotiations, over all of the user's connections. Other users must not
 * notice them.
 */
import { fakeClock } from '@millrace/testkit';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { ClientBudgets } from '../../src/budgets/client-budgets.js';
import { resolveClientLimits } from '../../src/budgets/client-limits.js';
import { type ClientLimitOptions, defineHub, isNumber, method, parseArguments } from '../../src/index.js';
import { type Host, startHost } from '../support/host.js';
import { post, send, upgradeStatus } from '../support/http-client.js';
import { call, openRaw, type RawClient, RS } from '../support/raw-client.js';

/** The number of calls of `echo` that ran, over all tests together. */
let ran = 0;

const hub = defineHub<Record<string, never>, string>()({
  methods: {
    echo: (_context, value) => {
      ran += 1;
      return value;
    },
    sum: method(
      parseArguments(),
      async (_context, items) => {
        let sum = 0;
        for await (const item of items) sum += item;
        return sum;
      },
      { uploads: [isNumber] },
    ),
  },
});

/** Starts a host. The query value `access_token` is the name of the user. */
function start(clientLimits: ClientLimitOptions<string>): Promise<Host> {
  return startHost((server) =>
    server.mapHub('/hub', hub, {
      clientLimits,
      allowStatefulReconnects: true,
      authenticate: ({ token }) => ({ userId: token, user: token ?? '' }),
    }),
  );
}

const as = (user: string): string => `/hub?access_token=${user}`;

function negotiate(host: Host, user: string): Promise<Response> {
  return fetch(`${host.url}/hub/negotiate?negotiateVersion=1&access_token=${user}`, { method: 'POST' });
}

/** Calls `echo` and returns the error of the answer, or undefined. */
async function echo(client: RawClient): Promise<string | undefined> {
  client.send(call('echo', ['x']));
  for (;;) {
    const answer = JSON.parse(await client.next()) as { type: number; error?: string };
    if (answer.type !== 6) return answer.error;
  }
}

const refused =
  /HubException: You have sent too much. The next call is accepted in \d+ ms. Try again later.$/;

describe('the budget of a user', () => {
  test('all connections of a user share one budget, and another user has its own', async () => {
    await using host = await start({ messageBurst: 30, messagesPerSecond: 10 });
    await using first = await openRaw(host, as('ana'));
    await using second = await openRaw(host, as('ana'));
    await using other = await openRaw(host, as('ben'));
    const before = ran;
    for (let count = 0; count < 10; count += 1) {
      expect(await echo(first)).toBeUndefined();
      expect(await echo(second)).toBeUndefined();
    }
    expect(ran - before).toBe(20);
    expect(await echo(first)).toMatch(refused);
    expect(await echo(second)).toMatch(refused);
    expect(ran - before).toBe(20);
    expect(await echo(other)).toBeUndefined();
    host.clock.pass(1_000);
    expect(await echo(second)).toBeUndefined();
    expect(host.events.filter(({ type }) => type === 'invocation_failed')).toMatchObject([
      { failure: 'rate_limited', method: 'echo', userId: 'ana' },
      { failure: 'rate_limited', method: 'echo', userId: 'ana' },
    ]);
  });

  const record = (message: object): string => JSON.stringify(message) + RS;
  const kinds: readonly (readonly [string, (client: RawClient) => void])[] = [
    ['calls of an unknown method', ({ send: sendText }) => sendText(call('nothing'))],
    ['calls with wrong arguments', ({ send: sendText }) => sendText(call('sum', [1, 2, 3]))],
    [
      'calls without an invocation ID',
      ({ send: sendText }) => sendText(record({ type: 1, target: 'echo', arguments: [1] })),
    ],
    [
      'calls of a stream',
      ({ send: sendText }) =>
        sendText(record({ type: 4, invocationId: '1', target: 'nothing', arguments: [] })),
    ],
    ['items of no stream', ({ send: sendText }) => sendText(record({ type: 2, invocationId: '7', item: 1 }))],
    ['completions of no call', ({ send: sendText }) => sendText(record({ type: 3, invocationId: '7' }))],
    ['cancellations of no call', ({ send: sendText }) => sendText(record({ type: 5, invocationId: '7' }))],
    ['pings', ({ send: sendText }) => sendText(record({ type: 6 }))],
    ['acknowledgements', ({ send: sendText }) => sendText(record({ type: 8, sequenceId: 1 }))],
    ['messages of an unknown type', ({ send: sendText }) => sendText(record({ type: 99 }))],
    ['many messages in one frame', ({ send: sendText }) => sendText(record({ type: 6 }).repeat(10))],
    ['empty frames', ({ send: sendText }) => sendText('')],
    ['single characters', ({ send: sendText }) => sendText(' ')],
    ['pongs of the WebSocket', ({ socket }) => socket.pong()],
  ];

  test.each(kinds)(
    'a client that floods the server with %s is closed with a reason, and cannot come back at once',
    async (_, sendOne) => {
      await using host = await start({ messageBurst: 50, messagesPerSecond: 10 });
      await using flooder = await openRaw(host, as('ana'));
      await using other = await openRaw(host, as('ben'));
      for (let count = 0; count < 110; count += 1) sendOne(flooder);
      expect(await flooder.closed).toBe(1000);
      expect(JSON.parse(flooder.waiting.at(-1) ?? '')).toEqual({
        type: 7,
        error: expect.stringContaining('continued to send more than its budget allows') as unknown,
      });
      expect(await host.event('connection_closed')).toMatchObject({ reason: 'rate_limited', userId: 'ana' });
      const answer = await negotiate(host, 'ana');
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '10']);
      expect(await answer.text()).toBe('Too many requests of this user: wait.');
      expect(await upgradeStatus(host.url + as('ana'))).toBe(429);
      expect(await echo(other)).toBeUndefined();
      expect((await negotiate(host, 'ben')).status).toBe(200);
      host.clock.pass(11_000);
      expect((await negotiate(host, 'ana')).status).toBe(200);
    },
  );

  test('a client that floods the server with WebSocket pings is closed with a reason', async () => {
    await using host = await start({ messageBurst: 50, messagesPerSecond: 10 });
    await using flooder = await openRaw(host, as('ana'));
    // Each ping waits for its pong. Otherwise `ws` itself would end a connection with many unanswered pings.
    flooder.socket.on('pong', () => flooder.socket.ping());
    flooder.socket.ping();
    expect(await flooder.closed).toBe(1000);
    expect(flooder.waiting.at(-1)).toContain('continued to send more than its budget allows');
  });

  test('each connection of a client that floods over many connections is closed', async () => {
    await using host = await start({ messageBurst: 60, messagesPerSecond: 10 });
    const clients = await Promise.all(Array.from({ length: 5 }, () => openRaw(host, as('ana'))));
    for (const client of clients) client.send(call('echo', ['x']).repeat(150));
    for (const client of clients) expect(await client.closed).toBe(1000);
    await expect.poll(() => host.events.filter(({ type }) => type === 'connection_closed').length).toBe(5);
  });

  test('a stream ends with an error when its items exceed the budget', async () => {
    await using host = await start({ messageBurst: 30, messagesPerSecond: 1 });
    await using client = await openRaw(host, as('ana'));
    client.send(record({ type: 1, invocationId: '1', target: 'sum', arguments: [], streamIds: ['s'] }));
    for (let count = 0; count < 28; count += 1) client.send(record({ type: 2, invocationId: 's', item: 1 }));
    expect(await client.next()).toContain('The client has sent too much, so that its stream has ended.');
  });

  test('long polling requests cost budget: sends, replaced polls, and requests for unknown connections', async () => {
    await using host = await start({ messageBurst: 60, messagesPerSecond: 1 });
    const answer = (await (await negotiate(host, 'ana')).json()) as { connectionToken: string };
    const poll = `${host.url}${as('ana')}&id=${answer.connectionToken}`;
    await send(poll);
    await post(poll, `{"protocol":"json","version":1}${RS}`);
    await send(poll);
    const statuses: number[] = [];
    for (let count = 0; count < 50; count += 1) statuses.push((await post(poll, '')).status);
    expect(new Set(statuses)).toEqual(new Set([200, 429]));
    expect((await post(`${host.url}${as('ana')}&id=unknown`, '')).status).toBe(429);
    expect((await post(`${host.url}${as('ben')}&id=unknown`, '')).status).toBe(404);
    for (let count = 0; count < 150; count += 1) void send(poll).catch(() => {});
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'rate_limited' });
  });
});

describe('the connections of a user', () => {
  test('a user can open maximumConnections connections, and another one after one of them has closed', async () => {
    await using host = await start({ maximumConnections: 3 });
    const clients = await Promise.all([1, 2, 3].map(() => openRaw(host, as('ana'))));
    const upgrade = new WebSocket(`${host.url.replace('http', 'ws')}${as('ana')}`);
    const refusal = await new Promise<{ statusCode?: number; headers: Record<string, unknown> }>(
      (resolve) => {
        upgrade.on('unexpected-response', (_request, response) => resolve(response as never));
      },
    );
    expect([refusal.statusCode, refusal.headers['retry-after']]).toEqual([429, '10']);
    upgrade.on('error', () => {});
    upgrade.terminate();
    await using _other = await openRaw(host, as('ben'));
    expect(await host.event('request_refused')).toMatchObject({ reason: 'too_many_connections_of_client' });
    const closed = host.event('connection_closed');
    await clients[0]?.[Symbol.asyncDispose]();
    await closed;
    await using again = await openRaw(host, as('ana'));
    expect(await echo(again)).toBeUndefined();
    for (const client of clients) await client[Symbol.asyncDispose]();
  });

  test('a connection without a handshake counts towards the limit of its user, over any transport', async () => {
    await using host = await start({ maximumConnections: 2 });
    const urls: string[] = [];
    for (let count = 0; count < 3; count += 1) {
      const { connectionToken } = (await (await negotiate(host, 'ana')).json()) as {
        connectionToken: string;
      };
      urls.push(`${host.url}${as('ana')}&id=${connectionToken}`);
    }
    expect((await send(urls[0] ?? '')).status).toBe(200);
    expect(await upgradeStatus(urls[1] ?? '')).toBe(101);
    expect((await send(urls[2] ?? '')).status).toBe(429);
    // The two clients send no handshake, so their connections end.
    host.clock.pass(20_000);
    await expect.poll(async () => (await negotiate(host, 'ana')).status).toBe(200);
  });

  test('a user can have a limited number of negotiations without a transport', async () => {
    await using host = await start({ maximumPendingConnections: 2 });
    const { connectionToken } = (await (await negotiate(host, 'ana')).json()) as { connectionToken: string };
    expect((await negotiate(host, 'ana')).status).toBe(200);
    const refusal = await negotiate(host, 'ana');
    expect([refusal.status, refusal.headers.get('retry-after')]).toEqual([429, '10']);
    expect(await refusal.text()).toContain('2 negotiated connections without a transport, the maximum');
    expect((await negotiate(host, 'ben')).status).toBe(200);
    await using _opened = await openRaw(host, `${as('ana')}&id=${connectionToken}`);
    expect((await negotiate(host, 'ana')).status).toBe(200);
    expect((await negotiate(host, 'ana')).status).toBe(429);
    host.clock.pass(20_000);
    expect((await negotiate(host, 'ana')).status).toBe(200);
  });

  test('clients without a user ID share the budget of their address', async () => {
    await using host = await startHost((server) =>
      server.mapHub('/hub', defineHub()({ methods: {} }), { clientLimits: { maximumConnections: 1 } }),
    );
    await using _first = await openRaw(host);
    expect(await upgradeStatus(`${host.url}/hub`)).toBe(429);
  });

  test('an owner that stands for several users has as many times the limits of one user', async () => {
    await using host = await start({
      maximumConnections: 1,
      messageBurst: 30,
      ownerOf: (_request, { userId }) => (userId === 'free' ? undefined : { key: 'office', userCount: 2 }),
    });
    await using first = await openRaw(host, as('ana'));
    await using _second = await openRaw(host, as('ben'));
    expect(await upgradeStatus(host.url + as('cat'))).toBe(429);
    await using free = await openRaw(host, as('free'));
    await using _another = await openRaw(host, as('free'));
    for (const client of [first, free]) client.send(`{"type":6}${RS}`.repeat(100));
    expect(await first.closed).toBe(1000);
    expect(await free.closed).toBe(1000);
  });
});

describe('the memory for budgets', () => {
  test('the budget of a user who has left is remembered until it is full again', () => {
    const clock = fakeClock(0);
    const limits = resolveClientLimits({ messageBurst: 1_000, messagesPerSecond: 50 });
    const budgets = new ClientBudgets(limits, clock);
    const info = { path: '/', query: new Map(), headers: {}, remoteAddress: undefined };
    const find = () => budgets.of(info, { userId: 'ana', user: undefined });
    const budget = find();
    budget?.openConnection();
    expect(find()?.take(clock.monotonicMs(), 1_000)).toBe(0);
    budget?.closeConnection();
    clock.pass(10_000);
    expect(find()?.take(clock.monotonicMs(), 600)).toBe(2_000);
    clock.pass(25_000);
    expect(find()?.take(clock.monotonicMs(), 1_000)).toBe(0);
  });
});
