// The states of a client: the transitions, and the delays between attempts to connect.
import { describe, expect, test } from 'vitest';
import { ClientError } from '../src/index.js';
import { type Setup, setUp } from './support/fake-gateway.js';

async function live(setup: Setup): Promise<Setup> {
  await setup.client.connect();
  await setup.settle();
  return setup;
}

describe('connecting', () => {
  test('a client is idle before connect(), then connecting, then live', async () => {
    const { client, states } = setUp();
    expect(client.state).toBe('idle');
    const connected = client.connect();
    expect(client.state).toBe('connecting');
    await connected;
    expect(client.state).toBe('live');
    expect(states).toEqual(['connecting', 'live']);
  });

  test('a first connection that fails is retried with delays that double up to the maximum', async () => {
    const { client, gateway, clock, errors } = setUp();
    gateway.isAccepting = false;
    void client.connect();
    const waits = [500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000];
    for (const [index, waitMs] of waits.entries()) {
      await clock.advance(0);
      expect(gateway.connections).toHaveLength(index + 1);
      gateway.connection.refuse(new Error('nobody there'));
      await clock.advance(waitMs - 1);
      expect(gateway.connections).toHaveLength(index + 1);
      await clock.advance(1);
    }
    expect(client.state).toBe('connecting');
    expect(
      errors.map((error) => error.code),
      'the same failure is reported once',
    ).toEqual(['connection_failed']);
    gateway.connection.accept();
    await clock.advance(0);
    expect(client.state).toBe('live');
  });

  test('an attempt to connect that hangs is abandoned after the timeout, and its later messages are ignored', async () => {
    const { client, gateway, clock, errors } = setUp({ attemptTimeoutMs: 2_000 });
    gateway.isAccepting = false;
    void client.connect();
    await clock.advance(2_000);
    expect(errors[0]?.message).toContain('within 2000 ms');
    await clock.advance(500);
    const [first, second] = gateway.connections;
    expect(first?.state).toBe('closed');
    second?.accept();
    await clock.advance(0);
    expect(client.state).toBe('live');
    first?.event('user:u1', 1);
    first?.request.listener.onClose({ cause: undefined, isExpelled: false });
    expect(client.state).toBe('live');
    expect(client.counts.delivered).toBe(0);
  });

  test('two calls of connect() make one connection', async () => {
    const { client, gateway } = setUp();
    const first = client.connect();
    expect(client.connect()).toBe(first);
    await first;
    await client.connect();
    expect(gateway.connections).toHaveLength(1);
  });
});

describe('a connection that breaks', () => {
  test('a client whose connection breaks becomes reconnecting, then resyncing, then live', async () => {
    const setup = await live(setUp());
    const { client, gateway, clock, states, changes } = setup;
    gateway.isAnswering = false;
    gateway.connection.close({ cause: new Error('cable') });
    expect(client.state).toBe('reconnecting');
    expect(changes.at(-1)?.cause?.message).toBe('cable');
    await clock.advance(500);
    expect(client.state).toBe('resyncing');
    gateway.connection.completeJoin('user:me', 1);
    expect(client.state).toBe('live');
    expect(states).toEqual(['connecting', 'live', 'reconnecting', 'resyncing', 'live']);
  });

  test('the delay before a reconnect is short after a long connection, and doubles after each short one', async () => {
    const { gateway, clock } = await live(setUp());
    await clock.advance(5_000);
    const waits = [500, 1_000, 2_000];
    for (const [index, waitMs] of waits.entries()) {
      gateway.connection.close();
      await clock.advance(waitMs - 1);
      expect(gateway.connections).toHaveLength(index + 1);
      await clock.advance(1);
      expect(gateway.connections).toHaveLength(index + 2);
    }
    await clock.advance(5_000);
    gateway.connection.close();
    await clock.advance(500);
    expect(gateway.connections).toHaveLength(5);
  });

  test('a client reconnects again if the connection breaks while rooms are joined again', async () => {
    const { client, gateway, clock, states } = await live(setUp());
    gateway.isAnswering = false;
    gateway.connection.close();
    await clock.advance(500);
    gateway.connection.close();
    await clock.advance(1_000);
    gateway.connection.completeJoin('user:me', 1);
    expect(client.state).toBe('live');
    expect(states.slice(2)).toEqual(['reconnecting', 'resyncing', 'reconnecting', 'resyncing', 'live']);
  });

  test('a client waits longer before it reconnects if the gateway does not allow an immediate reconnect', async () => {
    const { gateway, clock } = await live(setUp());
    await clock.advance(60_000);
    gateway.connection.close({ isExpelled: true });
    await clock.advance(3_999);
    expect(gateway.connections).toHaveLength(1);
    await clock.advance(1);
    expect(gateway.connections).toHaveLength(2);
  });

  test('a connection that closes before start() resolves does not make the client live', async () => {
    const { client, gateway, clock } = setUp();
    gateway.isAccepting = false;
    void client.connect();
    await clock.advance(0);
    gateway.connection.accept();
    gateway.connection.close();
    await clock.advance(0);
    expect(client.state).toBe('connecting');
    gateway.isAccepting = true;
    await clock.advance(500);
    expect(client.state).toBe('live');
  });

  test('the return of the network shortens a long delay before the next attempt', async () => {
    const network = new EventTarget();
    const { client, gateway, clock } = setUp({ network });
    gateway.isAccepting = false;
    void client.connect();
    for (const waitMs of [500, 1_000, 2_000, 4_000, 8_000]) {
      await clock.advance(0);
      gateway.connection.refuse(new Error('offline'));
      await clock.advance(waitMs);
    }
    gateway.connection.refuse(new Error('offline'));
    await clock.advance(1);
    gateway.isAccepting = true;
    network.dispatchEvent(new Event('online'));
    await clock.advance(500);
    expect(client.state).toBe('live');
  });

  test('a source of the network’s return may call listeners that are added while it calls them', async () => {
    const listeners = new Set<() => void>();
    const network = {
      addEventListener: (_: 'online', listener: () => void): void => void listeners.add(listener),
      removeEventListener: (_: 'online', listener: () => void): void => void listeners.delete(listener),
    };
    const { client, gateway, clock } = setUp({ network });
    gateway.isRefusing = true;
    void client.connect();
    await clock.advance(0);
    let calls = 0;
    for (const listener of listeners) {
      calls += 1;
      if (calls > 10) break;
      listener();
    }
    expect(calls).toBe(1);
    gateway.isRefusing = false;
    await clock.advance(500);
    expect([client.state, listeners.size]).toEqual(['live', 0]);
  });
});

describe('closing', () => {
  const setups: readonly (readonly [string, (setup: Setup) => Promise<void>])[] = [
    ['idle', async () => {}],
    [
      'connecting',
      async ({ client, gateway, settle }) => {
        gateway.isAccepting = false;
        void client.connect();
        await settle();
      },
    ],
    ['live', async ({ client }) => client.connect()],
    [
      'reconnecting',
      async ({ client, gateway }) => {
        await client.connect();
        gateway.connection.close();
      },
    ],
    [
      'resyncing',
      async (setup) => {
        await live(setup);
        setup.gateway.isAnswering = false;
        await setup.reconnect();
      },
    ],
    ['closed', async ({ client }) => client.close()],
  ];

  test.each(setups)(
    'a client in the state %s closes all connections and timers when close() is called',
    async (state, reach) => {
      const setup = setUp();
      const { client, gateway, clock } = setup;
      await reach(setup);
      expect(client.state).toBe(state);
      await client.close();
      expect(client.state).toBe('closed');
      const connections = gateway.connections.length;
      for (const connection of gateway.connections) expect(connection.state).toBe('closed');
      await clock.advance(120_000);
      expect(client.state).toBe('closed');
      expect(gateway.connections).toHaveLength(connections);
      expect(clock.timerCount).toBe(0);
    },
  );

  test('a call of close() while connecting rejects the pending calls of connect() and join()', async () => {
    const { client, gateway } = setUp();
    gateway.isAccepting = false;
    const connected = client.connect();
    const room = client.join('a');
    await client.close();
    await expect(connected).rejects.toMatchObject({ code: 'closed' });
    await expect(room.joined).rejects.toMatchObject({ code: 'closed' });
    expect(room.status).toBe('left');
  });

  test('a handler of a state change may close the client', async () => {
    const { client, gateway, clock, states } = setUp();
    client.onStateChange(({ state }) => {
      if (state === 'live') void client.close();
    });
    await client.connect();
    await clock.advance(60_000);
    expect(states).toEqual(['connecting', 'live', 'closed']);
    expect(gateway.connections).toHaveLength(1);
  });

  test('a call of close() waits at most five seconds for a connection that does not stop', async () => {
    const { client, gateway, clock } = await live(setUp());
    gateway.connection.stop = () => new Promise(() => {});
    const closed = client.close();
    await clock.advance(5_000);
    await closed;
  });

  test('a call of connect() after close() joins the rooms again from their positions', async () => {
    const { client, gateway, settle } = await live(setUp());
    await client.join('a').joined;
    gateway.connection.event('a', 7);
    await client.close();
    await client.connect();
    await settle();
    expect(client.state).toBe('live');
    expect(gateway.connection.log).toEqual(['JoinRoom user:me p7', 'JoinRoom a p7']);
  });

  test('a client gives up after maxAttempts failed attempts to connect, and reports the error gave_up', async () => {
    const { client, gateway, clock, changes } = setUp({ maxAttempts: 2 });
    gateway.isAccepting = false;
    const connected = client.connect();
    await clock.advance(0);
    gateway.connection.refuse(new Error('first'));
    await clock.advance(500);
    gateway.connection.refuse(new Error('second'));
    await expect(connected).rejects.toThrow(ClientError);
    await expect(connected).rejects.toMatchObject({ code: 'gave_up' });
    expect(client.state).toBe('closed');
    expect(changes.at(-1)?.cause).toMatchObject({ code: 'gave_up' });
    expect(clock.timerCount).toBe(0);
  });
});
