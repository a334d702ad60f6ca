/* Stateful reconnect, with raw messages on the wire, and with the official client while its sockets break repeatedly. */
import type { Socket } from 'node:net';
import { HubConnectionBuilder, LogLevel } from '@microsoft/signalr';
import { MessagePackHubProtocol } from '@microsoft/signalr-protocol-msgpack';
import { startTcpProxy } from '@millrace/testkit';
import { describe, expect, test } from 'vitest';
import { defineHub, type Hub, type SignalRServerOptions } from '../../src/index.js';
import { type Host, startHost } from '../support/host.js';
import { call, connectRaw, openRaw, type RawClient, RS } from '../support/raw-client.js';
import { seededBreaks } from '../support/seeded-breaks.js';

interface NoteClient {
  note(n: number): void;
}

interface Resumable extends Host {
  readonly hub: Hub<NoteClient>;
  readonly seen: unknown[];
  /** Breaks every network connection to the server. */
  cut(): void;
}

async function start(options: SignalRServerOptions = {}, allowStatefulReconnects = true): Promise<Resumable> {
  const seen: unknown[] = [];
  let hub: Hub<NoteClient> | undefined;
  const definition = defineHub<NoteClient>()({
    methods: {
      take: (_context, value) => void seen.push(value),
      echo: (_context, value) => value,
      leave: (context) => context.abort(),
    },
  });
  const host = await startHost((server) => {
    hub = server.mapHub('/hub', definition, { allowStatefulReconnects });
  }, options);
  const sockets = new Set<Socket>();
  host.http.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  if (hub === undefined) throw new Error('not mapped');
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return Object.assign(host, { hub, seen, cut });
}

async function negotiate(host: Host, query = '&useStatefulReconnect=true'): Promise<Record<string, unknown>> {
  const response = await fetch(`${host.url}/hub/negotiate?negotiateVersion=1${query}`, { method: 'POST' });
  return (await response.json()) as Record<string, unknown>;
}

const HANDSHAKE_2 = `{"protocol":"json","version":2}${RS}`;

/** Connects with stateful reconnect. A new socket to `path` resumes the same connection. */
async function openResumable(host: Host): Promise<{ client: RawClient; path: string }> {
  const { connectionToken } = await negotiate(host);
  const path = `/hub?id=${String(connectionToken)}`;
  const client = await connectRaw(host, path);
  client.send(HANDSHAKE_2);
  await client.next();
  return { client, path };
}

const sequence = (id: number): string => `{"type":9,"sequenceId":${id}}${RS}`;
const ack = (id: number): string => `{"type":8,"sequenceId":${id}}${RS}`;

describe('negotiate', () => {
  test('the negotiate answer grants stateful reconnect only if the client requests it and the hub allows it', async () => {
    await using host = await start();
    expect(Object.entries(await negotiate(host))[0]).toEqual(['useStatefulReconnect', true]);
    expect(await negotiate(host, '&USEstatefulreconnect=True')).toHaveProperty('useStatefulReconnect');
    expect(await negotiate(host, '')).not.toHaveProperty('useStatefulReconnect');
    expect(await negotiate(host, '&useStatefulReconnect=maybe')).not.toHaveProperty('useStatefulReconnect');
    await using strict = await start({}, false);
    expect(await negotiate(strict)).not.toHaveProperty('useStatefulReconnect');
  });
});

describe('a connection that lost its socket', () => {
  test('a connection that lost its socket resumes with unacknowledged messages, followed by newer ones', async () => {
    await using host = await start();
    const { client, path } = await openResumable(host);
    for (const n of [1, 2, 3]) host.hub.clients.all.send('note', n);
    for (let n = 0; n < 3; n += 1) await client.next();
    client.send(ack(1) + call('take', ['a'], 'x'));
    await client.next();
    client.socket.terminate();
    await client.closed;
    await expect.poll(() => host.openRequests).toBe(0);
    host.hub.clients.all.send('note', 4);
    await using again = await connectRaw(host, path);
    expect(await again.next()).toBe('{"type":9,"sequenceId":2}');
    const texts = [await again.next(), await again.next(), await again.next(), await again.next()];
    expect(texts).toEqual([
      '{"type":1,"target":"note","arguments":[2]}',
      '{"type":1,"target":"note","arguments":[3]}',
      '{"type":3,"invocationId":"x","result":null}',
      '{"type":1,"target":"note","arguments":[4]}',
    ]);
    again.send(`{"type":6}${RS}${call('take', ['ignored'], 'i')}`);
    again.send(sequence(1) + call('take', ['a'], 'x') + call('take', ['b'], 'y'));
    expect(await again.next()).toBe('{"type":3,"invocationId":"y","result":null}');
    expect(host.seen).toEqual(['a', 'b']);
    expect(host.events.map(({ type }) => type)).toEqual(['connection_opened', 'connection_resumed']);
  });

  test('the server acknowledges at most once a second, and only new messages', async () => {
    await using host = await start();
    const { client } = await openResumable(host);
    await using _client = client;
    client.send(call('echo', [1], 'a') + call('echo', [2], 'b'));
    await client.next();
    await client.next();
    host.clock.pass(1_000);
    expect(await client.next()).toBe('{"type":8,"sequenceId":2}');
    host.clock.pass(5_000);
    client.send(call('echo', [3], 'c'));
    expect(await client.next()).toContain('"c"');
  });

  test('an incomplete message from the old socket is not joined with the bytes from the new socket', async () => {
    await using host = await start();
    const { client, path } = await openResumable(host);
    const whole = call('take', ['whole'], '1');
    const half = call('take', ['half'], '2');
    client.send(whole + half.slice(0, 20));
    await client.next();
    client.socket.terminate();
    await client.closed;
    await using again = await connectRaw(host, path);
    again.send(sequence(1) + whole + half);
    await again.next();
    expect([await again.next(), await again.next()].join()).toContain('"invocationId":"2"');
    expect(host.seen).toEqual(['whole', 'half']);
  });

  test('a newer socket of a connection replaces the older socket', async () => {
    await using host = await start();
    const { client, path } = await openResumable(host);
    await using again = await connectRaw(host, path);
    expect(await client.closed).toBe(1006);
    expect(await again.next()).toBe('{"type":9,"sequenceId":1}');
    again.send(sequence(1) + call('echo', ['on']));
    expect(await again.next()).toContain('"on"');
  });

  test('a connection that lost its socket ends when its client does not reconnect before the disconnect timeout', async () => {
    await using host = await start({ disconnectTimeoutMs: 5_000 });
    const { client, path } = await openResumable(host);
    client.socket.terminate();
    await client.closed;
    await expect.poll(() => host.hub.connections.count).toBe(1);
    for (let round = 0; round < 3; round += 1) await fetch(`${host.url}/x`);
    host.clock.pass(7_000);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'transport_lost' });
    await expect(statusOf(host, path)).resolves.toBe(404);
  });

  test('a connection with stateful reconnect ends when its client sends a close frame', async () => {
    await using host = await start();
    const { client, path } = await openResumable(host);
    client.socket.close(1001);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'client_closed' });
    await expect(statusOf(host, path)).resolves.toBe(404);
  });

  test('a connection that lost its socket ends immediately when the hub aborts it', async () => {
    await using host = await start();
    const { client, path } = await openResumable(host);
    client.socket.terminate();
    await client.closed;
    for (let round = 0; round < 3; round += 1) await fetch(`${host.url}/x`);
    const [connection] = host.hub.connections.list();
    void host.hub.connections.abort(connection?.connectionId ?? '');
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'aborted' });
    await expect(statusOf(host, path)).resolves.toBe(404);
  });

  test('a connection ends with an error when its client resumes beyond the messages that it sent', async () => {
    await using host = await start({ enableDetailedErrors: true });
    const { client, path } = await openResumable(host);
    client.socket.terminate();
    await client.closed;
    await using again = await connectRaw(host, path);
    await again.next();
    again.send(sequence(2));
    expect(await again.next()).toContain("Sequence ID greater than amount of messages we've received.");
  });

  test.each([
    ['a handshake with version 1', `{"protocol":"json","version":1}${RS}`, '&useStatefulReconnect=true'],
    ['a negotiation without stateful reconnect', HANDSHAKE_2, ''],
  ])('a connection ends together with its socket after %s', async (_title, handshake, query) => {
    await using host = await start();
    const { connectionToken } = await negotiate(host, query);
    const path = `/hub?id=${String(connectionToken)}`;
    const client = await connectRaw(host, path);
    client.send(handshake);
    await client.next();
    await expect(statusOf(host, path)).resolves.toBe(409);
    client.socket.terminate();
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'transport_lost' });
    await expect(statusOf(host, path)).resolves.toBe(404);
  });
});

describe('messages that a client does not acknowledge', () => {
  test('the server stops sending at the limit of unacknowledged messages until the client acknowledges', async () => {
    await using host = await start({ statefulReconnectBufferBytes: 1_000, sendTimeoutMs: 600_000 });
    const { client } = await openResumable(host);
    await using _client = client;
    for (let n = 0; n < 100; n += 1) host.hub.clients.all.send('note', n);
    client.send(`{"type":5,"invocationId":"none"}${RS}`);
    await host.event('message_ignored');
    for (let round = 0; round < 3; round += 1) await fetch(`${host.url}/x`);
    const first = client.waiting.length;
    expect(first).toBeGreaterThan(10);
    expect(first).toBeLessThan(40);
    let count = 0;
    while (count < 100) {
      await client.next();
      count += 1;
      if (count % 10 === 0) client.send(ack(count));
    }
  });

  test.each([
    ['reaches the client timeout', 'client_timeout', { clientTimeoutMs: 5_000, sendTimeoutMs: 600_000 }],
    ['reaches the send timeout', 'send_timeout', { clientTimeoutMs: 600_000, sendTimeoutMs: 5_000 }],
    ['is aborted by the hub', 'aborted', { clientTimeoutMs: 600_000, sendTimeoutMs: 600_000 }],
  ] as const)(
    'a client that never acknowledges does not block other clients, and is closed when it %s',
    async (_title, reason, times) => {
      await using host = await start({ statefulReconnectBufferBytes: 100, ...times });
      const { client } = await openResumable(host);
      await using _client = client;
      await using other = await openRaw(host);
      client.send(`{"type":6}${RS}${call('echo', [1], 'a')}`);
      await client.next();
      const [full] = host.hub.connections.list();
      for (let n = 0; n < 10; n += 1) expect(host.hub.clients.all.send('note', n)).toBe(2);
      for (let n = 0; n < 10; n += 1) expect(await other.next()).toContain(`[${n}]`);
      expect(host.hub.connections.waitingBytes).toBeGreaterThan(0);
      if (reason === 'aborted') void host.hub.connections.abort(full?.connectionId ?? '');
      else host.clock.pass(7_000);
      expect(await host.event('connection_closed')).toMatchObject({ reason });
      await client.closed;
      expect(host.hub.clients.all.send('note', 10)).toBe(1);
      expect(await other.next()).toContain('[10]');
    },
  );

  test('a client that never acknowledges is closed after the send timeout', async () => {
    await using host = await start({ statefulReconnectBufferBytes: 1_000, sendTimeoutMs: 3_000 });
    const { client } = await openResumable(host);
    for (let n = 0; n < 100; n += 1) host.hub.clients.all.send('note', n);
    host.clock.pass(5_000);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'send_timeout' });
    await client.closed;
  });
});

/**
 * Builds an official client. `notes` collects the notes that it receives. `ends` collects the errors with which it loses its
 * connection.
 */
function buildOfficial(url: string, protocol: 'json' | 'messagepack') {
  const builder = new HubConnectionBuilder()
    .withUrl(`${url}/hub`)
    .withStatefulReconnect()
    .configureLogging(LogLevel.None);
  if (protocol === 'messagepack') builder.withHubProtocol(new MessagePackHubProtocol());
  const connection = builder.build();
  const notes: number[] = [];
  const ends: unknown[] = [];
  connection.on('note', (n: number) => void notes.push(n));
  connection.onclose((error) => ends.push(error));
  connection.onreconnecting((error) => ends.push(error));
  return { connection, notes, ends };
}

describe.each(['json', 'messagepack'] as const)('the official client with %s', (protocol) => {
  test('the official client neither loses nor duplicates a message in either direction while its sockets break', async () => {
    await using host = await start({ tickIntervalMs: 100 });
    const { connection, notes, ends } = buildOfficial(host.url, protocol);
    await connection.start();
    const { connectionId } = connection;
    const total = 400;
    for (let n = 0; n < total; n += 1) {
      host.hub.clients.all.send('note', n);
      void connection.send('take', n);
      if (n % 80 === 40) {
        const resumed = host.events.filter(({ type }) => type === 'connection_resumed').length;
        host.cut();
        // Both sides send more messages while the client is disconnected.
        host.hub.clients.all.send('note', -1 - n);
        void connection.send('take', -1 - n);
        await expect
          .poll(() => host.events.filter(({ type }) => type === 'connection_resumed').length)
          .toBe(resumed + 1);
      }
      if (n % 10 === 0) {
        host.clock.pass(100);
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
      }
    }
    const all = Array.from({ length: total }, (_, n) => (n % 80 === 40 ? [n, -1 - n] : [n])).flat();
    await expect.poll(() => notes.length).toBeGreaterThanOrEqual(all.length);
    await expect.poll(() => host.seen.length).toBeGreaterThanOrEqual(all.length);
    expect(notes).toEqual(all);
    expect(host.seen).toEqual(all);
    expect(connection.connectionId).toBe(connectionId);
    expect(ends).toEqual([]);
    await connection.stop();
  });
});

describe.each([
  ['json', 1],
  ['json', 2],
  ['messagepack', 3],
  ['messagepack', 4],
] as const)('the official client with %s over a wire that breaks anywhere (seed %i)', (protocol, seed) => {
  test('the official client neither loses nor duplicates a message, even when a replay is interrupted', async () => {
    // The server acknowledges at most once per tick, and a tick takes only one millisecond here. The client acknowledges after one
    // second of real time.
    await using host = await start({
      tickIntervalMs: 1,
      sendTimeoutMs: 600_000,
      disconnectTimeoutMs: 600_000,
    });
    await using proxy = await startTcpProxy(Number(new URL(host.url).port));
    const { connection, notes, ends } = buildOfficial(`http://127.0.0.1:${proxy.port}`, protocol);
    await connection.start();
    proxy.breakNext(40, seededBreaks(seed));
    let total = 0;
    while (proxy.breaksLeft > 0 && ends.length === 0) {
      const answers = Array.from({ length: 100 }, (_, index) => {
        host.hub.clients.all.send('note', total + index);
        return connection.invoke('take', total + index);
      });
      const batch = { isAnswered: false };
      void Promise.all(answers)
        .catch((error: unknown) => ends.push(error))
        .finally(() => {
          batch.isAnswered = true;
        });
      // The server acknowledges messages that arrived over the previous socket, while the client still replays them.
      for (let turn = 0; !batch.isAnswered; turn += 1) {
        if (turn % 40 === 0) host.clock.pass(1);
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
      }
      total += answers.length;
    }
    expect(ends).toEqual([]);
    const all = Array.from({ length: total }, (_, n) => n);
    await expect.poll(() => notes.length).toBeGreaterThanOrEqual(total);
    expect([notes, host.seen]).toEqual([all, all]);
    expect(host.events.filter(({ type }) => type === 'connection_opened')).toHaveLength(1);
    await connection.stop();
  });
});

async function statusOf(host: Host, path: string): Promise<number> {
  try {
    const client = await connectRaw(host, path);
    await client[Symbol.asyncDispose]();
    return 101;
  } catch (error) {
    return Number(/(\d{3})$/.exec(String(error))?.[1]);
  }
}
