/* Instances notice lost messages, and no call or query waits forever for one. The tests control time and failures. */
import { getEventListeners } from 'node:events';
import { encode } from '@msgpack/msgpack';
import { describe, expect, test } from 'vitest';
import { createMemoryBackplane } from '../../src/backplane.js';
import { defineHub, type HubCallerClients } from '../../src/index.js';
import { MessageType } from '../../src/protocol/hub-message.js';
import { jsonHubProtocol } from '../../src/protocol/json-hub-protocol.js';
import { failureOf, openMember, type RowClient, startServer } from '../support/backplane-row.js';
import { FaultyBackplane, KIND } from '../support/faulty-backplane.js';
import { reported, startPair, turn } from '../support/faulty-pair.js';
import { startHost } from '../support/host.js';
import { openClient } from '../support/protocol-client.js';

describe('a send', () => {
  test('a send that cannot be published reaches only its own instance, and counts as lost on the other', async () => {
    await using pair = await startPair();
    const { one, other, client, beat } = pair;
    await using local = await openMember(one);
    one.backplane.publishError = new Error('away');
    for (let n = 0; n < 3; n += 1) expect(one.hub.clients.all.send('note', n)).toBe(1);
    await expect.poll(() => local.notes).toEqual([0, 1, 2]);
    expect(reported(one)).toEqual(
      Array.from({ length: 3 }, () => ({
        type: 'backplane_publish_failed',
        hub: '/hub',
        error: one.backplane.publishError,
      })),
    );
    one.backplane.publishError = undefined;
    one.hub.clients.all.send('note', 'after');
    await expect.poll(() => client.notes).toEqual(['after']);
    await beat(1);
    expect(reported(other)).toEqual([
      { type: 'backplane_gap', hub: '/hub', from: expect.stringMatching(/^[\w-]{22}$/), lost: 3 },
    ]);
  });

  test('an instance counts the sends that it missed when it receives the next heartbeat', async () => {
    await using pair = await startPair();
    const { one, other, client, beat } = pair;
    other.backplane.receivesNothing = true;
    for (let n = 0; n < 5; n += 1) one.hub.clients.all.send('note', n);
    await turn();
    other.backplane.receivesNothing = false;
    await beat(1);
    expect(reported(other)).toMatchObject([{ type: 'backplane_gap', lost: 5 }]);
    one.hub.clients.all.send('note', 'next');
    await expect.poll(() => client.notes).toEqual(['next']);
    await beat(1);
    expect(reported(other)).toHaveLength(1);
  });

  test('an instance that was down counts the sends that it missed', async () => {
    await using pair = await startPair();
    const { one, other, beat } = pair;
    other.backplane.receivesNothing = true;
    for (let n = 0; n < 20; n += 1) {
      one.hub.clients.all.send('note', n);
      await beat(1);
    }
    other.backplane.receivesNothing = false;
    await beat(1);
    expect(reported(other)).toMatchObject([
      { type: 'backplane_down' },
      { type: 'backplane_gap', lost: 20 },
      { type: 'backplane_up' },
    ]);
  });

  test('a send is not published while too many bytes wait for the backplane, and both instances report the loss', async () => {
    await using pair = await startPair({ maximumBackplaneBytes: 10_000 });
    const { one, other, client, beat } = pair;
    one.backplane.hold();
    // The encodings of one message for both protocols have a little over 2,000 bytes together. Therefore four messages fit
    // into the limit.
    for (let n = 0; n < 10; n += 1) one.hub.clients.all.send('note', `${n} ${'x'.repeat(1_000)}`);
    await turn();
    expect(reported(one)).toHaveLength(6);
    expect(reported(one)[0]).toMatchObject({
      type: 'backplane_publish_failed',
      error: { code: 'backplane_unavailable' },
    });
    one.backplane.flow();
    await expect.poll(() => client.notes).toHaveLength(4);
    // A single message may be larger than the limit.
    one.hub.clients.all.send('note', 'y'.repeat(20_000));
    await expect.poll(() => client.notes).toHaveLength(5);
    await beat(1);
    expect(reported(other)).toMatchObject([{ type: 'backplane_gap', lost: 6 }]);
  });

  test('a send that arrives twice is delivered once', async () => {
    const inner = createMemoryBackplane();
    const heard: Uint8Array[] = [];
    await inner.subscribe('/hub', (message) => heard.push(message));
    const one = await startServer(new FaultyBackplane(inner));
    const other = await startServer(new FaultyBackplane(inner));
    await using _one = one.host;
    await using _other = other.host;
    await using client = await openMember(other);
    one.hub.clients.all.send('note', 1);
    await turn();
    const sent = heard.find((message) => message[2] === KIND.send);
    await inner.publish('/hub', sent ?? Uint8Array.of());
    one.hub.clients.all.send('note', 2);
    await expect.poll(() => client.notes).toEqual([1, 2]);
    expect(reported(other)).toEqual([{ type: 'backplane_message_ignored', hub: '/hub', reason: 'repeated' }]);
  });
});

test('a send to a caller that has disconnected is not published to other instances', async () => {
  const inner = createMemoryBackplane();
  const callers: HubCallerClients<RowClient>[] = [];
  const keeping = defineHub<RowClient>()({
    onConnected: ({ clients }) => void callers.push(clients),
    methods: {},
  });
  await using host = await startHost((server) => server.mapHub('/hub', keeping), { backplane: inner });
  const client = await openClient(host);
  await client[Symbol.asyncDispose]();
  await host.event('connection_closed');
  const heard: number[] = [];
  await inner.subscribe('/hub', (message) => heard.push(message[2] ?? 0));
  const [clients] = callers;
  expect(clients?.caller.send('note', 'too late')).toBe(0);
  await expect(clients?.caller.invoke('ask', 'too late')).rejects.toMatchObject({
    code: 'unknown_connection',
  });
  await turn();
  expect(heard).toEqual([]);
});

describe('a query', () => {
  test('a query that another instance does not receive fails at its deadline', async () => {
    await using pair = await startPair();
    const { one, other, client, beat } = pair;
    other.backplane.receivesNothing = true;
    const asked = one.hub.groups.add(client.id, 'g');
    const failure = failureOf(asked);
    await beat(5);
    expect(await failure).toMatchObject({ code: 'backplane_unavailable' });
  });

  test('a lost query is reported, because queries share the sequence numbers of sends', async () => {
    await using pair = await startPair();
    const { one, other, client, beat } = pair;
    await one.hub.groups.add(client.id, 'g');
    one.hub.clients.all.send('note', 1);
    await one.hub.groups.remove(client.id, 'g');
    await beat(1);
    expect(reported(other)).toEqual([]);
    other.backplane.receivesNothing = true;
    const failure = failureOf(one.hub.groups.add(client.id, 'g'));
    await turn();
    other.backplane.receivesNothing = false;
    await beat(1);
    expect(reported(other)).toMatchObject([{ type: 'backplane_gap', lost: 1 }]);
    await beat(5);
    expect(await failure).toMatchObject({ code: 'backplane_unavailable' });
  });

  test('canceled queries do not count toward the maximum number of pending queries', async () => {
    await using pair = await startPair();
    const { one } = pair;
    const ask = (signal: AbortSignal): Promise<unknown> =>
      failureOf(one.hub.clients.client('nobody').withSignal(signal).invoke('ask', 1));
    for (let n = 0; n < 10_000; n += 1) {
      const abort = new AbortController();
      void ask(abort.signal);
      abort.abort();
    }
    expect(await ask(new AbortController().signal)).toMatchObject({ code: 'unknown_connection' });
  });

  test('a query that cannot be published fails at once, with the backplane’s error as its cause', async () => {
    await using pair = await startPair();
    const { one, client } = pair;
    one.backplane.publishError = new Error('away');
    for (const asked of [
      one.hub.groups.add(client.id, 'g'),
      one.hub.clients.client(client.id).invoke('ask', 1),
    ]) {
      await expect(asked).rejects.toMatchObject({
        code: 'backplane_unavailable',
        cause: one.backplane.publishError,
      });
    }
  });
});

describe('a call on a client of another instance', () => {
  test('a call to a client of another instance fails when the answer is lost', async () => {
    await using pair = await startPair();
    const { one, other, client, beat } = pair;
    other.backplane.lostKinds.add(KIND.completion);
    client.answer = () => ({ kind: 'void' });
    const call = one.hub.clients.client(client.id).invoke('ask', 1);
    const failure = failureOf(call);
    await expect.poll(() => client.frames.length).toBe(2);
    await turn();
    await beat(6);
    expect(await failure).toMatchObject({ code: 'backplane_unavailable' });
  });

  test('a call to a client of another instance survives an outage in which no message is lost', async () => {
    await using pair = await startPair();
    const { one, client, beat } = pair;
    const call = one.hub.clients.client(client.id).invoke('ask', 1);
    await expect.poll(() => client.asked).toHaveLength(1);
    one.backplane.receivesNothing = true;
    await beat(20);
    expect(one.hub.backplaneState).toBe('down');
    one.backplane.receivesNothing = false;
    await beat(20);
    client.complete(client.asked[0]?.invocationId, { kind: 'result', result: 'late' });
    expect(await call).toBe('late');
  });

  test('a call is not ended by messages of an instance that has no part in it', async () => {
    await using pair = await startPair();
    const { one, other, client, inject } = pair;
    const call = one.hub.clients.client(client.id).invoke('ask', 1);
    await expect.poll(() => client.asked).toHaveLength(1);
    await turn();
    const id = client.asked[0]?.invocationId ?? '';
    const stranger = 'x'.repeat(22);
    const [toOther] = other.backplane.channels;
    const [toOne] = one.backplane.channels;
    await inject(encode([1, KIND.cancel, stranger, 0, id]), toOther);
    await inject(encode([1, KIND.missing, stranger, 0, [id]]), toOne);
    const completionOf = (invocationId: string): Uint8Array =>
      jsonHubProtocol.write({ type: MessageType.completion, invocationId, outcome: { kind: 'void' } });
    await inject(encode([1, KIND.completion, stranger, 0, id, 'json', completionOf(id)]), toOne);
    const wrong = [1, KIND.completion, other.backplane.id, 0, id, 'json', completionOf('another')];
    await inject(encode(wrong), toOne);
    expect(reported(one)).toMatchObject([{ reason: 'malformed' }]);
    client.complete(id, { kind: 'result', result: 'mine' });
    expect(await call).toBe('mine');
    expect(other.host.events.filter(({ type }) => type === 'message_ignored')).toEqual([]);
  });

  test('a call that has ended leaves no listener on its caller’s signal', async () => {
    await using pair = await startPair();
    const { one, client } = pair;
    client.answer = () => ({ kind: 'void' });
    const { signal } = new AbortController();
    await one.hub.clients.client(client.id).withSignal(signal).invoke('ask', 1);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('a call is canceled a few heartbeats later if its cancellation message is lost', async () => {
    await using pair = await startPair();
    const { one, other, client, beat } = pair;
    const abort = new AbortController();
    const call = one.hub.clients.client(client.id).withSignal(abort.signal).invoke('ask', 1);
    await expect.poll(() => client.asked).toHaveLength(1);
    await turn();
    one.backplane.lostKinds.add(KIND.cancel);
    abort.abort();
    await expect(call).rejects.toMatchObject({ code: 'canceled' });
    await beat(6);
    client.complete(client.asked[0]?.invocationId, { kind: 'void' });
    expect(await other.host.event('message_ignored')).toMatchObject({ messageType: 3 });
  });

  test('the instance of the called client forgets a call when the calling instance closes', async () => {
    await using pair = await startPair();
    const { one, other, client } = pair;
    const call = one.hub.clients.client(client.id).invoke('ask', 1);
    const failure = failureOf(call);
    await expect.poll(() => client.asked).toHaveLength(1);
    await one.host[Symbol.asyncDispose]();
    expect(await failure).toMatchObject({ code: 'server_closed' });
    await turn();
    client.complete(client.asked[0]?.invocationId, { kind: 'void' });
    expect(await other.host.event('message_ignored')).toMatchObject({ messageType: 3 });
  });
});
