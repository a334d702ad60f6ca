/*
 * Clients that disconnect at different moments of their connection.
 */
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { defineHub, type Hub } from '../../src/index.js';
import { gate } from '../support/gate.js';
import { startHost } from '../support/host.js';
import { call, connectRaw, HANDSHAKE, openRaw } from '../support/raw-client.js';

interface Client {
  note(value: unknown): void;
  confirm(question: string): boolean;
}

/**
 * Passes uncaught errors to `take`, so that they do not end the test run. Disposing the returned object restores the previous
 * listeners.
 */
function takeUncaught(take: (error: unknown) => void): AsyncDisposable {
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', take);
  return {
    async [Symbol.asyncDispose]() {
      process.off('uncaughtException', take);
      for (const listener of others) process.on('uncaughtException', listener);
    },
  };
}

describe('a client that leaves', () => {
  test.each([
    ['before it sends anything', ''],
    ['in the middle of its handshake', HANDSHAKE.slice(0, 20)],
  ])('no hook runs for a client that disconnects %s', async (_, text) => {
    const calls: string[] = [];
    let hub: Hub<Client> | undefined;
    await using host = await startHost((server) => {
      hub = server.mapHub(
        '/hub',
        defineHub<Client>()({
          onConnected: () => void calls.push('connected'),
          onDisconnected: () => void calls.push('disconnected'),
          methods: {},
        }),
      );
    });
    await using client = await connectRaw(host);
    client.send(text);
    client.socket.close();
    expect(await client.closed).toBe(1000);
    expect(await host.event('handshake_failed')).toMatchObject({ reason: 'closed' });
    expect([calls, client.waiting, hub?.connections.count]).toEqual([[], [], 0]);
    await expect.poll(() => host.clock.timerCount).toBe(0);
  });

  test.each([
    ['onConnected', 'connected_failed'],
    ['onDisconnected', 'client_closed'],
  ] as const)(
    'a connection is removed from the hub and its groups even when %s throws',
    async (hook, reason) => {
      let hub: Hub<Client> | undefined;
      await using host = await startHost((server) => {
        const fail = (): never => {
          throw new Error('on purpose');
        };
        hub = server.mapHub(
          '/hub',
          defineHub<Client>()({
            onConnected({ groups }) {
              groups.add('room');
              if (hook === 'onConnected') fail();
            },
            onDisconnected: fail,
            methods: {},
          }),
        );
      });
      await using client = await openRaw(host);
      client.socket.close();
      expect(await host.event('disconnected_hook_failed')).toMatchObject({
        error: { message: 'on purpose' },
      });
      expect(await host.event('connection_closed')).toMatchObject({ reason });
      expect([hub?.connections.count, hub?.groups.names()]).toEqual([0, []]);
    },
  );

  test('the hook onDisconnected runs even when an abort listener of the signal throws', async () => {
    const [calls, uncaught]: [string[], unknown[]] = [[], []];
    await using _caught = takeUncaught((error) => uncaught.push(error));
    await using host = await startHost((server) =>
      server.mapHub(
        '/hub',
        defineHub<Client>()({
          onConnected({ signal }) {
            signal.addEventListener('abort', () => {
              throw new Error('on purpose');
            });
          },
          onDisconnected: () => void calls.push('disconnected'),
          methods: {},
        }),
      ),
    );
    await using client = await openRaw(host);
    client.socket.close();
    await host.event('connection_closed');
    await expect.poll(() => uncaught).toMatchObject([{ message: 'on purpose' }]);
    expect(calls).toEqual(['disconnected']);
  });

  test('a client cannot be called inside its own onDisconnected', async () => {
    const errors: unknown[] = [];
    await using host = await startHost((server) =>
      server.mapHub(
        '/hub',
        defineHub<Client>()({
          async onDisconnected({ clients }) {
            await clients.caller.invoke('confirm', 'stay?').catch((error: unknown) => errors.push(error));
          },
          methods: {},
        }),
      ),
    );
    await using client = await openRaw(host);
    client.socket.close();
    await host.event('connection_closed');
    expect(errors).toMatchObject([{ code: 'disconnected' }]);
  });

  test('a method that waits for its signal ends when the hub aborts the connection', async () => {
    const begun = gate();
    const done = gate();
    let hub: Hub<Client> | undefined;
    await using host = await startHost((server) => {
      hub = server.mapHub(
        '/hub',
        defineHub<Client>()({
          methods: {
            wait: async ({ signal }) => {
              begun.open();
              await once(signal, 'abort');
              done.open();
            },
          },
        }),
      );
    });
    await using client = await openRaw(host);
    client.send(call('wait') + call('wait', [], '2'));
    await begun.opened;
    void hub?.connections.abort(hub.connections.list()[0]?.connectionId ?? '');
    expect(await client.next()).toBe('{"type":7}');
    await done.opened;
    await client.closed;
    expect(client.waiting).toEqual([]);
  });
});
