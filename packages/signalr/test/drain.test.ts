/*
 * A draining server refuses new clients, and tells its connected clients in waves to reconnect. Each client is served normally
 * until its wave.
 */
import { HubConnectionBuilder, LogLevel } from '@microsoft/signalr';
import { describe, expect, test } from 'vitest';
import { mayStayOpen } from '../src/drain.js';
import { defineHub, type SignalRServer } from '../src/index.js';
import { type Host, startHost } from './support/host.js';
import { call, openRaw, type RawClient } from './support/raw-client.js';

const echoHub = defineHub<{ note(text: string): void }>()({
  methods: { echo: (_context, value: unknown) => value },
});

const mapEcho = (server: SignalRServer): void => {
  server.mapHub('/hub', echoHub);
};

async function openMany(host: Host, count: number): Promise<readonly RawClient[]> {
  const clients: RawClient[] = [];
  for (let index = 0; index < count; index += 1) clients.push(await openRaw(host));
  return clients;
}

/**
 * Returns the number of clients that have received a Close message. Calls `echo` through each open client first, so that all
 * earlier messages have arrived.
 */
async function leftAmong(clients: readonly RawClient[]): Promise<number> {
  let left = 0;
  for (const client of clients) {
    if (client.socket.readyState === client.socket.OPEN) client.send(call('echo', ['still here?']));
    const answer = await client.next();
    if (answer.includes('still here?')) continue;
    expect(JSON.parse(answer)).toEqual({ type: 7, allowReconnect: true });
    left += 1;
  }
  return left;
}

describe('drain', () => {
  test('a drain closes clients in evenly spread waves, and serves each client until its wave', async () => {
    await using host = await startHost(mapEcho);
    const clients = await openMany(host, 10);
    const drained = host.server.drain({ withinMs: 10_000 });
    let remaining = clients;
    for (const expectedLeft of [2, 3, 5]) {
      host.clock.pass(expectedLeft * 1_000);
      expect(await leftAmong(remaining.slice(0, expectedLeft))).toBe(expectedLeft);
      remaining = remaining.slice(expectedLeft);
      expect(await leftAmong(remaining)).toBe(0);
    }
    await drained;
    expect(host.events.filter(({ type }) => type === 'connection_closed')).toHaveLength(10);
    expect(host.events).not.toContainEqual(expect.objectContaining({ reason: 'transport_lost' }));
  });

  test.each([
    ['resolved', () => Promise.resolve()],
    ['rejected', () => Promise.reject(new Error('on purpose'))],
  ] as const)(
    'the first wave of a drain waits until the promise “after” is %s, while new clients are refused at once',
    async (_, end) => {
      await using host = await startHost(mapEcho);
      const clients = await openMany(host, 3);
      let finish: () => void = () => {};
      const after = new Promise<void>((resolve) => {
        finish = resolve;
      }).then(end);
      const drained = host.server.drain({ withinMs: 0, after });
      host.clock.pass(5_000);
      expect(await leftAmong(clients)).toBe(0);
      const negotiate = await fetch(`${host.url}/hub/negotiate?negotiateVersion=1`, { method: 'POST' });
      expect(negotiate.status).toBe(503);
      finish();
      await drained;
      expect(await leftAmong(clients)).toBe(3);
    },
  );

  test('a draining server refuses new clients with 503 and Retry-After from the beginning', async () => {
    await using host = await startHost(mapEcho);
    await using client = await openRaw(host);
    const drained = host.server.drain({ withinMs: 1_000 });
    const negotiate = await fetch(`${host.url}/hub/negotiate?negotiateVersion=1`, { method: 'POST' });
    expect(negotiate.status).toBe(503);
    expect(negotiate.headers.get('retry-after')).toBe('1');
    await expect(openRaw(host)).rejects.toThrow('503');
    client.send(call('echo', ['old clients stay']));
    expect(await client.next()).toContain('old clients stay');
    host.clock.pass(1_000);
    await drained;
    expect(() => host.server.mapHub('/other', echoHub)).toThrow('The server has been closed.');
  });

  test('a hub of a draining server still sends to the remaining clients', async () => {
    let send = (): number => 0;
    await using host = await startHost((server) => {
      const hub = server.mapHub('/hub', echoHub);
      send = () => hub.clients.all.send('note', 'x');
    });
    const clients = await openMany(host, 4);
    void host.server.drain({ withinMs: 4_000 });
    host.clock.pass(2_000);
    expect(send()).toBe(2);
    for (const client of clients.slice(2)) expect(await client.next()).toContain('"note"');
  });

  test('a drain ends at once without connections, and closes all connections at once with a period of 0', async () => {
    await using empty = await startHost(mapEcho);
    await empty.server.drain({ withinMs: 60_000 });
    await using host = await startHost(mapEcho);
    const clients = await openMany(host, 3);
    await host.server.drain({ withinMs: 0 });
    for (const client of clients) await client.closed;
  });

  test('a drain ends early when close() is called, or when all clients disconnect', async () => {
    await using closing = await startHost(mapEcho);
    const [client] = await openMany(closing, 1);
    const drained = closing.server.drain({ withinMs: 60_000 });
    await closing.server.close();
    await drained;
    await client?.closed;
    await using leaving = await startHost(mapEcho);
    const clients = await openMany(leaving, 3);
    const left = leaving.server.drain({ withinMs: 60_000 });
    for (const one of clients) one.socket.close();
    await left;
  });

  test('a drain ends after the close timeout even if onDisconnected never returns', async () => {
    await using host = await startHost(
      (server) => {
        server.mapHub(
          '/hub',
          defineHub()({ methods: {}, onDisconnected: () => new Promise<void>(() => {}) }),
        );
      },
      { closeTimeoutMs: 2_000 },
    );
    await using client = await openRaw(host);
    const drained = host.server.drain({ withinMs: 1_000 });
    host.clock.pass(1_000);
    await client.closed;
    host.clock.pass(3_000);
    await drained;
  });

  test('an official client with automatic reconnect moves from a draining server to another one', async () => {
    await using old = await startHost(mapEcho);
    await using next = await startHost(mapEcho);
    const connection = new HubConnectionBuilder()
      .withUrl(`${old.url}/hub`)
      .withAutomaticReconnect([0, 0, 0])
      .configureLogging(LogLevel.None)
      .build();
    const reconnected = new Promise<void>((resolve) => {
      connection.onreconnected(() => resolve());
    });
    // A minimal load balancer: the reconnecting client finds the hub on the other server.
    connection.onreconnecting(() => {
      connection.baseUrl = `${next.url}/hub`;
    });
    await connection.start();
    await old.server.drain({ withinMs: 0 });
    await reconnected;
    await connection.stop();
  });

  test('a drain with an invalid period is refused', async () => {
    await using host = await startHost(mapEcho);
    for (const withinMs of [-1, Number.NaN]) {
      expect(() => host.server.drain({ withinMs })).toThrow('withinMs must be a number of 0 or more');
    }
  });
});

test('the number of connections that may stay open during a drain falls linearly to zero', () => {
  expect([0, 1, 500, 999, 1_000, 2_000].map((ms) => mayStayOpen(1_000, ms, 1_000))).toEqual([
    1_000, 999, 500, 1, 0, 0,
  ]);
  expect(mayStayOpen(5, 0, 0)).toBe(0);
});
