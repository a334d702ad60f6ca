/*
 * Callbacks of the application that throw. Only the request, call or connection of the callback fails. All others are served.
 */
import { describe, expect, test } from 'vitest';
import { defineHub, type MapHubOptions, method, parseArguments } from '../../src/index.js';
import { type Host, startHost } from '../support/host.js';
import { negotiateUrl, openStream, post, send } from '../support/http-client.js';
import { call, connectRaw, HANDSHAKE, openRaw, RS } from '../support/raw-client.js';

const secret = new Error('the database is at 10.0.0.1');
const fail = (): never => {
  throw secret;
};

function start(options: MapHubOptions<undefined>): Promise<Host> {
  const hub = defineHub()({ methods: { echo: (_context, value) => value } });
  return startHost((server) => {
    server.mapHub('/hub', hub, options);
    server.mapHub('/fine', hub);
  });
}

async function expectServed(host: Host): Promise<void> {
  await using client = await openRaw(host, '/fine');
  client.send(call('echo', [1]));
  expect(await client.next()).toContain('"result":1');
}

describe('failing callbacks of requests', () => {
  test('a negotiate request receives 500 with an empty body when redirectNegotiate throws', async () => {
    await using host = await start({ redirectNegotiate: fail });
    expect((await post(`${host.url}/hub/negotiate`, '')).text).toBe('500');
    expect(await host.event('request_failed')).toEqual({
      type: 'request_failed',
      hub: '/hub',
      error: secret,
    });
    await expectServed(host);
  });

  test('a negotiate request and an upgrade request receive 500 when allowedOrigins throws', async () => {
    await using host = await start({ allowedOrigins: fail });
    const headers = { Origin: 'https://app.example' };
    expect((await post(`${host.url}/hub/negotiate`, '', headers)).text).toBe('500');
    await expect(connectRaw(host, '/hub', headers)).rejects.toThrow('500');
    expect(host.events.map(({ type }) => type)).toEqual(['request_failed', 'request_failed']);
    await expectServed(host);
  });
});

describe('a failing createItems', () => {
  const close = '{"type":7,"error":"Connection closed with an error."}';

  async function startItems(calls: string[]): Promise<Host> {
    const hub = defineHub<unknown, undefined, { count: number }>()({
      createItems: fail,
      onConnected: () => void calls.push('connected'),
      onDisconnected: () => void calls.push('disconnected'),
      methods: {},
    });
    return startHost((server) => {
      server.mapHub('/hub', hub);
      server.mapHub('/fine', defineHub()({ methods: { echo: (_context, value) => value } }));
    });
  }

  test('a connection whose createItems throws ends like a connection whose onConnected throws, over WebSockets', async () => {
    const calls: string[] = [];
    await using host = await startItems(calls);
    await using client = await openRaw(host);
    expect(await client.next()).toBe(close);
    expect(await client.closed).toBe(1000);
    expect(await host.event('connection_closed')).toMatchObject({
      reason: 'connected_failed',
      error: secret,
    });
    expect(calls).toEqual([]);
    await expectServed(host);
  });

  test('a connection whose createItems throws ends like a connection whose onConnected throws, over server-sent events', async () => {
    await using host = await startItems([]);
    const url = await negotiateUrl(host);
    await using events = await openStream(url);
    await post(url, HANDSHAKE);
    await events.next();
    expect(await events.next()).toContain(close);
  });

  test('a connection whose createItems throws ends like a connection whose onConnected throws, over long polling', async () => {
    await using host = await startItems([]);
    const url = await negotiateUrl(host);
    await send(url);
    await post(url, HANDSHAKE);
    expect((await send(url)).text).toBe(`200 {}${RS}${close}${RS}`);
    expect((await send(url)).status).toBe(204);
  });
});

test('an upload item for which the guard throws is treated as an item of the wrong type', async () => {
  const guard = (item: unknown): item is number => (item as { readonly n: { readonly m: number } }).n.m > 0;
  const hub = defineHub()({
    methods: {
      echo: (_context, value) => value,
      sum: method(
        parseArguments(),
        async (_context, items) => {
          for await (const _item of items);
        },
        { uploads: [guard] },
      ),
    },
  });
  await using host = await startHost((server) => server.mapHub('/hub', hub));
  await using client = await openRaw(host);
  client.send(`{"type":1,"invocationId":"1","target":"sum","arguments":[],"streamIds":["s"]}${RS}`);
  client.send(`{"type":2,"invocationId":"s","item":5}${RS}`);
  expect(await client.next()).toContain('Failed to bind Stream message.');
  client.send(call('echo', ['continues'], '2'));
  expect(await client.next()).toContain('continues');
});
