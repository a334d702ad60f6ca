/*
 * The order of filters, and their effect on a connection and its calls.
 */
import { describe, expect, test } from 'vitest';
import { defineHub, HubError, type HubFilter, isString, method, parseArguments } from '../../src/index.js';
import { type Gate, gate } from '../support/gate.js';
import { startHost } from '../support/host.js';
import { call, openRaw } from '../support/raw-client.js';

const methods = { echo: (_context: unknown, value: unknown): unknown => value };

function completion(id: string, rest: string): string {
  return `{"type":3,"invocationId":"${id}",${rest}}`;
}

describe('filters of the server and of the hub', () => {
  test('filters are nested in their order, and each filter begins when the previous one calls next()', async () => {
    const begun: string[] = [];
    const gates = new Map<string, Gate>();
    const pass = async (name: string, next: () => Promise<unknown>): Promise<unknown> => {
      begun.push(name);
      const own = gate();
      gates.set(name, own);
      await own.opened;
      return next();
    };
    const waiting = (name: string): HubFilter<unknown> => ({
      invoke: (_invocation, next) => pass(`${name} invoke`, next),
      connected: (_context, next) => pass(`${name} connected`, next).then(() => {}),
      disconnected: (_context, _error, next) => pass(`${name} disconnected`, next).then(() => {}),
    });
    await using host = await startHost(
      (server) => server.mapHub('/hub', defineHub()({ filters: [waiting('c'), waiting('d')], methods })),
      { filters: [waiting('a'), {}, waiting('b')] },
    );
    let count = 0;
    /** Opens the gates of all four filters in turn. Checks that no filter begins before the previous gate is open. */
    const passAll = async (step: string): Promise<void> => {
      for (const name of ['a', 'b', 'c', 'd']) {
        await expect.poll(() => begun.at(count)).toBe(`${name} ${step}`);
        await fetch(`${host.url}/x`);
        count += 1;
        expect(begun).toHaveLength(count);
        gates.get(`${name} ${step}`)?.open();
      }
    };
    await using client = await openRaw(host);
    await passAll('connected');
    client.send(call('echo', ['x']));
    await passAll('invoke');
    expect(await client.next()).toContain('"result":"x"');
    client.socket.close();
    await passAll('disconnected');
    await host.event('connection_closed');
  });
});

describe('a filter', () => {
  test('a filter may answer a call instead of the called method', async () => {
    const ran: unknown[] = [];
    const skip: HubFilter<unknown> = { invoke: () => undefined };
    await using host = await startHost((server) =>
      server.mapHub(
        '/hub',
        defineHub()({ filters: [skip], methods: { note: (_context, value) => void ran.push(value) } }),
      ),
    );
    await using client = await openRaw(host);
    client.send(call('note', ['x']));
    expect(await client.next()).toBe('{"type":3,"invocationId":"1","result":null}');
    expect(ran).toEqual([]);
  });

  test.each<[string, HubFilter<unknown>, string[]]>([
    ['catches what onConnected throws', { connected: (_context, next) => next().catch(() => {}) }, ['ran']],
    ['does not call onConnected', { connected: () => {} }, []],
  ])('a filter that %s keeps the connection open', async (_title, filter, calls) => {
    const seen: string[] = [];
    await using host = await startHost((server) =>
      server.mapHub(
        '/hub',
        defineHub()({
          filters: [filter],
          onConnected() {
            seen.push('ran');
            throw new Error('on purpose');
          },
          methods,
        }),
      ),
    );
    await using client = await openRaw(host);
    client.send(call('echo', ['served']));
    expect(await client.next()).toContain('"result":"served"');
    expect(seen).toEqual(calls);
  });

  test('a filter that throws in its function connected() ends the connection without permission to reconnect', async () => {
    const filter: HubFilter<unknown> = {
      connected() {
        throw new Error('not today');
      },
    };
    await using host = await startHost((server) =>
      server.mapHub('/hub', defineHub()({ filters: [filter], methods })),
    );
    await using client = await openRaw(host);
    expect(await client.next()).toBe('{"type":7,"error":"Connection closed with an error."}');
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'connected_failed' });
  });
});

describe('filters', () => {
  test('filters of the server run around filters of the hub, wrap methods and hooks, and may replace a result', async () => {
    const log: string[] = [];
    const named = (name: string): HubFilter<unknown> => ({
      async invoke({ method: called, arguments: args }, next) {
        log.push(`${name} ${called}(${args.join()})`);
        const result = await next();
        return `${name}(${String(result)})`;
      },
      async connected(_context, next) {
        log.push(`${name} connected`);
        await next();
      },
      async disconnected(_context, error, next) {
        log.push(`${name} disconnected ${String(error)}`);
        await next();
      },
    });
    await using host = await startHost(
      (server) =>
        server.mapHub(
          '/hub',
          defineHub()({
            filters: [named('hub'), { invoke: (_invocation, next) => next() }],
            onConnected: () => void log.push('connected'),
            onDisconnected: () => void log.push('disconnected'),
            methods: { echo: method(parseArguments(isString), (_context, text) => text) },
          }),
        ),
      { filters: [named('server')] },
    );
    await using client = await openRaw(host);
    client.send(call('ECHO', ['x']));
    expect(await client.next()).toBe(completion('1', '"result":"server(hub(x))"'));
    client.socket.close();
    await host.event('connection_closed');
    expect(log).toEqual([
      'server connected',
      'hub connected',
      'connected',
      'server echo(x)',
      'hub echo(x)',
      'server disconnected undefined',
      'hub disconnected undefined',
      'disconnected',
    ]);
  });

  test('a call fails when a filter throws', async () => {
    const filter: HubFilter<unknown> = {
      invoke() {
        throw new HubError('not today');
      },
    };
    await using host = await startHost((server) =>
      server.mapHub('/hub', defineHub()({ filters: [filter], methods: { a: () => 1 } })),
    );
    await using client = await openRaw(host);
    client.send(call('a'));
    expect(await client.next()).toContain('HubException: not today');
  });
});
