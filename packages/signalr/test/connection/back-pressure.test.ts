/* Clients that read too slowly or send too fast do not let the server's memory grow without limit. */
import { describe, expect, test } from 'vitest';
import { type BackpressureAction, defineHub, type Hub } from '../../src/index.js';
import { startHost } from '../support/host.js';
import { call, openRaw, RS } from '../support/raw-client.js';

interface Client {
  data(text: string): void;
}

const echo = defineHub<Client>()({ methods: { echo: (_context, value) => value } });

describe('a client that stops reading', () => {
  test('a client that stops reading is closed when its queue is full, and other clients are still served', async () => {
    let hub: Hub<Client> | undefined;
    await using host = await startHost(
      (server) => {
        hub = server.mapHub('/hub', echo);
      },
      { maximumOutboundBytes: 200_000 },
    );
    await using slow = await openRaw(host);
    await using other = await openRaw(host);
    other.send(call('echo', ['ready']));
    await other.next();
    slow.socket.pause();
    const text = 'x'.repeat(50_000);
    // The kernel buffers some megabytes before the queue fills. The limit on sends guarantees that the loop ends.
    let reached = 2;
    for (let index = 0; index < 1_000 && reached === 2; index += 1) {
      reached = hub?.clients.all.send('data', text) ?? 0;
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    expect(reached).toBe(1);
    expect(hub?.clients.all.send('data', 'after')).toBe(1);
    host.clock.pass(6_000);
    expect(await host.event('connection_closed')).toMatchObject({
      reason: 'slow_consumer',
      error: { code: 'slow_consumer' },
    });
    other.send(call('echo', ['still here'], '2'));
    for (let record = await other.next(); !record.includes('still here'); record = await other.next());
    expect(hub?.connections.count).toBe(1);
  });

  test('the queue of a slow client does not overflow, because it keeps only the newest message of each key', async () => {
    let hub: Hub<Client> | undefined;
    await using host = await startHost(
      (server) => {
        hub = server.mapHub('/hub', echo);
      },
      { maximumOutboundBytes: 200_000 },
    );
    await using slow = await openRaw(host);
    slow.send(call('echo', ['ready']));
    await slow.next();
    slow.socket.pause();
    const text = 'x'.repeat(50_000);
    const replaced = (): number => host.events.filter(({ type }) => type === 'message_replaced').length;
    // The kernel buffers some megabytes before messages wait in the server.
    for (let index = 0; index < 1_000 && replaced() < 100; index += 1) {
      expect(hub?.clients.all.latest(`price ${index % 2}`).send('data', `${index} ${text}`)).toBe(1);
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    expect(replaced()).toBe(100);
    const [id] = hub?.connections.list() ?? [];
    expect(
      hub?.clients
        .client(id?.connectionId ?? '')
        .latest('price 0')
        .send('data', 'the newest'),
    ).toBe(1);
    slow.socket.resume();
    for (let record = await slow.next(); !record.includes('the newest'); record = await slow.next());
    expect(hub?.connections.count).toBe(1);
  });

  test.each([
    [
      'receives no group messages until the hook onBackpressure adds it to the group again',
      'keep',
      undefined,
    ],
    ['is closed and may reconnect when the hook onBackpressure returns “close”', 'close', 'slow_consumer'],
    [
      'is closed and may reconnect when the hook onBackpressure throws',
      new Error('on purpose'),
      'slow_consumer',
    ],
  ] as const)('a client that reads too slowly %s', async (_, outcome, reason) => {
    let calls = 0;
    let hub: Hub<Client> | undefined;
    await using host = await startHost(
      (server) => {
        hub = server.mapHub(
          '/hub',
          defineHub<Client>()({
            onConnected: ({ groups }) => void groups.add('room'),
            async onBackpressure(context): Promise<BackpressureAction> {
              calls += 1;
              context.groups.remove('room');
              if (outcome !== 'keep') await Promise.resolve();
              if (outcome instanceof Error) throw outcome;
              if (outcome === 'close') return outcome;
              await context.flushed();
              context.clients.caller.send('data', 'welcome back');
              context.groups.add('room');
              return 'keep';
            },
            methods: { echo: (_context, value) => value },
          }),
        );
      },
      { maximumOutboundBytes: 200_000 },
    );
    await using slow = await openRaw(host);
    slow.send(call('echo', ['ready']));
    await slow.next();
    slow.socket.pause();
    const text = 'x'.repeat(50_000);
    // The kernel buffers some megabytes before messages wait in the server.
    let sent = 0;
    for (; sent < 1_000 && hub?.clients.group('room').send('data', text) === 1; sent += 1) {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    expect(calls).toBe(1);
    // The messages from before the hook removed the connection from the group use more than half of the limit.
    if (outcome === 'keep') {
      expect(hub?.connections.waitingBytes).toBeGreaterThan(100_000);
      expect(hub?.connections.waitingBytes).toBeLessThanOrEqual(200_000);
    }
    slow.socket.resume();
    if (reason !== undefined) {
      expect(await slow.closed).toBe(1000);
      expect(slow.waiting.at(-1)).toBe('{"type":7,"allowReconnect":true}');
      expect(await host.event('connection_closed')).toMatchObject({ reason });
      const failures = host.events.filter(({ type }) => type === 'backpressure_hook_failed');
      expect(failures).toHaveLength(outcome instanceof Error ? 1 : 0);
      return;
    }
    let received = 0;
    for (let record = await slow.next(); !record.includes('welcome back'); record = await slow.next())
      received += 1;
    expect(received).toBe(sent);
    expect(hub?.clients.group('room').send('data', 'again')).toBe(1);
    expect(await slow.next()).toContain('again');
    expect(hub?.connections.waitingBytes).toBe(0);
  });

  test('a slow client whose queue was full still receives a Close message that allows it to reconnect', async () => {
    let hub: Hub<Client> | undefined;
    await using host = await startHost(
      (server) => {
        hub = server.mapHub('/hub', echo);
      },
      { maximumOutboundBytes: 200_000 },
    );
    await using slow = await openRaw(host);
    slow.send(call('echo', ['ready']));
    await slow.next();
    slow.socket.pause();
    const text = 'x'.repeat(50_000);
    for (let index = 0; index < 1_000 && hub?.clients.all.send('data', text) === 1; index += 1) {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    slow.socket.resume();
    expect(await slow.closed).toBe(1000);
    expect(slow.waiting.at(-1)).toBe('{"type":7,"allowReconnect":true}');
    expect(slow.waiting.slice(0, -1).every((record) => record.includes(text))).toBe(true);
  });

  test('a client that accepts no byte during the send timeout is closed', async () => {
    let hub: Hub<Client> | undefined;
    await using host = await startHost(
      (server) => {
        hub = server.mapHub('/hub', echo);
      },
      { maximumOutboundBytes: 100_000_000, sendTimeoutMs: 10_000 },
    );
    await using slow = await openRaw(host);
    slow.send(call('echo', ['ready']));
    await slow.next();
    slow.socket.pause();
    const text = 'x'.repeat(1_000_000);
    for (let index = 0; index < 20; index += 1) {
      hub?.clients.all.send('data', text);
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    host.clock.pass(9_000);
    expect(hub?.clients.all.send('data', 'still tried')).toBe(1);
    host.clock.pass(10_000);
    expect(await host.event('connection_closed')).toMatchObject({ reason: 'send_timeout' });
  });
});

describe('a client that floods', () => {
  test('the invocations of a flooding client run one at a time, and the server does not read from it meanwhile', async () => {
    let running = 0;
    let most = 0;
    const seen: number[] = [];
    let release: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    await using host = await startHost((server) => {
      server.mapHub(
        '/hub',
        defineHub()({
          methods: {
            async work(_context, index) {
              running += 1;
              most = Math.max(most, running);
              await gate;
              seen.push(Number(index));
              running -= 1;
            },
          },
        }),
      );
    });
    await using client = await openRaw(host);
    const padding = 'x'.repeat(1_000);
    const count = 20_000;
    for (let index = 0; index < count; index += 1) {
      client.send(`{"type":1,"target":"work","arguments":[${index},"${padding}"]}${RS}`);
    }
    // The kernel's buffers cannot hold 20 MB. Therefore most unread messages stay in the client.
    await expect.poll(() => most).toBe(1);
    for (let turn = 0; turn < 200; turn += 1) {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    expect(client.socket.bufferedAmount).toBeGreaterThan(5_000_000);
    expect(seen).toEqual([]);
    release();
    client.send(call('work', [count]));
    await client.next();
    expect(most).toBe(1);
    expect(seen).toEqual(Array.from({ length: count + 1 }, (_, index) => index));
  });

  test('a client that the server does not read from can be closed, and its unread messages are discarded', async () => {
    let hub: Hub<Client> | undefined;
    let release: () => void = () => {};
    await using host = await startHost((server) => {
      hub = server.mapHub(
        '/hub',
        defineHub<Client>()({
          methods: {
            hang: () =>
              new Promise<void>((resolve) => {
                release = resolve;
              }),
          },
        }),
      );
    });
    await using client = await openRaw(host);
    const padding = 'x'.repeat(1_000);
    for (let index = 0; index < 20_000; index += 1) client.send(call('hang', [padding]));
    for (let turn = 0; turn < 200; turn += 1) {
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    expect(client.socket.bufferedAmount).toBeGreaterThan(5_000_000);
    const [connection] = hub?.connections.list() ?? [];
    void hub?.connections.abort(connection?.connectionId ?? '');
    expect(await client.next()).toBe('{"type":7}');
    expect(await client.closed).toBe(1000);
    release();
    await host.event('connection_closed');
  });

  test('the server notices that a client disconnects while a method runs', async () => {
    let aborted: () => void = () => {};
    const done = new Promise<void>((resolve) => {
      aborted = resolve;
    });
    await using host = await startHost((server) => {
      server.mapHub(
        '/hub',
        defineHub()({
          methods: {
            hang: (context) =>
              new Promise<void>((resolve) => {
                context.signal.addEventListener('abort', () => {
                  aborted();
                  resolve();
                });
              }),
          },
        }),
      );
    });
    await using client = await openRaw(host);
    client.send(call('hang') + call('unknown'));
    client.socket.terminate();
    await done;
    await host.event('connection_closed');
  });
});
