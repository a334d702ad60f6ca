/*
 * Options of a single hub: its limits, the headers of its negotiate answers, and the facts about a connection that its
 * methods see.
 */
import { HttpTransportType, HubConnectionBuilder, LogLevel } from '@microsoft/signalr';
import { MessagePackHubProtocol } from '@microsoft/signalr-protocol-msgpack';
import { describe, expect, test } from 'vitest';
import { createSignalRServer, defineHub } from '../../src/index.js';
import { startHost } from '../support/host.js';
import { call, openRaw } from '../support/raw-client.js';

const fail = (): never => {
  throw new Error('why it failed');
};
const hub = defineHub()({
  methods: {
    fail,
    echo: (_context, value) => value,
    about: ({ transport, protocol }) => `${transport} ${protocol}`,
  },
});

const ofServer: object = { pollTimeoutMs: 5 };

describe('the limits of a hub', () => {
  test('a hub follows its own limits, and a hub without limits follows those of the server', async () => {
    await using host = await startHost(
      (server) => {
        server.mapHub('/detailed', hub, {
          limits: { enableDetailedErrors: true, maximumReceiveMessageBytes: 200 },
        });
        server.mapHub('/plain', hub);
      },
      { maximumReceiveMessageBytes: 2_000 },
    );
    await using detailed = await openRaw(host, '/detailed');
    await using plain = await openRaw(host, '/plain');
    for (const client of [detailed, plain]) client.send(call('fail'));
    expect(await detailed.next()).toContain('why it failed');
    expect(await plain.next()).not.toContain('why it failed');
    const long = 'x'.repeat(500);
    for (const client of [detailed, plain]) client.send(call('echo', [long]));
    expect(await plain.next()).toContain(long);
    await detailed.closed;
    expect(await host.event('connection_closed')).toMatchObject({
      hub: '/detailed',
      reason: 'message_too_big',
    });
  });

  test.each([
    [{ keepAliveIntervalMs: 0 }, /keepAliveIntervalMs must be a whole number from 1, not 0/],
    [{ maximumStreamsPerClient: Number.NaN }, /maximumStreamsPerClient must be/],
    [ofServer, /pollTimeoutMs is an option of the server, not a limit of a hub/],
  ])('the limits %j are refused when the hub is mapped', async (limits, message) => {
    await using server = createSignalRServer();
    expect(() => server.mapHub('/hub', hub, { limits })).toThrow(
      expect.objectContaining({ code: 'invalid_option', message: expect.stringMatching(message) as unknown }),
    );
  });

  test('an undefined limit of a hub is the limit of the server', async () => {
    await using host = await startHost((server) => {
      server.mapHub('/hub', hub, { limits: { maximumReceiveMessageBytes: undefined } as object });
    });
    await using client = await openRaw(host);
    client.send(call('echo', ['x']));
    expect(await client.next()).toContain('"result":"x"');
  });
});

describe('onNegotiate', () => {
  test('the headers that onNegotiate returns are in the response, even several cookies', async () => {
    const users: unknown[] = [];
    await using host = await startHost((server) => {
      server.mapHub('/hub', hub, {
        authenticate: () => ({ userId: 'ana', user: undefined }),
        onNegotiate: async ({ query }, { userId }) => {
          users.push(userId);
          return query.has('none') ? undefined : { 'Set-Cookie': ['a=1', 'b=2'], 'X-Instance': 'one' };
        },
      });
    });
    const answer = await fetch(`${host.url}/hub/negotiate?negotiateVersion=1`, { method: 'POST' });
    expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(answer.headers.get('x-instance')).toBe('one');
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(await answer.json()).toHaveProperty('connectionToken');
    const without = await fetch(`${host.url}/hub/negotiate?negotiateVersion=1&none`, { method: 'POST' });
    expect([without.status, without.headers.get('x-instance')]).toEqual([200, null]);
    expect(users).toEqual(['ana', 'ana']);
  });

  test('an error of onNegotiate is reported, and the answer is 500 without the error text', async () => {
    await using host = await startHost((server) => {
      server.mapHub('/hub', hub, { onNegotiate: fail });
    });
    const answer = await fetch(`${host.url}/hub/negotiate?negotiateVersion=1`, { method: 'POST' });
    expect([answer.status, await answer.text()]).toEqual([500, '']);
    expect(await host.event('request_failed')).toMatchObject({ error: { message: 'why it failed' } });
  });
});

test.each([
  [HttpTransportType.WebSockets, true, 'WebSockets messagepack'],
  [HttpTransportType.ServerSentEvents, false, 'ServerSentEvents json'],
  [HttpTransportType.LongPolling, true, 'LongPolling messagepack'],
])(
  'a method sees the transport and the protocol of its caller (transport %i, binary: %s)',
  async (transport, isBinary, expected) => {
    await using host = await startHost((server) => {
      server.mapHub('/hub', hub);
    });
    const builder = new HubConnectionBuilder()
      .withUrl(`${host.url}/hub`, { transport })
      .configureLogging(LogLevel.None);
    if (isBinary) builder.withHubProtocol(new MessagePackHubProtocol());
    const connection = builder.build();
    await connection.start();
    expect(await connection.invoke('about')).toBe(expected);
    await connection.stop();
  },
);

test('the list of connections contains the transport and the opening time of each connection', async () => {
  let listed: readonly unknown[] = [];
  await using host = await startHost((server) => {
    const mapped = server.mapHub(
      '/hub',
      defineHub()({ methods: { look: () => void (listed = mapped.connections.list()) } }),
    );
  });
  await using client = await openRaw(host);
  client.send(call('look'));
  await client.next();
  expect(listed).toEqual([
    {
      connectionId: expect.any(String) as unknown,
      userId: null,
      transport: 'WebSockets',
      connectedAt: new Date(Date.UTC(2026, 0, 1)),
    },
  ]);
});
