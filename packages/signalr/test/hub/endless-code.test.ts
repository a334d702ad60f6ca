/*
 * Hub code that never ends, for example because another system never answers it.
 */
import { expect, test } from 'vitest';
import { defineHub, type Hub } from '../../src/index.js';
import { startHost } from '../support/host.js';
import { call, openRaw } from '../support/raw-client.js';

interface Client {
  note(value: unknown): void;
}

const never = (): Promise<void> => new Promise(() => {});

test.each(['onConnected', 'methods', 'onDisconnected'] as const)(
  'a connection whose client has gone ends without its endless code: %s',
  async (code) => {
    let hub: Hub<Client> | undefined;
    let signal: AbortSignal | undefined;
    const calls: string[] = [];
    await using host = await startHost((server) => {
      hub = server.mapHub(
        '/hub',
        defineHub<Client>()({
          async onConnected(context) {
            signal = context.signal;
            context.groups.add('room');
            if (code === 'onConnected') await never();
          },
          async onDisconnected() {
            calls.push('disconnected');
            if (code === 'onDisconnected') await never();
          },
          methods: {
            async work() {
              calls.push('work');
              await never();
            },
          },
        }),
      );
    });
    await using client = await openRaw(host);
    if (code === 'methods') client.send(call('work', [], '1'));
    await expect
      .poll(() => signal !== undefined && (code !== 'methods' || calls.includes('work')))
      .toBe(true);
    client.socket.close();
    await expect.poll(() => signal?.aborted).toBe(true);
    // The first tick notices the end, and 29 s are not enough.
    host.clock.pass(30_000);
    expect([hub?.connections.count, hub?.groups.names()]).toEqual([1, ['room']]);
    host.clock.pass(2_000);
    expect(await host.event('hub_code_overdue')).toMatchObject({ code });
    await host.event('connection_closed');
    expect([hub?.connections.count, hub?.groups.names()]).toEqual([0, []]);
    expect(calls.filter((name) => name === 'disconnected')).toHaveLength(1);
    await expect.poll(() => host.clock.timerCount).toBe(0);
  },
);
