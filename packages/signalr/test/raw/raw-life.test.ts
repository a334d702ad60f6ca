/*
 * How raw connections end: leaving clients, failing handlers, limits, heartbeats, and the end of the server.
 */
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { SignalREvent, TransportName } from '../../src/index.js';
import { gate } from '../support/gate.js';
import type { Host } from '../support/host.js';
import { negotiateUrl, openStream, post, send, upgradeStatus } from '../support/http-client.js';
import { connectMessages } from '../support/message-client.js';
import { echo, startRaw, untilEnd } from '../support/raw-host.js';

const transports: readonly TransportName[] = ['WebSockets', 'ServerSentEvents', 'LongPolling'];

async function openSocket(host: Host): Promise<WebSocket> {
  const socket = new WebSocket(`${host.url.replace('http', 'ws')}/raw`, { autoPong: false });
  socket.on('error', () => {}); // tests wait for 'close', which follows
  await once(socket, 'open');
  return socket;
}

const ofType = (host: Host, type: SignalREvent['type']): readonly SignalREvent[] =>
  host.events.filter((event) => event.type === type);

describe('the end of a connection', () => {
  test.each(transports)(
    'a client that leaves over %s ends the handler’s iteration and aborts its signal',
    async (transport) => {
      const told: unknown[] = [];
      await using host = await startRaw(async (connection) => {
        connection.signal.addEventListener('abort', () => told.push('aborted'));
        for await (const message of connection) told.push(message);
        told.push('ended');
        await connection.send('too late').catch((error: Error) => told.push(Reflect.get(error, 'code')));
        void connection.send('nobody waits for this');
      });
      const client = await connectMessages(host, transport);
      await client.send('last words');
      await client[Symbol.asyncDispose]();
      expect(await host.event('connection_closed')).toMatchObject({
        reason: 'client_closed',
        error: undefined,
      });
      expect(told.filter((what) => what !== 'aborted')).toEqual(['last words', 'ended', 'disconnected']);
      expect(told).toContain('aborted');
    },
  );

  test('a handler does not fail if it ignores that its client has left', async () => {
    await using host = await startRaw(async (connection) => {
      await untilEnd(connection);
      await connection.send('too late');
    });
    const socket = await openSocket(host);
    socket.terminate();
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'transport_lost' });
    expect(ofType(host, 'handler_failed')).toEqual([]);
  });

  test.each(transports)(
    'a handler that throws ends its connection over %s, and the error is reported',
    async (transport) => {
      const error = new Error('a secret');
      await using host = await startRaw(async (connection) => {
        void connection.send('before');
        for await (const _ of connection) throw error;
      });
      await using client = await connectMessages(host, transport);
      await client.send('go');
      expect(await client.next()).toBe('before');
      const noticed = await client.closed;
      if (transport === 'WebSockets') expect(noticed?.message).toContain('1011');
      expect(String(noticed)).not.toContain('secret');
      expect(await host.event('handler_failed')).toMatchObject({ hub: '/raw', transport, error });
      expect(await host.event('connection_closed')).toMatchObject({ reason: 'handler_failed', error });
    },
  );

  test('a handler that throws synchronously, or throws something that is not an error, is reported too', async () => {
    await using host = await startRaw(() => {
      throw 'text';
    });
    const socket = await openSocket(host);
    if (socket.readyState !== WebSocket.CLOSED) await once(socket, 'close');
    expect(await host.event('handler_failed')).toMatchObject({ error: new Error('text') });
  });

  test('close(error) ends a connection like a failing handler, and later calls have no effect', async () => {
    const error = new Error('not today');
    await using host = await startRaw((connection) => {
      connection.close(error);
      connection.close();
      throw new Error('later');
    });
    const socket = await openSocket(host);
    if (socket.readyState !== WebSocket.CLOSED) await once(socket, 'close');
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'handler_failed', error });
  });

  test.each(transports)(
    'a message above the size limit ends the raw connection over %s',
    async (transport) => {
      const received: unknown[] = [];
      await using host = await startRaw(
        async (connection) => {
          for await (const message of connection) received.push(message);
        },
        { limits: { maximumReceiveMessageBytes: 1_000 } },
      );
      await using client = await connectMessages(host, transport);
      await client.send('x'.repeat(1_000));
      await client.send('y'.repeat(1_001)).catch(() => {}); // the server refuses the POST early
      expect(await host.event('connection_closed')).toMatchObject({ reason: 'message_too_big' });
      expect(received.filter((message) => message !== 'x'.repeat(1_000))).toEqual([]);
    },
  );

  test('a WebSocket message above the transport’s limit ends the raw connection', async () => {
    await using host = await startRaw(
      echo,
      { limits: { maximumReceiveMessageBytes: 10_000 } },
      { maximumTransportMessageBytes: 5_000 },
    );
    const socket = await openSocket(host);
    socket.send('x'.repeat(5_001));
    expect(await once(socket, 'close')).toEqual([1011, Buffer.alloc(0)]);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'message_too_big' });
  });
});

describe('slow sides', () => {
  const CHUNK = new Uint8Array(65_536);

  test('a client that reads nothing is closed when its handler does not wait for its messages', async () => {
    let sent = 0;
    await using host = await startRaw(async (connection) => {
      for (; sent < 5_000 && !connection.signal.aborted; sent += 1) {
        void connection.send(CHUNK);
        if (sent % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    });
    const socket = await openSocket(host);
    socket.pause();
    await expect
      .poll(() => sent >= 5_000 || ofType(host, 'connection_closed').length > 0 || host.clock.pass(1_000))
      .toBe(true);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'slow_consumer' });
    expect(sent).toBeLessThan(2_000);
    socket.terminate();
  });

  test('a slow client holds up a handler that waits for its messages, until the send timeout', async () => {
    let sent = 0;
    const codes: unknown[] = [];
    await using host = await startRaw(async (connection) => {
      try {
        for (; sent < 2_000; sent += 1) await connection.send(CHUNK);
      } catch (error) {
        codes.push(Reflect.get(error as Error, 'code'));
        throw error;
      }
    });
    const socket = await openSocket(host);
    socket.pause();
    await expect
      .poll(() => {
        host.clock.pass(1_000);
        return ofType(host, 'connection_closed').length;
      })
      .toBe(1);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'send_timeout' });
    expect(sent).toBeLessThan(1_000);
    expect(codes).toEqual(['disconnected']);
    expect(ofType(host, 'handler_failed')).toEqual([]);
    socket.terminate();
  });

  test('a message above the outbound limit reaches a client that reads', async () => {
    await using host = await startRaw(
      async (connection) => {
        for (let count = 0; count < 3; count += 1) await connection.send('x'.repeat(200_000) + count);
        await untilEnd(connection);
      },
      { limits: { maximumOutboundBytes: 100_000 } },
    );
    await using client = await connectMessages(host, 'WebSockets');
    for (let count = 0; count < 3; count += 1) {
      const message = (await client.next()) as string;
      expect([message.length, message.at(-1)]).toEqual([200_001, String(count)]);
    }
  });

  test('a handler that does not read loses nothing, because the server stops reading from the client', async () => {
    const hold = gate();
    const received: unknown[] = [];
    await using host = await startRaw(
      async (connection) => {
        await hold.opened;
        for await (const message of connection) received.push(String(message).length);
      },
      { limits: { maximumInboundBufferBytes: 1_000 } },
    );
    const url = await negotiateUrl(host, '/raw');
    await using _stream = await openStream(url);
    await post(url, 'x'.repeat(500));
    const answers: number[] = [];
    const posts = [800, 900].map(async (size) => answers.push((await post(url, 'x'.repeat(size))).status));
    await expect.poll(() => host.openRequests).toBe(3);
    expect(answers).toEqual([]);
    hold.open();
    await Promise.all(posts);
    await expect.poll(() => received.length).toBe(3);
    expect(received).toEqual([500, 800, 900]);
    expect(answers).toEqual([200, 200]);
  });
});

describe('the budget of a user', () => {
  test('a message beyond its user’s budget waits and is not lost', async () => {
    const received: string[] = [];
    await using host = await startRaw(
      async (connection) => {
        for await (const message of connection) received.push(String(message));
      },
      { clientLimits: { messageBurst: 300, messagesPerSecond: 10, maximumConnections: 1 } },
    );
    const socket = await openSocket(host);
    expect(await upgradeStatus(`${host.url}/raw`)).toBe(429);
    const texts = Array.from({ length: 293 }, (_, index) => `message ${index}`);
    for (const text of texts) socket.send(text);
    // Opening the connections cost 10 of 300.
    await expect.poll(() => received.length).toBe(290);
    host.clock.pass(1_000);
    await expect.poll(() => received).toEqual(texts);
    expect(ofType(host, 'connection_closed')).toEqual([]);
    socket.terminate();
  });
});

describe('heartbeats', () => {
  test('a silent WebSocket receives pings, and is closed when it no longer answers them', async () => {
    await using host = await startRaw(untilEnd, {
      limits: { keepAliveIntervalMs: 2_000, clientTimeoutMs: 5_000 },
    });
    const socket = await openSocket(host);
    for (let count = 0; count < 3; count += 1) {
      const ping = once(socket, 'ping');
      host.clock.pass(2_000);
      await ping;
      socket.pong();
      socket.send('read');
    }
    // The next ping proves that the server has read the last pong.
    host.clock.pass(4_000);
    expect(ofType(host, 'connection_closed')).toEqual([]);
    const closed = once(socket, 'close');
    host.clock.pass(4_000);
    host.clock.pass(4_000);
    await closed;
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'client_timeout' });
  });

  test('a silent event stream receives comments, which its client does not notice', async () => {
    await using host = await startRaw(echo, { limits: { keepAliveIntervalMs: 2_000 } });
    await using client = await connectMessages(host, 'ServerSentEvents');
    const url = await negotiateUrl(host, '/raw');
    await using stream = await openStream(url);
    let bytes = '';
    stream.response.on('data', (chunk: Buffer) => {
      bytes += chunk.toString();
    });
    host.clock.pass(10_000);
    await expect.poll(() => bytes.split(':\r\n').length).toBeGreaterThan(3);
    await client.send('still the first message');
    expect(await client.next()).toBe('still the first message');
  });

  test('a polling client that does not return counts as lost', async () => {
    await using host = await startRaw(echo);
    await send(await negotiateUrl(host, '/raw'));
    host.clock.pass(20_000);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'transport_lost' });
  });
});

describe('the end of the server', () => {
  test.each(transports)(
    'the server’s close() ends a connection over %s, and waits for its handler',
    async (transport) => {
      const order: string[] = [];
      await using host = await startRaw(async (connection) => {
        for await (const message of connection) void connection.send(message);
        await Promise.resolve();
        order.push('handler');
      });
      await using client = await connectMessages(host, transport);
      await client.send('one');
      expect(await client.next()).toBe('one');
      const closed = host.server.close().then(() => order.push('server'));
      await client.closed;
      await closed;
      expect(order).toEqual(['handler', 'server']);
      expect(await host.event('connection_closed')).toMatchObject({
        reason: 'server_closed',
        error: undefined,
      });
      expect((await send(`${host.url}/raw/negotiate`, { method: 'POST' })).text).toBe('200 other');
    },
  );

  test('close() waits at most withinMs for a handler that never returns', async () => {
    await using host = await startRaw(() => new Promise(() => {}));
    const socket = await openSocket(host);
    const closing = host.server.close({ withinMs: 2_000 });
    await once(socket, 'close');
    host.clock.pass(3_000);
    await closing;
  });

  test('a draining server refuses new clients with 503, and serves a connection until its wave', async () => {
    await using host = await startRaw(echo);
    await using first = await connectMessages(host, 'WebSockets');
    await using second = await connectMessages(host, 'LongPolling');
    const drained = host.server.drain({ withinMs: 10_000 });
    expect((await send(`${host.url}/raw/negotiate`, { method: 'POST' })).status).toBe(503);
    expect(await upgradeStatus(`${host.url}/raw`)).toBe(503);
    host.clock.pass(5_000);
    await first.closed;
    await second.send('still served');
    expect(await second.next()).toBe('still served');
    host.clock.pass(6_000);
    await second.closed;
    await drained;
    expect(ofType(host, 'connection_closed').map((event) => Reflect.get(event, 'reason'))).toEqual([
      'server_closed',
      'server_closed',
    ]);
  });
});
