/*
 * Clients that mean harm: whatever they send, what the server keeps for them is bounded, and others are served.
 */
import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { type AddressInfo, connect as connectSocket, type Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Ticker } from '../../src/connection/ticker.js';
import { ConnectionStore } from '../../src/http/connection-store.js';
import {
  createSignalRServer,
  defineHub,
  type Hub,
  isNumber,
  method,
  parseArguments,
  type SignalRServerOptions,
  streamMethod,
} from '../../src/index.js';
import { SignedTokens } from '../../src/instances/signed-tokens.js';
import { FakeClock } from '../support/fake-clock.js';
import { type Host, startHost } from '../support/host.js';
import { negotiateUrl, openPolling, openStream, post } from '../support/http-client.js';
import { call, connectRaw, HANDSHAKE, openRaw, type RawClient, RS } from '../support/raw-client.js';

interface Client {
  data(text: string): void;
}

/** Calls of `count` and `wait` that have not ended, in all tests together. */
let counting = 0;

const definition = defineHub<Client>()({
  methods: {
    echo: (_context, value) => value,
    count: method(
      parseArguments(),
      async (_context, items) => {
        counting += 1;
        try {
          for await (const _item of items);
        } finally {
          counting -= 1;
        }
      },
      { uploads: [isNumber] },
    ),
    wait: streamMethod(parseArguments(), async function* ({ cancelSignal }) {
      counting += 1;
      await new Promise((resolve) => {
        cancelSignal.addEventListener('abort', resolve, { once: true });
      });
      counting -= 1;
      yield 1;
    }),
  },
});

function start(options: SignalRServerOptions = {}): Promise<Host> {
  return startHost((server) => server.mapHub('/hub', definition), options);
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

async function expectServed(host: Host): Promise<void> {
  await using client = await openRaw(host);
  client.send(call('echo', ['served']));
  expect(await client.next()).toContain('served');
}

/** Writes without end; resolves with the number of bytes that were taken before the server had enough. */
function writeEndlessly(socket: Socket, chunk: Buffer): Promise<number> {
  return new Promise((resolve) => {
    const write = (): void => {
      while (socket.writable && socket.write(chunk));
    };
    socket.on('drain', write);
    socket.on('error', () => {}); // the server has hung up, as it should
    socket.on('close', () => resolve(socket.bytesWritten));
    socket.resume();
    write();
  });
}

const megabyte = Buffer.alloc(1_000_000, 0x20);
const portOf = (host: Host): number => Number(new URL(host.url).port);

describe('a client that', () => {
  test('never ends its HTTP headers is cut off', async () => {
    await using host = await start();
    const socket = connectSocket(portOf(host), '127.0.0.1');
    socket.write('GET /hub HTTP/1.1\r\nHost: x\r\n');
    expect(await writeEndlessly(socket, Buffer.from(`X: ${'y'.repeat(10_000)}\r\n`))).toBeLessThan(
      20_000_000,
    );
    await expectServed(host);
  });

  test('drips its HTTP headers is answered with 408 by Node, attached hubs or not', async () => {
    await using server = createSignalRServer();
    server.mapHub('/hub', definition);
    const http = createServer({ headersTimeout: 300, connectionsCheckingInterval: 50 });
    server.attach(http);
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    const { port } = http.address() as AddressInfo;
    const socket = connectSocket(port, '127.0.0.1');
    socket.write('GET /hub HTTP/1.1\r\nHost: x\r\nX: ');
    const drip = setInterval(() => socket.write('y'), 20);
    socket.on('error', () => {}); // the server hangs up while it drips
    const answer = await new Promise<string>((resolve) => {
      socket.on('data', (bytes: Buffer) => resolve(bytes.toString()));
    });
    clearInterval(drip);
    expect(answer).toContain('408 Request Timeout');
    const negotiated = await fetch(`http://127.0.0.1:${port}/hub/negotiate`, { method: 'POST' });
    expect(negotiated.status).toBe(200);
    socket.destroy();
    http.close();
    http.closeAllConnections();
  });

  test('announces a WebSocket message of 100 MB is cut off by its header', async () => {
    await using host = await start();
    await using client = await openRaw(host);
    // A masked binary frame of 100,000,000 bytes.
    const header = Buffer.from([0x82, 0xff, 0, 0, 0, 0, 0x05, 0xf5, 0xe1, 0, 1, 2, 3, 4]);
    Reflect.get(client.socket, '_socket').write(header);
    expect(await client.next()).toContain('"type":7');
    await client.closed;
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'message_too_big' });
    await expectServed(host);
  });

  test('sends a WebSocket message of 100 MB in fragments is cut off at the limit', async () => {
    await using host = await start();
    await using client = await openRaw(host);
    const socket: Socket = Reflect.get(client.socket, '_socket');
    const payload = Buffer.alloc(65_535, 0x20);
    // Masked with zeros; the first is text, all others go on, none is the last.
    const fragment = (opcode: number): Buffer =>
      Buffer.concat([Buffer.from([opcode, 0xfe, 0xff, 0xff, 0, 0, 0, 0]), payload]);
    for (let sent = 0; sent < 1_600 && socket.writable; sent += 1) {
      await new Promise((resolve) => {
        socket.write(fragment(sent === 0 ? 1 : 0), resolve);
      });
    }
    expect(await client.next()).toContain('"type":7');
    await client.closed;
    expect(socket.bytesWritten).toBeLessThan(30_000_000);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'message_too_big' });
    await expectServed(host);
  });

  test('sends an endless message in small frames is cut off at the limit', async () => {
    await using host = await start();
    await using client = await openRaw(host);
    for (let sent = 0; sent < 100; sent += 1) client.send('x'.repeat(1_000));
    expect(await client.next()).toContain('"type":7');
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'message_too_big' });
  });

  test.each([
    ['without end', 'Transfer-Encoding: chunked', [Buffer.from('f4240\r\n'), megabyte, Buffer.from('\r\n')]],
    ['of 100 MB', 'Content-Length: 100000000', [megabyte]],
  ])(
    'posts a body %s is answered at the limit of one message, and soon hung up on',
    async (_, header, parts) => {
      await using host = await start();
      const url = new URL(await openPolling(host));
      const socket = connectSocket(portOf(host), '127.0.0.1');
      let answer = '';
      socket.on('data', (bytes: Buffer) => {
        answer += bytes.toString();
      });
      socket.write(`POST ${url.pathname}${url.search} HTTP/1.1\r\nHost: x\r\n${header}\r\n\r\n`);
      expect(await writeEndlessly(socket, Buffer.concat(parts))).toBeLessThan(30_000_000);
      expect(answer).toMatch(/^HTTP\/1.1 404 .*keep-alive/s);
      host.clock.advance(20_000);
      expect(await host.event('connection_closed')).toMatchObject({ reason: 'message_too_big' });
      await expectServed(host);
    },
  );

  test('posts to nothing, or hangs up in the middle of a body, leaves nothing behind', async () => {
    await using host = await start();
    expect((await post(`${host.url}/hub?id=nothing`, Buffer.alloc(200_000))).status).toBe(404);
    const url = await openPolling(host);
    const outgoing = request(url, { method: 'POST', agent: false, headers: { 'Content-Length': 1_000 } });
    outgoing.on('error', () => {}); // it is this side that hangs up
    outgoing.write(call('echo', ['a']));
    await expect.poll(() => host.openRequests).toBe(1);
    outgoing.destroy();
    await expect.poll(() => host.openRequests).toBe(0);
    expect((await post(url, call('echo', ['b']))).status).toBe(200);
  });

  test('drips its handshake is cut off after the timeout, over every transport', async () => {
    await using host = await start({ handshakeTimeoutMs: 5_000, disconnectTimeoutMs: 600_000 });
    await using webSocket = await connectRaw(host);
    const url = await negotiateUrl(host);
    const stream = request(url, { headers: { Accept: 'text/event-stream' }, agent: false });
    stream.on('error', () => {});
    const ended = new Promise<void>((resolve) => {
      stream.on('response', (response) => {
        response.resume();
        response.on('close', resolve);
      });
    });
    stream.end();
    await expect.poll(() => host.openRequests).toBe(1);
    for (let second = 0; second < 6; second += 1) {
      webSocket.send('{');
      await post(url, '{');
      host.clock.advance(1_000);
    }
    await webSocket.closed;
    await ended;
    expect(host.events.filter(({ type }) => type === 'handshake_failed')).toMatchObject([
      { reason: 'timeout' },
      { reason: 'timeout' },
    ]);
  });

  test('nests values deeper than anybody can write has only that call fail', async () => {
    await using host = await start();
    await using client = await openRaw(host);
    const deep = '['.repeat(16_000) + ']'.repeat(16_000);
    client.send(`{"type":1,"invocationId":"1","target":"echo","arguments":[${deep}]}${RS}`);
    expect(await client.next()).toContain("An unexpected error occurred invoking 'echo' on the server.");
    client.send(call('echo', ['after']));
    expect(await client.next()).toContain('after');
  });

  test('sends random bytes ends its own connection at most', async () => {
    await using host = await start();
    const chunk = fc.oneof(
      fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
      fc
        .constantFrom('{"type":1', `{"type":3,"invocationId":"1"}${RS}`, `{"type":4}${RS}`, RS)
        .map((text) => Buffer.from(text)),
      fc
        .constantFrom('02 91 06', '93 05 80', 'ff ff ff ff 07')
        .map((hex) => Buffer.from(hex.replaceAll(' ', ''), 'hex')),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('json', 'messagepack'),
        fc.array(chunk, { minLength: 1, maxLength: 6 }),
        async (protocol, chunks) => {
          await using client = await connectRaw(host);
          client.send(`{"protocol":"${protocol}","version":1}${RS}`);
          for (const bytes of chunks) client.socket.send(bytes);
        },
      ),
      { numRuns: 150 },
    );
    await expectServed(host);
  });
});

describe('a client that never reads', () => {
  const text = 'x'.repeat(50_000);

  async function expectGivenUp(host: Host, hub: Hub<Client>): Promise<void> {
    // The kernel takes some megabytes before the queue fills; the loop is bounded all the same.
    for (let sent = 0; sent < 2_000 && hub.clients.all.send('data', text) > 0; sent += 1) await turn();
    expect(hub.clients.all.send('data', text)).toBe(0);
    host.clock.advance(20_000);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'slow_consumer' });
    await expectServed(host);
  }

  test.each(['WebSockets', 'ServerSentEvents', 'LongPolling'] as const)(
    'is given up when its queue is full, over %s',
    async (transport) => {
      let hub: Hub<Client> | undefined;
      await using host = await startHost(
        (server) => {
          hub = server.mapHub('/hub', definition);
        },
        { maximumOutboundBytes: 200_000 },
      );
      if (hub === undefined) throw new Error('unreachable: it was mapped above');
      if (transport === 'WebSockets') {
        await using client = await openRaw(host);
        client.socket.pause();
        await expectGivenUp(host, hub);
      } else if (transport === 'LongPolling') {
        await openPolling(host);
        await expectGivenUp(host, hub);
      } else {
        const url = await negotiateUrl(host);
        await using stream = await openStream(url);
        await post(url, HANDSHAKE);
        await stream.next();
        stream.response.pause();
        await expectGivenUp(host, hub);
      }
    },
  );

  test('and floods its WebSocket with pings is hung up on, before their answers pile up', async () => {
    await using host = await start();
    let held = 0;
    host.http.on('connection', (socket: Socket) => {
      socket.on('data', () => {
        held = Math.max(held, socket.writableLength);
      });
    });
    await using client = await openRaw(host);
    client.socket.pause();
    const socket: Socket = Reflect.get(client.socket, '_socket');
    // A ping of 125 bytes, masked with zeros, many times over.
    const ping = Buffer.concat([Buffer.from([0x89, 0x80 | 125, 0, 0, 0, 0]), Buffer.alloc(125)]);
    const pings = Buffer.concat(Array.from({ length: 5_000 }, () => ping));
    for (let sent = 0; sent < 100 && socket.writable; sent += 1) {
      await new Promise((resolve) => {
        socket.write(pings, resolve);
      });
    }
    expect(held).toBeLessThan(1_000_000);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'transport_lost' });
    await expectServed(host);
  });
});

describe('a client that floods the server with', () => {
  const COUNT = 10_000;

  /** Sends `COUNT` records, and returns when another client has been served in between. */
  async function flood(host: Host, client: RawClient, record: (index: number) => string): Promise<void> {
    const other = await openRaw(host);
    for (let index = 0; index < COUNT; index += 500) {
      client.send(Array.from({ length: 500 }, (_, offset) => record(index + offset)).join(''));
      if (index === COUNT / 2) other.send(call('echo', ['in between']));
    }
    expect(await other.next()).toContain('in between');
    other.socket.close();
    await other.closed;
  }

  async function next(client: RawClient, text: string): Promise<string> {
    for (;;) {
      const record = await client.next();
      if (record.includes(text)) return record;
    }
  }

  test('pings is served as anybody else', async () => {
    await using host = await start();
    await using client = await openRaw(host);
    await flood(host, client, () => `{"type":6}${RS}`);
    client.send(call('echo', ['after']));
    expect(await client.next()).toContain('after');
    expect(host.events.filter(({ type }) => !type.startsWith('connection_'))).toEqual([]);
  });

  test('calls of methods that do not exist has each of them refused', async () => {
    await using host = await start();
    await using client = await openRaw(host);
    await flood(host, client, (index) => call('nothing', [], String(index)));
    client.send(call('echo', ['after']));
    await next(client, 'after');
    const failures = host.events.filter(({ type }) => type === 'invocation_failed');
    expect(failures).toHaveLength(COUNT);
    expect(failures.at(-1)).toMatchObject({ method: null, failure: 'unknown_method' });
  });

  test('uploads that it never ends has 1,000 of them, and the rest refused', async () => {
    await using host = await start();
    await using client = await openRaw(host);
    await flood(
      host,
      client,
      (index) =>
        `{"type":1,"invocationId":"${index}","target":"count","arguments":[],"streamIds":["s${index}"]}${RS}`,
    );
    client.send(call('echo', ['after'], 'last'));
    await next(client, 'after');
    expect(host.events.filter(({ type }) => type === 'invocation_failed')).toHaveLength(COUNT - 1_000);
    expect(counting).toBe(1_000);
    client.socket.close();
    await expect.poll(() => counting).toBe(0);
  });

  test('stream ids in one call, or items of streams that are not there, changes nothing', async () => {
    await using host = await start({ maximumReceiveMessageBytes: 1_000_000 });
    await using client = await openRaw(host);
    const streamIds = Array.from({ length: 10_000 }, (_, index) => `s${index}`);
    client.send(
      `${JSON.stringify({ type: 1, invocationId: '1', target: 'count', arguments: [], streamIds })}${RS}`,
    );
    expect(await client.next()).toContain('Client sent 10000 stream(s), Hub method expects 1.');
    await flood(host, client, (index) => `{"type":2,"invocationId":"s${index}","item":1}${RS}`);
    client.send(call('echo', ['after']));
    expect(await client.next()).toContain('after');
    expect(host.events.filter(({ type }) => type === 'message_ignored')).toHaveLength(COUNT);
    expect(counting).toBe(0);
  });

  test('streams that it asks for and never ends has 1,000 of them, and the rest refused', async () => {
    await using host = await start();
    await using client = await openRaw(host);
    await flood(
      host,
      client,
      (index) => `{"type":4,"invocationId":"${index}","target":"wait","arguments":[]}${RS}`,
    );
    client.send(call('echo', ['after'], 'last'));
    await next(client, 'after');
    expect(host.events.filter(({ type }) => type === 'invocation_failed')).toHaveLength(COUNT - 1_000);
    expect(counting).toBe(1_000);
    client.socket.close();
    await expect.poll(() => counting).toBe(0);
  });
});

describe('half-open negotiations', () => {
  test('are at most 10,000, and all forgotten after their time', () => {
    const clock = new FakeClock();
    const ticker = new Ticker(clock, 1_000);
    const store = new ConnectionStore(ticker, { maximumPending: 10_000, timeoutMs: 15_000 });
    const tokens = Array.from({ length: 10_000 }, () => store.negotiate(1)?.ids.connectionToken ?? '');
    expect(store.negotiate(1)).toBeUndefined();
    expect(new Set(tokens).size).toBe(10_000);
    clock.advance(16_000);
    expect(tokens.filter((token) => store.find(token) !== undefined)).toEqual([]);
    expect(clock.timerCount).toBe(0);
    expect(store.negotiate(1)).toBeDefined();
  });

  test('with signed tokens cost nothing, and what is remembered of ended ones is bounded', () => {
    const clock = new FakeClock();
    const ticker = new Ticker(clock, 1_000);
    const tokens = new SignedTokens(['k'.repeat(32)], '/hub');
    const store = new ConnectionStore(ticker, { maximumPending: 100, timeoutMs: 15_000 }, tokens);
    const negotiated = Array.from({ length: 10_000 }, () => store.negotiate(1));
    expect(negotiated).not.toContain(undefined);
    expect(clock.timerCount).toBe(0);
    const used = negotiated.slice(0, 101).flatMap((stored) => stored ?? []);
    for (const stored of used) {
      expect(store.claim(stored)).toBe(true);
      store.remove(stored);
    }
    const isKnown = used.map(({ ids }) => store.find(ids.connectionToken) !== undefined);
    // Only the oldest was forgotten, so only it would be taken for a fresh one, until its time is over.
    expect(isKnown).toEqual(used.map((_, index) => index === 0));
    clock.advance(60_000);
    expect(used.filter(({ ids }) => store.find(ids.connectionToken) !== undefined)).toEqual([]);
    expect(clock.timerCount).toBe(0);
  });
});
