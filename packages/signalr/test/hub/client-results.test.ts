/*
 * Calls to a client that return a result. The caller is code outside the hub, a method, or code that still
 * runs after its method has returned.
 */
import { describe, expect, test } from 'vitest';
import { defineHub, type Hub } from '../../src/index.js';
import { type Gate, gate } from '../support/gate.js';
import { type Host, startHost } from '../support/host.js';
import { call, openRaw, RS } from '../support/raw-client.js';

interface AskedClient {
  double(value: unknown): number;
}

/** Returns a client's answer to the call with this invocation id. */
const answer = (invocationId: string, result: unknown): string =>
  JSON.stringify({ type: 3, invocationId, result }) + RS;
const question = (invocationId: string, value: unknown): string =>
  `{"type":1,"invocationId":"${invocationId}","target":"double","arguments":[${JSON.stringify(value)}]}`;
const result = (invocationId: string, value: unknown): string =>
  `{"type":3,"invocationId":"${invocationId}","result":${JSON.stringify(value)}}`;

interface Asking extends Host {
  readonly hub: Hub<AskedClient>;
  /** A gate for the method `hold`, which returns when the gate opens. */
  readonly held: Gate;
  /** A gate for the background code of the method `later`, which calls the client when the gate opens. */
  readonly release: () => void;
  /** The answers that the background code of `later` has received from the client. */
  readonly answered: unknown[];
}

async function start(): Promise<Asking> {
  const { open, opened } = gate();
  const held = gate();
  const answered: unknown[] = [];
  const definition = defineHub<AskedClient>()({
    methods: {
      me: ({ connectionId }) => connectionId,
      hold: () => held.opened,
      ask: ({ clients }, value) => clients.caller.invoke('double', value),
      async twoWays({ clients, connectionId }, value) {
        const first = await clients.client(connectionId).invoke('double', value);
        return [first, await clients.caller.invoke('double', first)];
      },
      later({ clients }) {
        void opened.then(async () => answered.push(await clients.caller.invoke('double', 1)));
      },
    },
  });
  let hub: Hub<AskedClient> | undefined;
  const host = await startHost((server) => {
    hub = server.mapHub('/hub', definition);
  });
  if (hub === undefined) throw new Error('not mapped');
  return Object.assign(host, { hub, held, release: open, answered });
}

describe('a client is asked', () => {
  test('a client can be called by code outside the hub, and answers it', async () => {
    await using host = await start();
    await using client = await openRaw(host);
    const [connection] = host.hub.connections.list();
    const asked = host.hub.clients.client(connection?.connectionId ?? '').invoke('double', 2);
    expect(await client.next()).toBe(question('s1', 2));
    client.send(answer('s1', 4));
    expect(await asked).toBe(4);
  });

  test('a method can call its client by connection id and as the caller', async () => {
    await using host = await start();
    await using client = await openRaw(host);
    client.send(call('twoWays', [5]) + call('me', [], '2'));
    expect(await client.next()).toBe(question('s1', 5));
    expect(await client.next()).toContain('"invocationId":"2"');
    client.send(answer('s1', 10));
    expect(await client.next()).toBe(question('s2', 10));
    client.send(answer('s2', 20));
    expect(await client.next()).toBe(result('1', [10, 20]));
  });

  test('a call to a client by background code of a method does not change the limit of parallel invocations', async () => {
    await using host = await start();
    await using client = await openRaw(host);
    client.send(call('later'));
    expect(await client.next()).toBe(result('1', null));
    host.release();
    expect(await client.next()).toBe(question('s1', 1));
    client.send(answer('s1', 2));
    await expect.poll(() => host.answered).toEqual([2]);
    // Only one invocation runs at a time. This proves that the slot was not released twice.
    client.send(call('hold', [], '2') + call('me', [], '3'));
    for (let round = 0; round < 3; round += 1) await fetch(`${host.url}/x`);
    expect(client.waiting).toEqual([]);
    host.held.open();
    expect(await client.next()).toBe(result('2', null));
    expect(await client.next()).toContain('"invocationId":"3"');
  });
});
