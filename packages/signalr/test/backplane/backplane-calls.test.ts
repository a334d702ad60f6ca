/*
 * Calls to clients of other instances, over every backplane.
 */
import { describe, expect, test } from 'vitest';
import { defineHub, type Hub } from '../../src/index.js';
import {
  BACKPLANES,
  failureOf,
  openMember,
  ROW_OPTIONS,
  type RowClient,
  type RowMember,
  type RowServer,
  startRow,
} from '../support/backplane-row.js';
import { startHost } from '../support/host.js';
import { connectOfficial } from '../support/official-client.js';
import { openClient } from '../support/protocol-client.js';

/**
 * Makes a call that the client does not answer. Resolves when the client has received it. `failure` resolves later with the
 * error of the call.
 */
async function beginCall(
  { hub }: RowServer,
  client: RowMember,
): Promise<{ readonly failure: Promise<unknown> }> {
  const failure = failureOf(hub.clients.client(client.id).invoke('ask', 1));
  await expect.poll(() => client.asked).toHaveLength(1);
  return { failure };
}

describe.each(BACKPLANES)('with a backplane %s', (_name, source) => {
  test('an official client of another instance answers calls, in JSON and in MessagePack', async () => {
    await using row = await startRow(source);
    const [first, second] = row.servers;
    await using json = await connectOfficial(second.host.url, { token: 'ann' });
    await using pack = await connectOfficial(second.host.url, { token: 'ann', protocol: 'messagepack' });
    for (const client of [json, pack]) client.on('ask', (question: unknown) => question);
    const { clients } = first.hub;
    for (const value of ['text', 5, null, true, { nested: [1, { a: null }] }, 'é'.repeat(10_000)]) {
      expect(await clients.client(json.connectionId ?? '').invoke('ask', value)).toEqual(value);
      expect(await clients.client(pack.connectionId ?? '').invoke('ask', value)).toEqual(value);
    }
    const bytes = Uint8Array.of(0, 1, 255);
    expect(await clients.client(pack.connectionId ?? '').invoke('ask', bytes)).toEqual(bytes);
    expect(await clients.client(json.connectionId ?? '').invoke('ask', bytes)).toBe('AAH/');
    const date = new Date(1_700_000_000_123);
    expect(await clients.client(pack.connectionId ?? '').invoke('ask', date)).toEqual(date);
  });

  test('a call from another instance returns the same answer as a call from the instance of the client', async () => {
    // The answers contain integers that a JavaScript number cannot represent.
    await using row = await startRow(source, {}, { bigint: true });
    const [first, second] = row.servers;
    for (const protocol of ['json', 'messagepack'] as const) {
      await using client = await openMember(second, 'ann', protocol);
      const values =
        protocol === 'json'
          ? [null, '__proto__', { constructor: 1, list: [1.5, -0.1, 1e300] }, '\u0000']
          : [null, 2n ** 63n, -(2n ** 63n), new Date(-1), Uint8Array.of(), { a: 2n ** 60n }];
      for (const result of values) {
        client.answer = () => ({ kind: 'result', result });
        const remote = await first.hub.clients.client(client.id).invoke('ask', 0);
        expect(remote).toStrictEqual(await second.hub.clients.client(client.id).invoke('ask', 0));
        expect(remote).toEqual(result);
      }
      client.answer = () => ({ kind: 'void' });
      expect(await first.hub.clients.client(client.id).invoke('ask', 0)).toBeUndefined();
      client.answer = () => ({ kind: 'error', error: 'no idea' });
      await expect(first.hub.clients.client(client.id).invoke('ask', 0)).rejects.toMatchObject({
        name: 'HubError',
        code: 'hub_error',
        message: 'no idea',
      });
    }
  });

  test('a client can call other methods while its first method waits for an answer of a client on another instance', async () => {
    await using row = await startRow(source);
    const [first, second] = row.servers;
    await using asking = await openMember(first, 'ann', 'messagepack');
    await using asked = await openMember(second, 'bob');
    const answer = asking.invoke('ask', asked.id, 'sure?');
    await expect.poll(() => asked.asked).toHaveLength(1);
    expect(await asking.invoke('id')).toBe(asking.id);
    const [call] = asked.asked;
    expect(call).toMatchObject({ target: 'ask', arguments: ['sure?'] });
    expect(call?.invocationId).toMatch(/^[\w-]{22}$/);
    asked.complete(call?.invocationId, { kind: 'result', result: 'yes' });
    expect(await answer).toBe('yes');
  });

  test('each of many simultaneous calls gets its own answer', async () => {
    await using row = await startRow(source);
    const [first, second, third] = row.servers;
    await using one = await openMember(second);
    await using two = await openMember(third, 'bob', 'messagepack');
    for (const client of [one, two]) client.answer = (question) => ({ kind: 'result', result: question });
    const numbers = Array.from({ length: 200 }, (_, index) => index);
    const ask = (n: number): Promise<unknown> =>
      first.hub.clients.client(n % 2 === 0 ? one.id : two.id).invoke('ask', n);
    expect(await Promise.all(numbers.map(ask))).toEqual(numbers);
  });

  test('a call to an unknown client is rejected', async () => {
    await using row = await startRow(source);
    const [first] = row.servers;
    await expect(first.hub.clients.client('nobody').invoke('ask', 1)).rejects.toMatchObject({
      code: 'unknown_connection',
      message: "Connection 'nobody' does not exist.",
    });
  });

  test('a call fails when the client disconnects before it answers', async () => {
    await using row = await startRow(source);
    const [first, second] = row.servers;
    await using client = await openMember(second);
    const { failure } = await beginCall(first, client);
    client.socket.close();
    expect(await failure).toMatchObject({
      code: 'disconnected',
      message: `Connection '${client.id}' disconnected.`,
    });
  });

  test('a call fails when the server instance that the client is connected to dies', async () => {
    await using row = await startRow(source);
    const [first, second] = row.servers;
    await using client = await openMember(second);
    const { failure } = await beginCall(first, client);
    second.backplane.die();
    expect(await failure).toMatchObject({ code: 'disconnected' });
  });

  test('a call fails when the instance of the client closes', async () => {
    await using row = await startRow(source);
    const [first, second] = row.servers;
    await using client = await openMember(second);
    const { failure } = await beginCall(first, client);
    await second.host.server.close({ withinMs: 500 });
    expect(await failure).toMatchObject({ code: 'disconnected' });
  });

  test('a call that its caller cancels is also canceled on the instance of the client', async () => {
    await using row = await startRow(source);
    const [first, second] = row.servers;
    await using client = await openMember(second);
    const { clients } = first.hub;
    const abort = new AbortController();
    const call = clients.client(client.id).withSignal(abort.signal).invoke('ask', 1);
    await expect.poll(() => client.asked).toHaveLength(1);
    abort.abort();
    await expect(call).rejects.toMatchObject({
      code: 'canceled',
      message: 'Invocation canceled by the server.',
    });
    // The second call arrives after the cancellation of the first.
    client.answer = () => ({ kind: 'void' });
    await clients.client(client.id).invoke('ask', 2);
    client.complete(client.asked[0]?.invocationId, { kind: 'void' });
    expect(await second.host.event('message_ignored')).toMatchObject({ messageType: 3 });
    await expect(
      clients.client(client.id).withSignal(AbortSignal.abort()).invoke('ask', 3),
    ).rejects.toMatchObject({ code: 'canceled' });
    expect(client.asked).toHaveLength(1);
  });

  test('a late answer is ignored if its call was canceled before it reached another instance', async () => {
    await using row = await startRow(source);
    const [first, second] = row.servers;
    await using client = await openMember(second);
    const abort = new AbortController();
    const call = first.hub.clients.client(client.id).withSignal(abort.signal).invoke('ask', 1);
    abort.abort();
    await expect(call).rejects.toMatchObject({ code: 'canceled' });
    // The call was already on its way. The client still receives it, but nobody waits for the answer.
    await expect.poll(() => client.asked).toHaveLength(1);
    client.answer = () => ({ kind: 'void' });
    await first.hub.clients.client(client.id).invoke('ask', 2);
    client.complete(client.asked[0]?.invocationId, { kind: 'void' });
    expect(await second.host.event('message_ignored')).toMatchObject({ messageType: 3 });
  });

  test('one client has at most 1,000 unanswered calls, counted over all instances', async () => {
    await using row = await startRow(source);
    const [first, second, third] = row.servers;
    await using client = await openMember(second);
    const ask = ({ hub }: RowServer): Promise<unknown> => hub.clients.client(client.id).invoke('ask', 1);
    const calls = Array.from({ length: 999 }, (_, n) => ask(row.servers[n % 3] ?? first));
    await expect.poll(() => client.asked).toHaveLength(999);
    calls.push(ask(third));
    await expect.poll(() => client.asked).toHaveLength(1_000);
    for (const server of row.servers)
      await expect(ask(server)).rejects.toMatchObject({ code: 'too_many_calls' });
    for (const { invocationId } of client.asked) client.complete(invocationId, { kind: 'result', result: 1 });
    expect(new Set(await Promise.all(calls))).toEqual(new Set([1]));
  });

  test('another instance cannot call a client while the client’s onConnected runs', async () => {
    await using row = await startRow(source);
    const [first] = row.servers;
    let release: () => void = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    let hub: Hub<RowClient> | undefined;
    const slowHub = defineHub<RowClient>()({ onConnected: () => released, methods: {} });
    await using host = await startHost(
      (server) => {
        hub = server.mapHub('/hub', slowHub);
      },
      { ...ROW_OPTIONS, backplane: await row.source.create() },
    );
    await using client = await openClient(host);
    await expect.poll(() => hub?.connections.count).toBe(1);
    await expect.poll(() => hub?.backplaneState).toBe('up');
    const [connection] = hub?.connections.list() ?? [];
    await expect(
      first.hub.clients.client(connection?.connectionId ?? '').invoke('ask', 1),
    ).rejects.toMatchObject({ code: 'not_ready' });
    expect(client.asked).toEqual([]);
    release();
  });

  test('a pending call is rejected when the calling server closes', async () => {
    await using row = await startRow(source);
    const [first, second] = row.servers;
    await using client = await openMember(second);
    const { failure } = await beginCall(first, client);
    await first.host.server.close();
    expect(await failure).toMatchObject({ code: 'server_closed' });
  });
});
