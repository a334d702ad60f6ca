/*
 * Keep-alive pings and the client timeout.
 */

import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { defineHub } from '../../src/index.js';
import { startEcho } from '../support/echo-host.js';
import { startHost } from '../support/host.js';
import { call, openRaw, RS } from '../support/raw-client.js';

describe('the timers', () => {
  test('a client is pinged when it was sent nothing for the keep-alive interval', async () => {
    await using host = await startEcho({ keepAliveIntervalMs: 5_000 });
    await using client = await openRaw(host);
    host.clock.pass(4_000);
    client.send(call('echo', ['sent']));
    expect(await client.next()).toContain('sent');
    host.clock.pass(4_000);
    client.send(call('echo', ['no ping before this']));
    expect(await client.next()).toContain('no ping before this');
    host.clock.pass(5_000);
    expect(await client.next()).toBe('{"type":6}');
  });

  test('pings are sent at the keep-alive interval even if that is as short as one tick', async () => {
    await using host = await startEcho({ keepAliveIntervalMs: 1_000 });
    await using client = await openRaw(host);
    for (let seconds = 1; seconds <= 4; seconds += 1) {
      host.clock.pass(1_000);
      expect(await client.next()).toBe('{"type":6}');
    }
    client.send(call('echo', ['nothing between']));
    expect(await client.next()).toContain('nothing between');
  });

  test('a client that pinged once and then fell silent is closed', async () => {
    await using host = await startEcho({ clientTimeoutMs: 8_000, keepAliveIntervalMs: 60_000 });
    await using client = await openRaw(host);
    client.send(`{"type":6}${RS}${call('echo', [1])}`);
    await client.next();
    host.clock.pass(7_000);
    client.send(call('echo', [2]));
    await client.next();
    host.clock.pass(7_000);
    client.send(call('echo', [3]));
    await client.next();
    host.clock.pass(10_000);
    expect(await client.next()).toBe(
      '{"type":7,"error":"Connection closed with an error.","allowReconnect":true}',
    );
    expect(await client.closed).toBe(1000);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'client_timeout' });
  });

  test('a silent client that never pinged is not closed', async () => {
    await using host = await startEcho({ clientTimeoutMs: 8_000, keepAliveIntervalMs: 600_000 });
    await using client = await openRaw(host);
    host.clock.pass(100_000);
    client.send(call('echo', ['alive']));
    expect(await client.next()).toContain('alive');
  });

  test('the client timeout pauses while an invocation waits for its turn, and counts again afterwards', async () => {
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
    host.clock.pass(60_000);
    release();
    expect(await client.next()).toBe('{"type":3,"invocationId":"1","result":null}');
    release();
    expect(await client.next()).toBe('{"type":3,"invocationId":"2","result":null}');
    // From now on, the server reads from the client again, so the client's silence counts.
    host.clock.pass(20_000);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'client_timeout' });
  });

  test('all connections share one timer, which runs only while there are connections', async () => {
    await using host = await startEcho();
    expect(host.clock.timerCount).toBe(0);
    const clients = await Promise.all([openRaw(host), openRaw(host), openRaw(host)]);
    expect(host.clock.timerCount).toBe(1);
    const closed = host.event('connection_closed');
    for (const client of clients) await client[Symbol.asyncDispose]();
    await closed;
    await expect.poll(() => host.clock.timerCount).toBe(0);
  });
});

describe('a silent client', () => {
  test('a silent client with a running method is closed when another method could run', async () => {
    await using host = await startHost(
      (server) =>
        server.mapHub('/hub', defineHub()({ methods: { wait: ({ signal }) => once(signal, 'abort') } })),
      { maximumParallelInvocationsPerClient: 2, clientTimeoutMs: 5_000, keepAliveIntervalMs: 600_000 },
    );
    await using client = await openRaw(host);
    client.send(`{"type":6}${RS}${call('wait')}${call('nope', [], '2')}`);
    await client.next();
    host.clock.pass(7_000);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'client_timeout' });
  });
});
