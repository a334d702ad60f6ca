/*
 * What is lost between instances is seen, and nothing waits for it: time moves as the test says, and so do failures.
 */
import { getEventListeners } from 'node:events';
import { encode } from '@msgpack/msgpack';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  createMemoryBackplane,
  defineHub,
  type HubCallerClients,
  type SignalRError,
  type SignalREvent,
} from '../src/index.js';
import { MessageType } from '../src/protocol/hub-message.js';
import { jsonHubProtocol } from '../src/protocol/json-hub-protocol.js';
import {
  failureOf,
  openMember,
  type RowClient,
  type RowMember,
  startServer,
} from './support/backplane-row.js';
import { FaultyBackplane, KIND } from './support/faulty-backplane.js';
import { type Host, startHost } from './support/host.js';
import { openClient } from './support/protocol-client.js';

type Server = Awaited<ReturnType<typeof startServer<FaultyBackplane>>>;

interface Pair extends AsyncDisposable {
  readonly one: Server;
  readonly other: Server;
  /** A client of the other. */
  readonly client: RowMember;
  /** So many heartbeats of both, each with time for what they say. */
  beat(count: number): Promise<void>;
  /** Publishes bytes on the hub's channel, or another one. */
  inject(bytes: Uint8Array, channel?: string): Promise<void>;
}

const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

/** So many seconds, which are heartbeats. */
async function pass(count: number, ...hosts: readonly Host[]): Promise<void> {
  for (let beat = 0; beat < count; beat += 1) {
    for (const { clock } of hosts) clock.advance(1_000);
    await turn();
  }
}

/** Two servers that know of one another. */
async function startPair(options: Parameters<typeof startServer>[1] = {}): Promise<Pair> {
  const inner = createMemoryBackplane();
  const one = await startServer(new FaultyBackplane(inner), options);
  const other = await startServer(new FaultyBackplane(inner), options);
  const client = await openMember(other);
  const beat = (count: number): Promise<void> => pass(count, one.host, other.host);
  await beat(3);
  return {
    one,
    other,
    client,
    beat,
    async inject(bytes, channel = '/hub') {
      await inner.publish(channel, bytes);
      await turn();
    },
    async [Symbol.asyncDispose]() {
      for (const { backplane } of [one, other]) {
        backplane.flow();
        backplane.publishError = undefined;
      }
      await client[Symbol.asyncDispose]();
      for (const { host } of [one, other]) await host[Symbol.asyncDispose]();
    },
  };
}

type BackplaneEvent = Extract<SignalREvent, { type: `backplane_${string}` }>;

/** What was reported about the backplane since it came up. */
const reported = ({ host }: Pick<Server, 'host'>): readonly BackplaneEvent[] =>
  host.events.filter((event): event is BackplaneEvent => event.type.startsWith('backplane')).slice(1);

describe('an instance', () => {
  test('is up as soon as it hears itself, and down when it has not for three heartbeats', async () => {
    await using pair = await startPair();
    const { one, beat } = pair;
    expect(one.host.events.filter(({ type }) => type === 'backplane_up')).toHaveLength(1);
    expect(one.hub.backplaneState).toBe('up');
    one.backplane.isDeaf = true;
    await beat(3);
    expect(one.hub.backplaneState).toBe('up');
    await beat(1);
    expect(one.hub.backplaneState).toBe('down');
    one.backplane.isDeaf = false;
    await beat(1);
    expect(one.hub.backplaneState).toBe('up');
    expect(reported(one).map(({ type }) => type)).toEqual(['backplane_down', 'backplane_up']);
  });

  test('that cannot subscribe says so, serves its clients, and tries again ever more rarely', async () => {
    const backplane = new FaultyBackplane();
    backplane.subscribeError = new Error('refused');
    const { host, hub } = await startServer(backplane);
    await using _host = host;
    await using client = await openMember({ host });
    await pass(4, host);
    expect(await host.event('backplane_down')).toEqual({
      type: 'backplane_down',
      hub: '/hub',
      error: backplane.subscribeError,
    });
    expect(hub.clients.all.send('note', 'here')).toBe(1);
    await pass(296, host);
    // The channel that could be subscribed to was given up each time.
    expect(backplane.openCount).toBe(0);
    // Half a minute between two attempts at the most, and half of that at the least; each is for two channels.
    expect(backplane.channels.length / 2).toBeGreaterThanOrEqual(10);
    expect(backplane.channels.length / 2).toBeLessThanOrEqual(30);
    backplane.subscribeError = undefined;
    await pass(31, host);
    expect(hub.backplaneState).toBe('up');
    expect(backplane.openCount).toBe(2);
    expect(client.notes).toEqual(['here']);
  });

  test('can be closed while it still waits for its subscriptions, and keeps none', async () => {
    const backplane = new FaultyBackplane();
    backplane.hold();
    const { host } = await startServer(backplane);
    await using _host = host;
    const closed = host.server.close();
    await turn();
    backplane.flow();
    await closed;
    await turn();
    expect(backplane.channels).toHaveLength(2);
    expect(backplane.openCount).toBe(0);
    expect(host.events).toEqual([]);
  });

  test('that is closed waits until it has said goodbye, but not longer than it may', async () => {
    await using pair = await startPair();
    const { one, other } = pair;
    let isClosed = false;
    one.backplane.hold();
    const closed = one.host.server.close().then(() => {
      isClosed = true;
      return isClosed;
    });
    await turn();
    expect(isClosed).toBe(false);
    one.backplane.flow();
    await closed;
    expect(await other.hub.groups.add('x', 'g')).toBe(false);
    other.backplane.hold();
    const cut = other.host.server.close({ withinMs: 2_000 });
    await pass(3, other.host);
    await cut;
  });

  test('answers one that is new at once, not with its next heartbeat', async () => {
    const inner = createMemoryBackplane();
    const one = await startServer(new FaultyBackplane(inner));
    await using _one = one.host;
    await expect.poll(() => one.hub.backplaneState).toBe('up');
    const heard: number[] = [];
    await inner.subscribe('/hub', (message) => heard.push(message[2] ?? 0));
    await inner.publish('/hub', encode([1, KIND.hello, 'x'.repeat(22), 0, false]));
    await turn();
    expect(heard).toEqual([KIND.hello]);
    await inner.publish('/hub', encode([1, KIND.hello, 'x'.repeat(22), 0, true]));
    await turn();
    expect(heard).toEqual([KIND.hello, KIND.hello, KIND.hello]);
  });

  test('cannot ask the others while it is down, and never says that nobody has a connection', async () => {
    await using pair = await startPair();
    const { one, client, beat } = pair;
    one.backplane.isDeaf = true;
    const asked = [one.hub.groups.add(client.id, 'g'), one.hub.clients.client(client.id).invoke('ask', 1)];
    const failures = asked.map(failureOf);
    await beat(4);
    for (const failure of failures) expect(await failure).toMatchObject({ code: 'backplane_unavailable' });
    for (const promise of [
      one.hub.groups.add(client.id, 'g'),
      one.hub.groups.remove(client.id, 'g'),
      one.hub.connections.abort('nobody'),
      one.hub.clients.client('nobody').invoke('ask', 1),
    ]) {
      await expect(promise).rejects.toMatchObject({ code: 'backplane_unavailable' });
    }
  });

  test('says that nobody has a connection only after two heartbeats, when everybody has been heard', async () => {
    const inner = createMemoryBackplane();
    const one = await startServer(new FaultyBackplane(inner));
    await using _one = one.host;
    await expect.poll(() => one.hub.backplaneState).toBe('up');
    let answer: boolean | undefined;
    void one.hub.groups.add('nobody', 'g').then((isDone) => {
      answer = isDone;
      return isDone;
    });
    await pass(2, one.host);
    expect(answer).toBeUndefined();
    await pass(1, one.host);
    expect(answer).toBe(false);
  });

  test.each([
    ['fails when one that was there is heard for the first time and does not answer', false],
    ['does not wait for one that is new', true],
  ])('whose question is open %s', async (_name, isNew) => {
    const inner = createMemoryBackplane();
    const one = await startServer(new FaultyBackplane(inner));
    await using _one = one.host;
    await expect.poll(() => one.hub.backplaneState).toBe('up');
    const outcome = one.hub.groups.add('x', 'g').catch((error: SignalRError) => error.code);
    await inner.publish('/hub', encode([1, KIND.hello, 'x'.repeat(22), 0, isNew]));
    await pass(5, one.host);
    expect(await outcome).toBe(isNew ? false : 'backplane_unavailable');
  });
});

describe('a send', () => {
  test('that cannot be published reaches the clients here, is reported, and is missed by the others', async () => {
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

  test('that an instance did not hear is counted there with the next sign of life', async () => {
    await using pair = await startPair();
    const { one, other, client, beat } = pair;
    other.backplane.isDeaf = true;
    for (let n = 0; n < 5; n += 1) one.hub.clients.all.send('note', n);
    await turn();
    other.backplane.isDeaf = false;
    await beat(1);
    expect(reported(other)).toMatchObject([{ type: 'backplane_gap', lost: 5 }]);
    one.hub.clients.all.send('note', 'next');
    await expect.poll(() => client.notes).toEqual(['next']);
    await beat(1);
    expect(reported(other)).toHaveLength(1);
  });

  test('is counted also by an instance that has been deaf for so long that it was down', async () => {
    await using pair = await startPair();
    const { one, other, beat } = pair;
    other.backplane.isDeaf = true;
    for (let n = 0; n < 20; n += 1) {
      one.hub.clients.all.send('note', n);
      await beat(1);
    }
    other.backplane.isDeaf = false;
    await beat(1);
    expect(reported(other)).toMatchObject([
      { type: 'backplane_down' },
      { type: 'backplane_gap', lost: 20 },
      { type: 'backplane_up' },
    ]);
  });

  test('is not published while too much waits for the backplane, and is counted here and there', async () => {
    await using pair = await startPair({ maximumBackplaneBytes: 10_000 });
    const { one, other, client, beat } = pair;
    one.backplane.hold();
    // With both protocols a little over 2,000 bytes each: four of them fit.
    for (let n = 0; n < 10; n += 1) one.hub.clients.all.send('note', `${n} ${'x'.repeat(1_000)}`);
    await turn();
    expect(reported(one)).toHaveLength(6);
    expect(reported(one)[0]).toMatchObject({
      type: 'backplane_publish_failed',
      error: { code: 'backplane_unavailable' },
    });
    one.backplane.flow();
    await expect.poll(() => client.notes).toHaveLength(4);
    // One message alone may be larger than the bound.
    one.hub.clients.all.send('note', 'y'.repeat(20_000));
    await expect.poll(() => client.notes).toHaveLength(5);
    await beat(1);
    expect(reported(other)).toMatchObject([{ type: 'backplane_gap', lost: 6 }]);
  });

  test('that comes twice is delivered once', async () => {
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

test('what is for a caller that has left is not looked for elsewhere', async () => {
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

describe('a question', () => {
  test('that a peer does not hear fails when its time is over, and does not say that nobody has it', async () => {
    await using pair = await startPair();
    const { one, other, client, beat } = pair;
    other.backplane.isDeaf = true;
    const asked = one.hub.groups.add(client.id, 'g');
    const failure = failureOf(asked);
    await beat(5);
    expect(await failure).toMatchObject({ code: 'backplane_unavailable' });
  });

  test('is numbered like a send, so that nobody takes it for a loss', async () => {
    await using pair = await startPair();
    const { one, other, client, beat } = pair;
    await one.hub.groups.add(client.id, 'g');
    one.hub.clients.all.send('note', 1);
    await one.hub.groups.remove(client.id, 'g');
    await beat(1);
    expect(reported(other)).toEqual([]);
    other.backplane.isDeaf = true;
    const failure = failureOf(one.hub.groups.add(client.id, 'g'));
    await turn();
    other.backplane.isDeaf = false;
    await beat(1);
    expect(reported(other)).toMatchObject([{ type: 'backplane_gap', lost: 1 }]);
    await beat(5);
    expect(await failure).toMatchObject({ code: 'backplane_unavailable' });
  });

  test('that was given up makes room for another one', async () => {
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

  test('that cannot be published fails at once, with the reason', async () => {
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
  test('fails when the answer is lost, and does not wait for ever', async () => {
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

  test('goes on over an outage in which nothing is lost', async () => {
    await using pair = await startPair();
    const { one, client, beat } = pair;
    const call = one.hub.clients.client(client.id).invoke('ask', 1);
    await expect.poll(() => client.asked).toHaveLength(1);
    one.backplane.isDeaf = true;
    await beat(20);
    expect(one.hub.backplaneState).toBe('down');
    one.backplane.isDeaf = false;
    await beat(20);
    client.complete(client.asked[0]?.invocationId, { kind: 'result', result: 'late' });
    expect(await call).toBe('late');
  });

  test('is not ended by what does not come from the instance that it is about', async () => {
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

  test('lets go of the signal of its caller when it is over', async () => {
    await using pair = await startPair();
    const { one, client } = pair;
    client.answer = () => ({ kind: 'void' });
    const { signal } = new AbortController();
    await one.hub.clients.client(client.id).withSignal(signal).invoke('ask', 1);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  test('whose cancellation is lost is canceled all the same, a little later', async () => {
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

  test('is given up by the instance of the client when the one that made it is gone', async () => {
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

describe('bytes that no instance sent', () => {
  const sender = 'x'.repeat(22);

  test.each([
    ['of a later version', encode([2, 1, sender, 0]), 'unknown_version'],
    ['of a kind to come', encode([1, 99, sender, 0]), 'unknown_kind'],
    ['that are none of ours', Uint8Array.of(0xc1), 'malformed'],
    [
      'that lack a protocol',
      encode([1, 3, sender, 1, 0, [], [], null, null, { json: new Uint8Array(1) }]),
      'malformed',
    ],
  ])('%s are ignored, and reported', async (_name, bytes, reason) => {
    await using pair = await startPair();
    await pair.inject(bytes);
    expect(reported(pair.other)).toEqual([{ type: 'backplane_message_ignored', hub: '/hub', reason }]);
  });

  test('of more than a thousand instances are ignored from then on, and the instances that are there are heard', async () => {
    await using pair = await startPair();
    const { one, other, client, inject } = pair;
    for (let index = 0; index < 1_000; index += 1)
      await inject(encode([1, KIND.hello, String(index).padStart(22, '0'), 0, true]));
    expect(new Set(reported(other).map((event) => JSON.stringify(event)))).toEqual(
      new Set([JSON.stringify({ type: 'backplane_message_ignored', hub: '/hub', reason: 'refused' })]),
    );
    one.hub.clients.all.send('note', 'heard');
    await expect.poll(() => client.notes).toEqual(['heard']);
  });

  test('whatever they are, do no harm', async () => {
    await using pair = await startPair();
    const { one, other, client, inject } = pair;
    const text = fc.oneof(fc.constant(client.id), fc.constant(sender), fc.string());
    const value = fc.oneof(
      text,
      fc.nat(12),
      fc.constant(null),
      fc.boolean(),
      fc.array(text, { maxLength: 3 }),
      fc.record({ json: fc.uint8Array(), messagepack: fc.uint8Array() }),
      fc.uint8Array(),
    );
    // Nearly messages, so that most of them are understood.
    const nearly = fc
      .tuple(
        fc.nat(12),
        fc.constantFrom(sender, 'y'.repeat(22)),
        fc.nat(20),
        fc.array(value, { maxLength: 7 }),
      )
      .map(([kind, from, sequence, fields]) => encode([1, kind, from, sequence, ...fields]));
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(nearly, fc.uint8Array()),
        fc.constantFrom(...other.backplane.channels),
        async (bytes, channel) => {
          await inject(bytes, channel);
        },
      ),
      { numRuns: 1_000 },
    );
    one.hub.clients.group('nobody’s').send('note', 'not for it');
    one.hub.clients.client(client.id).send('note', 'still served');
    await expect.poll(() => client.notes.at(-1)).toBe('still served');
    expect(other.hub.connections.count).toBe(1);
  });
});
