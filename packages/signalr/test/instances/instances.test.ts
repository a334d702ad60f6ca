/*
 * Three instances behind a proxy that forwards each request to the next instance in turn. Clients of every transport are served
 * without sticky sessions.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { HttpTransportType, Subject } from '@microsoft/signalr';
import { describe, expect, test } from 'vitest';
import {
  type ConnectionDirectory,
  createMemoryDirectory,
  createSignalRServer,
  defineHub,
  isNumber,
  type MapHubOptions,
  method,
  parseArguments,
  type SignalREvent,
  type SignalRServerOptions,
  streamMethod,
} from '../../src/index.js';
import { SignedTokens } from '../../src/instances/signed-tokens.js';
import { type HttpReply, openStream, post, send } from '../support/http-client.js';
import { type InstanceRow, startInstances } from '../support/instances.js';
import { connectOfficial } from '../support/official-client.js';
import { call, HANDSHAKE, RS } from '../support/raw-client.js';

const { WebSockets, ServerSentEvents, LongPolling } = HttpTransportType;
const signingKeys = ['a key that all instances know, 32 bytes'];

const definition = defineHub<{ note(value: number): void }>()({
  methods: {
    echo: (_context, value) => value,
    count: streamMethod(parseArguments(isNumber), async function* (_context, to) {
      for (let value = 0; value < to; value += 1) yield await Promise.resolve(value);
    }),
    sum: method(
      parseArguments(),
      async (_context, values) => {
        let sum = 0;
        for await (const value of values) sum += value;
        return sum;
      },
      { uploads: [isNumber] },
    ),
    tell(context, count) {
      for (let value = 0; value < Number(count); value += 1) context.clients.caller.send('note', value);
    },
  },
});

interface Row extends InstanceRow {
  readonly events: readonly SignalREvent[];
}

async function start(
  map: MapHubOptions<undefined> = {},
  directory: ConnectionDirectory = createMemoryDirectory(),
  more: SignalRServerOptions = {},
): Promise<Row> {
  const events: SignalREvent[] = [];
  const row = await startInstances(
    3,
    (server) => server.mapHub('/hub', definition, map),
    (url) => ({
      instances: { url, signingKeys, directory },
      onEvent: (event) => events.push(event),
      ...more,
    }),
  );
  return Object.assign(row, { events });
}

async function tokenFrom(url: string, version = 1): Promise<string> {
  const response = await fetch(`${url}/hub/negotiate?negotiateVersion=${version}`, { method: 'POST' });
  const answer = (await response.json()) as { connectionToken?: string; connectionId: string };
  return answer.connectionToken ?? answer.connectionId;
}

/** Negotiates once. Returns the URL of that connection at each instance. */
async function negotiated(row: Row, version?: number): Promise<readonly [string, string, string]> {
  const [first, second, third] = row.instances.map(({ url }) => url);
  const token = await tokenFrom(first ?? '', version);
  const at = (url: string | undefined): string => `${url}/hub?id=${token}`;
  return [at(first), at(second), at(third)];
}

describe.each([
  ['WebSockets', WebSockets, 'json'],
  ['WebSockets and MessagePack', WebSockets, 'messagepack'],
  ['server-sent events', ServerSentEvents, 'json'],
  ['long polling', LongPolling, 'json'],
  ['long polling and MessagePack', LongPolling, 'messagepack'],
] as const)('over %s, behind a proxy that takes the instances in turn', (_name, transport, protocol) => {
  test('a client whose requests reach different instances can invoke, stream in both directions, and receive messages in order', async () => {
    await using row = await start();
    await using connection = await connectOfficial(row.url, { transport, protocol });
    const notes: number[] = [];
    connection.on('note', (value: number) => notes.push(value));
    for (let value = 0; value < 5; value += 1) expect(await connection.invoke('echo', value)).toBe(value);
    await connection.invoke('tell', 50);
    const streamed = await new Promise<number[]>((resolve, reject) => {
      const items: number[] = [];
      connection
        .stream<number>('count', 20)
        .subscribe({ next: (item) => items.push(item), complete: () => resolve(items), error: reject });
    });
    expect(streamed).toEqual(Array.from({ length: 20 }, (_, index) => index));
    const upload = new Subject<number>();
    const sum = connection.invoke('sum', upload);
    for (let value = 1; value <= 10; value += 1) upload.next(value);
    upload.complete();
    expect(await sum).toBe(55);
    expect(notes).toEqual(Array.from({ length: 50 }, (_, index) => index));
    expect(row.events.filter(({ type }) => type === 'connection_opened')).toHaveLength(1);
    expect(row.events.filter(({ type }) => type === 'request_refused')).toEqual([]);
  });

  test('ten simultaneous clients are served, and leave no claim in the directory', async () => {
    const directory = createMemoryDirectory();
    const claimed = new Set<string>();
    const watched: ConnectionDirectory = {
      find: (id) => directory.find(id),
      async claim(id, url) {
        claimed.add(id);
        return directory.claim(id, url);
      },
      release(id, url) {
        directory.release(id, url);
      },
    };
    await using row = await start({}, watched);
    const clients = await Promise.all(
      Array.from({ length: 10 }, () => connectOfficial(row.url, { transport, protocol })),
    );
    expect(await Promise.all(clients.map((client, index) => client.invoke('echo', index)))).toEqual(
      clients.map((_, index) => index),
    );
    await Promise.all(clients.map((client) => client.stop()));
    await expect.poll(() => row.events.filter(({ type }) => type === 'connection_closed').length).toBe(10);
    const left = await Promise.all([...claimed].map((id) => directory.find(id)));
    expect(left.filter((url) => url !== undefined)).toEqual([]);
  });
});

describe('a token', () => {
  test.each([0, 1])(
    'a token of negotiate version %d opens a connection on any instance, but only once',
    async (version) => {
      await using row = await start();
      const [first, second, third] = await negotiated(row, version);
      await using events = await openStream(second);
      expect(events.response.statusCode).toBe(200);
      for (const url of [first, second, third])
        expect((await send(url, { headers: { Accept: 'text/event-stream' } })).status).toBe(409);
    },
  );

  test('a connection token is invalid on every instance after its connection has ended', async () => {
    await using row = await start();
    const [first, second, third] = await negotiated(row);
    await send(second);
    expect((await post(third, HANDSHAKE)).status).toBe(200);
    expect((await send(first, { method: 'DELETE' })).status).toBe(202);
    expect((await send(second)).text).toBe('404 No Connection with that ID');
    expect((await post(second, 'x')).text).toBe('404 No Connection with that ID');
  });

  test('a connection token is refused if it was signed with another key, issued for another hub, or changed by one bit', async () => {
    const expiresAtSeconds = Math.floor(Date.now() / 1_000) + 60;
    const content = { isResumable: false, isVersion0: false, expiresAtSeconds };
    const good = new SignedTokens(signingKeys, '/hub').create(content);
    const bytes = Buffer.from(good, 'base64url');
    const changed = Array.from(bytes, (_, index) => {
      const copy = Buffer.from(bytes);
      copy[index] = (copy[index] ?? 0) ^ 1;
      return copy.toString('base64url');
    });
    const foreign = [
      new SignedTokens(['another key, but one of 32 bytes too'], '/hub').create(content),
      new SignedTokens(signingKeys, '/other').create(content),
      new SignedTokens(signingKeys, '/hub').create({ ...content, expiresAtSeconds: 1 }),
      `${good}=`,
      good.slice(0, -1),
      '',
    ];
    await using row = await start();
    const at = (token: string): string => `${row.url}/hub?id=${token}`;
    for (const token of [...changed, ...foreign])
      expect((await send(at(token))).status, token).toBe(token === '' ? 400 : 404);
    expect((await send(at(good))).status).toBe(200);
  });

  test('a connection token stays valid when its signing key is no longer the first key in the list', () => {
    const content = { isResumable: true, isVersion0: false, expiresAtSeconds: 7 };
    const first = new SignedTokens(['x'.repeat(32)], '/hub');
    const token = first.create(content);
    const later = new SignedTokens(['y'.repeat(32), 'x'.repeat(32)], '/hub');
    expect(later.read(token)).toMatchObject(content);
    expect(later.read(token)).toEqual(first.read(token));
  });
});

describe('a request that reaches another instance', () => {
  test('a forwarded request receives the same status, headers and body as a request to the serving instance', async () => {
    const authenticate = ({ token }: { readonly token: string | null }) => ({
      userId: token,
      user: undefined,
    });
    await using row = await start({ authenticate, allowedOrigins: ['https://app.example'] });
    const [first, second, third] = (await negotiated(row)).map((url) => `${url}&access_token=ann`);
    if (first === undefined || second === undefined || third === undefined)
      throw new Error('three instances');
    const origin = { Origin: 'https://app.example' };
    const essence = ({ status, headers, body }: HttpReply): unknown => ({
      status,
      type: headers['content-type'],
      cache: headers['cache-control'],
      origin: headers['access-control-allow-origin'],
      body: body.toString(),
    });
    const both = async (options: Parameters<typeof send>[1]): Promise<readonly unknown[]> => [
      essence(await send(first, options)),
      essence(await send(second, options)),
    ];
    await send(first);
    await post(third, HANDSHAKE);
    expect((await send(second)).body.toString()).toBe(`{}${RS}`);
    const posted = await both({ method: 'POST', headers: origin, body: call('echo', ['x']) });
    expect(posted[1]).toEqual(posted[0]);
    const polled = await send(second, { headers: origin });
    expect(polled.headers).toMatchObject({
      'access-control-allow-origin': 'https://app.example',
      'cache-control': 'no-cache, no-store',
    });
    expect((await post(second.replace('ann', 'mallory'), 'x')).status).toBe(403);
    expect((await send(second, { method: 'PUT' })).status).toBe(405);
  });

  test('a forwarded request appends the client’s address to X-Forwarded-For', async () => {
    const seen: unknown[] = [];
    await using row = await start({
      authenticate: ({ headers, stage }) => {
        if (stage === 'request') seen.push(headers['x-forwarded-for']);
        return { userId: null, user: undefined };
      },
    });
    const [first, second] = await negotiated(row);
    await send(first);
    await post(second, HANDSHAKE);
    await send(second, { headers: { 'X-Forwarded-For': '192.0.2.7' } });
    await post(first, call('echo', [1]), { 'X-Forwarded-For': '192.0.2.7' });
    expect(seen).toEqual(['127.0.0.1', '192.0.2.7, 127.0.0.1', '192.0.2.7']);
  });

  test('a forwarded poll may be answered after the timeout of the HTTP server', async () => {
    await using row = await start();
    const [first, second] = await negotiated(row);
    const sockets: Socket[] = [];
    for (const { http } of row.instances) {
      http.setTimeout(60_000);
      http.on('connection', (socket: Socket) => sockets.push(socket));
    }
    await send(first);
    await post(first, HANDSHAKE);
    await send(first);
    sockets.length = 0;
    const poll = send(second);
    await expect.poll(() => sockets.map(({ timeout }) => timeout)).toEqual([0, 0]);
    await post(first, call('echo', ['late']));
    expect((await poll).text).toContain('late');
  });

  test('a request receives 404 after the instance of its connection has been killed', async () => {
    await using row = await start();
    const [first, second, third] = await negotiated(row);
    await send(first);
    await post(second, HANDSHAKE);
    await row.kill(0);
    expect((await post(third, 'x')).status).toBe(404);
  });

  test('a request receives 503 while the instance of its connection breaks off every request, and succeeds afterwards', async () => {
    const silent = createTcpServer((socket) => socket.on('error', () => {}));
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    let count = 0;
    silent.on('connection', (socket: Socket) => {
      count += 1;
      // The connection breaks during the request, as if the machine had failed. Nobody knows whether the request was handled.
      socket.once('data', () => socket.resetAndDestroy());
    });
    let isThere = false;
    const directory = createMemoryDirectory();
    await using row = await start(
      {},
      { ...directory, find: async (id) => (isThere ? directory.find(id) : url) },
    );
    const [first] = await negotiated(row);
    const reply = await post(first, 'x');
    expect([reply.status, reply.headers['retry-after']]).toEqual([503, '1']);
    expect(count).toBe(1);
    expect(row.events).toContainEqual({
      type: 'request_refused',
      hub: '/hub',
      reason: 'instance_unreachable',
    });
    isThere = true;
    expect((await send(first)).status).toBe(200);
    silent.close();
  });

  test('a request receives 503 while the directory is unreachable, but a WebSocket works without the directory', async () => {
    const broken: ConnectionDirectory = {
      claim: () => Promise.reject(new Error('away')),
      find: () => Promise.reject(new Error('away')),
      release() {},
    };
    await using row = await start({}, broken);
    const [first, second] = await negotiated(row);
    expect((await send(first)).status).toBe(503);
    expect((await post(second, 'x')).status).toBe(503);
    expect(row.events).toContainEqual({
      type: 'request_refused',
      hub: '/hub',
      reason: 'directory_unavailable',
    });
    await using connection = await connectOfficial(row.url, { transport: WebSockets });
    expect(await connection.invoke('echo', 1)).toBe(1);
  });

  test('a forwarded request is not forwarded again', async () => {
    const directory = createMemoryDirectory();
    await using row = await start({}, { ...directory, find: async () => row.instances[2]?.url });
    const [first] = await negotiated(row);
    // The directory wrongly names the third instance for the connection.
    expect((await post(first, 'x')).text).toBe('404 No Connection with that ID');
  });
});

test('a client with stateful reconnect that lost its socket continues through another instance and loses no message', async () => {
  await using row = await start({ allowStatefulReconnects: true }, createMemoryDirectory(), {
    tickIntervalMs: 50,
  });
  const sockets = new Set<Socket>();
  for (const { http } of row.instances) http.on('connection', (socket: Socket) => sockets.add(socket));
  await using connection = await connectOfficial(row.url, { transport: WebSockets });
  const notes: number[] = [];
  connection.on('note', (value: number) => notes.push(value));
  for (let round = 0; round < 4; round += 1) {
    for (const socket of sockets) socket.resetAndDestroy();
    sockets.clear();
    expect(await connection.invoke('echo', round)).toBe(round);
    await connection.invoke('tell', 25);
  }
  expect(notes).toEqual(Array.from({ length: 100 }, (_, index) => index % 25));
  expect(row.events.filter(({ type }) => type === 'connection_opened')).toHaveLength(1);
  expect(row.events.filter(({ type }) => type === 'connection_resumed').length).toBeGreaterThanOrEqual(4);
});

test.each([
  { signingKeys: [] },
  { signingKeys: ['short'] },
  { url: 'ftp://x' },
  { url: 'here' },
  { url: 'http://x/hub' },
  { url: 'http://x?a=1' },
  { url: 'http://a:b@x' },
])('the invalid instance options %j are refused', (wrong) => {
  const instances = {
    url: 'http://127.0.0.1:1',
    signingKeys,
    directory: createMemoryDirectory(),
    ...wrong,
  };
  expect(() => createSignalRServer({ instances })).toThrow(
    expect.objectContaining({ code: 'invalid_option' }),
  );
});
