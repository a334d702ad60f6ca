/*
 * The life of a connection against a client that misbehaves: handshake, errors, timers, and how it ends.
 */
import { describe, expect, test } from 'vitest';
import { defineHub, type SignalRServer, type SignalRServerOptions } from '../../src/index.js';
import { type Host, startHost } from '../support/host.js';
import { call, connectRaw, HANDSHAKE, openRaw, RS } from '../support/raw-client.js';

function mapEcho(server: SignalRServer): void {
  server.mapHub('/hub', defineHub()({ methods: { echo: (_context, value) => value } }));
}

function start(options: SignalRServerOptions = {}): Promise<Host> {
  return startHost(mapEcho, options);
}

describe('the handshake', () => {
  test('may come glued to an invocation', async () => {
    await using host = await start();
    await using client = await connectRaw(host);
    client.send(HANDSHAKE + call('echo', ['a']));
    expect(await client.next()).toBe('{}');
    expect(await client.next()).toBe('{"type":3,"invocationId":"1","result":"a"}');
  });

  test('may come byte by byte, in text or binary frames', async () => {
    await using host = await start();
    await using client = await connectRaw(host);
    for (const byte of Buffer.from(HANDSHAKE + call('echo', ['ü']))) client.socket.send(Buffer.from([byte]));
    expect(await client.next()).toBe('{}');
    expect(await client.next()).toBe('{"type":3,"invocationId":"1","result":"ü"}');
  });

  test.each([
    ['{"protocol":"x","version":1}', "The protocol 'x' is not supported.", 'refused'],
    ['{"protocol":"json"}', 'An unexpected error occurred during connection handshake.', 'malformed'],
    ['nonsense', 'An unexpected error occurred during connection handshake.', 'malformed'],
    ['x'.repeat(2_000), 'Handshake was canceled.', 'too_big'],
  ])('that is %s is refused', async (text, error, reason) => {
    await using host = await start({ maximumReceiveMessageBytes: 1_000 });
    await using client = await connectRaw(host);
    client.send(text + RS);
    expect(await client.next()).toBe(JSON.stringify({ error }));
    expect(await client.closed).toBe(1000);
    expect(await host.event('handshake_failed')).toMatchObject({ reason });
  });

  test('that never ends is canceled after its timeout, however slowly bytes drip in', async () => {
    await using host = await start({ handshakeTimeoutMs: 3_000 });
    await using client = await connectRaw(host);
    client.send('{');
    host.clock.advance(2_000);
    client.send('"');
    host.clock.advance(2_000);
    expect(await client.next()).toBe('{"error":"Handshake was canceled."}');
    expect(await client.closed).toBe(1000);
    expect(await host.event('handshake_failed')).toMatchObject({ reason: 'timeout' });
  });

  test('that fails calls no hook of the hub', async () => {
    const calls: string[] = [];
    await using host = await startHost((server) => {
      server.mapHub(
        '/hub',
        defineHub()({
          onConnected: () => void calls.push('connected'),
          onDisconnected: () => void calls.push('disconnected'),
          methods: {},
        }),
      );
    });
    await using client = await connectRaw(host);
    client.send(`{}${RS}`);
    await client.closed;
    await host.event('handshake_failed');
    expect(calls).toEqual([]);
  });
});

describe('a broken message', () => {
  test.each([
    'garbage',
    '[1]',
    '{}',
    '{"type":1}',
    '',
    '{"type":3,"invocationId":"1","error":"a","result":1}',
  ])('(%j) closes the connection, and the client may reconnect', async (text) => {
    await using host = await start();
    await using client = await openRaw(host);
    client.send(text + RS);
    expect(await client.next()).toBe(
      '{"type":7,"error":"Connection closed with an error.","allowReconnect":true}',
    );
    expect(await client.closed).toBe(1000);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'malformed_message' });
  });

  test('over the size limit closes the connection, and the client may reconnect', async () => {
    await using host = await start({ maximumReceiveMessageBytes: 100, enableDetailedErrors: true });
    await using client = await openRaw(host);
    client.send('x'.repeat(100));
    expect(await client.next()).toContain(
      'InvalidDataException: The maximum message size of 100B was exceeded',
    );
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'message_too_big' });
  });

  test('over the transport limit is told in a Close message before the socket closes', async () => {
    await using host = await start({ maximumTransportMessageBytes: 200 });
    await using client = await openRaw(host);
    client.send('x'.repeat(201));
    expect(await client.next()).toBe(
      '{"type":7,"error":"Connection closed with an error.","allowReconnect":true}',
    );
    await client.closed;
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'message_too_big' });
  });

  test('keeps what came before it', async () => {
    await using host = await start();
    await using client = await openRaw(host);
    client.send(`${call('echo', [1])}garbage${RS}${call('echo', [2])}`);
    expect(await client.next()).toContain('"result":1');
    expect(await client.next()).toContain('"type":7');
    await client.closed;
    expect(client.waiting).toEqual([]);
  });
});

describe('messages about what is not under way', () => {
  test.each([
    ['{"type":2,"invocationId":"1","item":1}', 2],
    ['{"type":3,"invocationId":"1","result":1}', 3],
    ['{"type":5,"invocationId":"1"}', 5],
    ['{"type":8,"sequenceId":1}', 8],
    ['{"type":9,"sequenceId":1}', 9],
  ])('%s is reported and has no effect', async (text, messageType) => {
    await using host = await start();
    await using client = await openRaw(host);
    client.send(text + RS + call('echo', ['after']));
    expect(await client.next()).toContain('"after"');
    expect(await host.event('message_ignored')).toMatchObject({ messageType });
  });

  test('uploads that the method does not take are refused in words', async () => {
    await using host = await start();
    await using client = await openRaw(host);
    client.send(`{"type":1,"invocationId":"1","target":"ECHO","arguments":[],"streamIds":["7"]}${RS}`);
    expect(await client.next()).toBe(
      '{"type":3,"invocationId":"1","error":"An unexpected error occurred invoking \'echo\' on the server. HubException: Client sent 1 stream(s), Hub method expects 0."}',
    );
  });

  test('without an invocation id nothing is ever answered', async () => {
    await using host = await start();
    await using client = await openRaw(host);
    client.send(
      `{"type":1,"target":"nope","arguments":[]}${RS}{"type":1,"target":"echo","arguments":[1]}${RS}`,
    );
    client.send(call('echo', ['last']));
    expect(await client.next()).toContain('"last"');
  });
});

describe('the timers', () => {
  test('ping a client that was sent nothing for the keep-alive interval', async () => {
    await using host = await start({ keepAliveIntervalMs: 5_000 });
    await using client = await openRaw(host);
    host.clock.advance(4_000);
    client.send(call('echo', ['sent']));
    expect(await client.next()).toContain('sent');
    host.clock.advance(5_000);
    client.send(call('echo', ['no ping before this']));
    expect(await client.next()).toContain('no ping before this');
    host.clock.advance(6_000);
    expect(await client.next()).toBe('{"type":6}');
  });

  test('close a client that pinged once and then fell silent', async () => {
    await using host = await start({ clientTimeoutMs: 8_000, keepAliveIntervalMs: 60_000 });
    await using client = await openRaw(host);
    client.send(`{"type":6}${RS}${call('echo', [1])}`);
    await client.next();
    host.clock.advance(7_000);
    client.send(call('echo', [2]));
    await client.next();
    host.clock.advance(7_000);
    client.send(call('echo', [3]));
    await client.next();
    host.clock.advance(10_000);
    expect(await client.next()).toBe(
      '{"type":7,"error":"Connection closed with an error.","allowReconnect":true}',
    );
    expect(await client.closed).toBe(1000);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'client_timeout' });
  });

  test('never close a silent client that does not ping at all', async () => {
    await using host = await start({ clientTimeoutMs: 8_000, keepAliveIntervalMs: 600_000 });
    await using client = await openRaw(host);
    host.clock.advance(100_000);
    client.send(call('echo', ['alive']));
    expect(await client.next()).toContain('alive');
  });

  test('do not count the time in which the client is not read, because an invocation waits for its turn, and then do', async () => {
    let finish: () => void = () => {};
    const started = new Promise<void>((begun) => {
      finish = begun;
    });
    let release: () => void = () => {};
    await using host = await startHost(
      (server) => {
        server.mapHub(
          '/hub',
          defineHub()({
            methods: {
              slow: () =>
                new Promise<void>((resolve) => {
                  release = resolve;
                  finish();
                }),
            },
          }),
        );
      },
      { clientTimeoutMs: 8_000, keepAliveIntervalMs: 600_000 },
    );
    await using client = await openRaw(host);
    client.send(`{"type":6}${RS}${call('slow')}${call('slow', [], '2')}`);
    await started;
    host.clock.advance(60_000);
    release();
    expect(await client.next()).toBe('{"type":3,"invocationId":"1","result":null}');
    release();
    expect(await client.next()).toBe('{"type":3,"invocationId":"2","result":null}');
    // From here on it is read again, and its silence counts.
    host.clock.advance(20_000);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'client_timeout' });
  });

  test('are one for all connections, and none when there are no connections', async () => {
    await using host = await start();
    expect(host.clock.timerCount).toBe(0);
    const clients = await Promise.all([openRaw(host), openRaw(host), openRaw(host)]);
    expect(host.clock.timerCount).toBe(1);
    const closed = host.event('connection_closed');
    for (const client of clients) await client[Symbol.asyncDispose]();
    await closed;
    await expect.poll(() => host.clock.timerCount).toBe(0);
  });
});

describe('the end', () => {
  test.each([
    [undefined, 1000],
    [1000, 1000],
    [1001, 1000],
    [4001, 1000],
  ])('of a client that closes with %s is answered with %i', async (code, answer) => {
    await using host = await start();
    await using client = await openRaw(host);
    if (code === undefined) client.socket.close();
    else client.socket.close(code);
    expect(await client.closed).toBe(answer);
    expect(await host.event('connection_closed')).toMatchObject({
      reason: 'client_closed',
      error: undefined,
    });
  });

  test('by a Close message is answered with one', async () => {
    await using host = await start();
    await using client = await openRaw(host);
    client.send(`{"type":7}${RS}`);
    expect(await client.next()).toBe('{"type":7}');
    expect(await client.closed).toBe(1000);
  });

  test('by a Close message with an error reaches onDisconnected', async () => {
    const errors: unknown[] = [];
    await using host = await startHost((server) => {
      server.mapHub(
        '/hub',
        defineHub()({ onDisconnected: (_context, error) => void errors.push(error), methods: {} }),
      );
    });
    await using client = await openRaw(host);
    client.send(`{"type":7,"error":"boo"}${RS}`);
    await host.event('connection_closed');
    expect(errors).toEqual([expect.objectContaining({ code: 'client_error', message: 'boo' })]);
  });

  test('by the hub keeps whatever the client had sent already from running', async () => {
    const ran: string[] = [];
    await using host = await startHost((server) => {
      server.mapHub(
        '/hub',
        defineHub()({
          methods: {
            leave(context) {
              ran.push('leave');
              context.abort();
            },
            more: () => void ran.push('more'),
          },
        }),
      );
    });
    await using client = await openRaw(host);
    client.send(call('leave') + call('more'));
    expect(await client.next()).toBe('{"type":7}');
    expect(await client.closed).toBe(1000);
    await host.event('connection_closed');
    expect(ran).toEqual(['leave']);
    expect(client.waiting).toEqual([]);
  });

  test('of the network gives onDisconnected an error', async () => {
    await using host = await start();
    await using client = await openRaw(host);
    client.socket.terminate();
    expect(await host.event('connection_closed')).toMatchObject({
      reason: 'transport_lost',
      error: { code: 'transport_lost' },
    });
  });

  test('still runs what the client sent before it left', async () => {
    const values: unknown[] = [];
    await using host = await startHost((server) => {
      server.mapHub(
        '/hub',
        defineHub()({
          methods: {
            async note(_context, value) {
              await new Promise((resolve) => {
                setImmediate(resolve);
              });
              values.push(value);
            },
          },
        }),
      );
    });
    await using client = await openRaw(host);
    for (let index = 0; index < 20; index += 1) client.send(call('note', [index]));
    client.socket.close();
    await host.event('connection_closed');
    expect(values).toEqual(Array.from({ length: 20 }, (_, index) => index));
  });

  test('after a failing onConnected tells the client not to reconnect, and onDisconnected still runs', async () => {
    const calls: unknown[] = [];
    await using host = await startHost((server) => {
      server.mapHub(
        '/hub',
        defineHub()({
          onConnected() {
            throw new Error('no');
          },
          onDisconnected: (_context, error) => void calls.push(error?.message),
          methods: {},
        }),
      );
    });
    await using client = await openRaw(host);
    expect(await client.next()).toBe('{"type":7,"error":"Connection closed with an error."}');
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'connected_failed' });
    expect(calls).toEqual(['no']);
  });

  test('comes in order: signal, onDisconnected in the group still, then gone', async () => {
    const steps: string[] = [];
    await using host = await startHost((server) => {
      const hub = server.mapHub(
        '/hub',
        defineHub<{ x(): void }>()({
          onConnected(context) {
            context.groups.add('g');
            context.signal.addEventListener('abort', () => steps.push('signal'));
          },
          onDisconnected(context) {
            steps.push(`disconnected ${hub.groups.count('g')} ${context.clients.group('g').send('x')}`);
          },
          methods: {},
        }),
      );
    });
    await using client = await openRaw(host);
    client.socket.close();
    await host.event('connection_closed');
    expect(steps).toEqual(['signal', 'disconnected 1 0']);
  });

  test('of the server tells every client to reconnect, within its time', async () => {
    await using host = await start();
    await using client = await openRaw(host);
    await host.server.close();
    expect(await client.next()).toBe('{"type":7,"allowReconnect":true}');
    expect(await client.closed).toBe(1000);
    expect(await host.event('connection_closed')).toMatchObject({
      reason: 'server_closed',
      error: undefined,
    });
  });

  test('of the server does not wait for a client that does not answer', async () => {
    await using host = await start();
    await using client = await openRaw(host);
    client.socket.pause();
    const closed = host.server.close({ withinMs: 3_000 });
    host.clock.advance(4_000);
    await closed;
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'server_closed' });
    client.socket.resume();
    await client.closed;
  });
});
