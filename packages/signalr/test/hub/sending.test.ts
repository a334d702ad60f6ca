/*
 * The guarantees of a send. Its message is encoded once, is queued at once and in order with completions, and reaches exactly
 * the addressed clients.
 */
import { describe, expect, test, vi } from 'vitest';
import { defineHub, type Hub, isString, JsonText, method, parseArguments } from '../../src/index.js';
import { jsonHubProtocol } from '../../src/protocol/json-hub-protocol.js';
import { SerializedHubMessage } from '../../src/protocol/serialized-hub-message.js';
import { type Host, startHost } from '../support/host.js';
import { call, openRaw, type RawClient } from '../support/raw-client.js';

interface Client {
  note(text: string): void;
  data(value: { readonly n: number }): void;
}

const room = defineHub<Client, undefined>()({
  methods: {
    join: method(parseArguments(isString), (context, group) => {
      context.clients.caller.send('note', 'before');
      context.groups.add(group);
      return 'joined';
    }),
    async joinLater(context, group) {
      await Promise.resolve();
      context.groups.add(String(group));
      context.clients.caller.send('note', 'replayed');
      return 'joined';
    },
    others: (context) => context.clients.others.send('note', 'others'),
    othersInGroup: (context, group) => context.clients.othersInGroup(String(group)).send('note', 'in group'),
    me: (context) => context.connectionId,
  },
});

interface Room extends AsyncDisposable {
  readonly host: Host;
  readonly hub: Hub<Client>;
  /** Opens a client of this user. Returns the client and its connection id. */
  open(userId: string): Promise<{ readonly client: RawClient; readonly id: string }>;
}

async function startRoom(): Promise<Room> {
  let hub: Hub<Client> | undefined;
  const clients: RawClient[] = [];
  const host = await startHost((server) => {
    hub = server.mapHub('/hub', room, {
      authenticate: ({ token }) => ({ userId: token, user: undefined }),
    });
  });
  if (hub === undefined) throw new Error('The hub was not mapped.');
  return {
    host,
    hub,
    open: async (userId) => {
      const client = await openRaw(host, `/hub?access_token=${userId}`);
      clients.push(client);
      client.send(call('me'));
      const answer = JSON.parse(await client.next()) as { result: string };
      return { client, id: answer.result };
    },
    async [Symbol.asyncDispose]() {
      for (const client of clients) await client[Symbol.asyncDispose]();
      await host[Symbol.asyncDispose]();
    },
  };
}

const note = (text: string): string => JSON.stringify({ type: 1, target: 'note', arguments: [text] });

describe('addressing', () => {
  test('a send to an address reaches exactly the connections that the address names', async () => {
    await using fixture = await startRoom();
    const { hub } = fixture;
    const ann = await fixture.open('ann');
    const ann2 = await fixture.open('ann');
    const bob = await fixture.open('bob');
    const eve = await fixture.open('Eve');
    // The group changes take effect before `add` returns, so the promises are not awaited.
    for (const { id } of [ann, ann2, bob]) void hub.groups.add(id, 'g');
    void hub.groups.add(eve.id, 'h');
    void hub.groups.add(ann.id, 'h');
    const cases: readonly [(text: string) => number, readonly RawClient[]][] = [
      [(text) => hub.clients.all.send('note', text), [ann.client, ann2.client, bob.client, eve.client]],
      [
        (text) => hub.clients.allExcept([bob.id, 'nobody']).send('note', text),
        [ann.client, ann2.client, eve.client],
      ],
      [(text) => hub.clients.client(bob.id).send('note', text), [bob.client]],
      [(text) => hub.clients.client('nobody').send('note', text), []],
      [(text) => hub.clients.clients([bob.id, eve.id, bob.id]).send('note', text), [bob.client, eve.client]],
      [(text) => hub.clients.group('g').send('note', text), [ann.client, ann2.client, bob.client]],
      [(text) => hub.clients.group('G').send('note', text), []],
      [
        (text) => hub.clients.groups(['g', 'h']).send('note', text),
        [ann.client, ann2.client, bob.client, eve.client],
      ],
      [(text) => hub.clients.groupExcept('g', [ann.id]).send('note', text), [ann2.client, bob.client]],
      [(text) => hub.clients.groupExceptUser('g', 'ann').send('note', text), [bob.client]],
      [
        (text) => hub.clients.groupExceptUser('g', 'Ann').send('note', text),
        [ann.client, ann2.client, bob.client],
      ],
      [(text) => hub.clients.user('ann').send('note', text), [ann.client, ann2.client]],
      [(text) => hub.clients.user('eve').send('note', text), []],
      [(text) => hub.clients.users(['bob', 'Eve', 'bob']).send('note', text), [bob.client, eve.client]],
    ];
    for (const [index, [send, receivers]] of cases.entries()) {
      expect(send(`case ${index}`)).toBe(receivers.length);
      for (const receiver of receivers) expect(await receiver.next()).toBe(note(`case ${index}`));
    }
    for (const { client } of [ann, ann2, bob, eve]) expect(client.waiting).toEqual([]);
    bob.client.send(call('othersInGroup', ['g']));
    expect(JSON.parse(await bob.client.next())).toMatchObject({ result: 2 });
    bob.client.send(call('others'));
    expect(JSON.parse(await bob.client.next())).toMatchObject({ result: 3 });
  });

  test('the hub lists its connections, users and groups, and removes connections that have ended', async () => {
    const summary = { transport: 'WebSockets', connectedAt: expect.any(Date) as unknown };
    await using fixture = await startRoom();
    const { hub, host } = fixture;
    const ann = await fixture.open('ann');
    const bob = await fixture.open('bob');
    expect(await hub.groups.add(ann.id, 'g')).toBe(true);
    expect(await hub.groups.add(ann.id, 'g')).toBe(true);
    expect(await hub.groups.add('nobody', 'g')).toBe(false);
    void hub.groups.add(bob.id, 'g');
    expect(hub.groups.members('g')).toEqual([
      { connectionId: ann.id, userId: 'ann', ...summary },
      { connectionId: bob.id, userId: 'bob', ...summary },
    ]);
    expect(hub.groups.names()).toEqual(['g']);
    expect(hub.connections.count).toBe(2);
    expect(hub.connections.groupsOf(ann.id)).toEqual(['g']);
    expect(hub.connections.ofUser('bob')).toEqual([{ connectionId: bob.id, userId: 'bob', ...summary }]);
    expect(hub.connections.userIds()).toEqual(['ann', 'bob']);
    ann.client.socket.close();
    await host.event('connection_closed');
    expect(hub.groups.members('g')).toEqual([{ connectionId: bob.id, userId: 'bob', ...summary }]);
    expect(await hub.groups.remove(bob.id, 'g')).toBe(true);
    expect(await hub.groups.remove(bob.id, 'g')).toBe(false);
    expect(hub.groups.names()).toEqual([]);
    expect(await hub.connections.abort(bob.id)).toBe(true);
    expect(await hub.connections.abort('nobody')).toBe(false);
    expect(hub.backplaneState).toBe('none');
  });
});

describe('a send', () => {
  test('a message that is sent to a whole group is encoded once', async () => {
    await using fixture = await startRoom();
    const opened = await Promise.all(Array.from({ length: 20 }, (_, index) => fixture.open(`u${index}`)));
    for (const { id } of opened) void fixture.hub.groups.add(id, 'g');
    const write = vi.spyOn(jsonHubProtocol, 'write');
    try {
      expect(fixture.hub.clients.group('g').send('note', 'to all')).toBe(20);
      expect(write).toHaveBeenCalledTimes(1);
    } finally {
      write.mockRestore();
    }
    for (const { client } of opened) expect(await client.next()).toBe(note('to all'));
  });

  test('a message is encoded once per protocol and framed once per framing', () => {
    const message = new SerializedHubMessage({ type: 6 });
    const encoded = message.encodedFor(jsonHubProtocol);
    expect(message.encodedFor(jsonHubProtocol)).toBe(encoded);
    const framing = { frame: (payload: Buffer) => Buffer.concat([payload]) };
    expect(encoded.framedBy(framing)).toBe(encoded.framedBy(framing));
  });

  test('a send relays JSON text unchanged', async () => {
    await using fixture = await startRoom();
    const ann = await fixture.open('ann');
    fixture.hub.clients.all.send('data', new JsonText('{"n": 1.0,  "extra":"é"}'));
    expect(await ann.client.next()).toBe('{"type":1,"target":"data","arguments":[{"n": 1.0,  "extra":"é"}]}');
  });

  test('a send that cannot be encoded throws and reaches no client', async () => {
    await using fixture = await startRoom();
    const ann = await fixture.open('ann');
    const bad = (2n ** 64n) as unknown as { readonly n: number };
    expect(() => fixture.hub.clients.all.send('data', bad)).toThrow(
      expect.objectContaining({ code: 'unserializable' }),
    );
    fixture.hub.clients.all.send('note', 'fine');
    expect(await ann.client.next()).toBe(note('fine'));
  });

  test('a message of any size arrives complete', async () => {
    await using fixture = await startRoom();
    const ann = await fixture.open('ann');
    for (const length of [0, 60, 125, 126, 127, 65_400, 65_535, 65_536, 70_000, 900_000]) {
      fixture.hub.clients.all.send('note', 'é'.repeat(length));
      expect(await ann.client.next()).toBe(note('é'.repeat(length)));
    }
  });

  test('the messages stay in order while the server answers WebSocket pings in between', async () => {
    await using fixture = await startRoom();
    const ann = await fixture.open('ann');
    let pongs = 0;
    ann.client.socket.on('pong', () => {
      pongs += 1;
    });
    const text = 'x'.repeat(20_000);
    for (let round = 0; round < 100; round += 1) {
      ann.client.socket.ping();
      for (let index = 0; index < 5; index += 1)
        fixture.hub.clients.all.send('note', `${round}.${index} ${text}`);
      for (let index = 0; index < 5; index += 1) {
        expect(await ann.client.next()).toBe(note(`${round}.${index} ${text}`));
      }
    }
    expect(fixture.hub.connections.count).toBe(1);
    await expect.poll(() => pongs).toBe(100);
  });
});

describe('a completion', () => {
  test('the completion of a method arrives after the method’s messages and before later messages to its group', async () => {
    await using fixture = await startRoom();
    const { hub } = fixture;
    const ann = await fixture.open('ann');
    const bob = await fixture.open('bob');
    void hub.groups.add(bob.id, 'g');
    // Other tasks of the event loop send constantly, while the client calls each of the two methods to join the group.
    let sent = 0;
    const timer = setInterval(() => hub.clients.group('g').send('note', `live ${(sent += 1)}`), 0);
    try {
      for (const joinMethod of ['join', 'joinLater']) {
        ann.client.send(call(joinMethod, ['g']));
        const [first, second] = [await ann.client.next(), await ann.client.next()];
        expect(first).toMatch(/"(before|replayed)"/);
        expect(second).toBe('{"type":3,"invocationId":"1","result":"joined"}');
        const live = JSON.parse(await ann.client.next()) as { arguments: [string] };
        expect(live.arguments[0]).toMatch(/^live /);
        void hub.groups.remove(ann.id, 'g');
        const drained = hub.clients.client(ann.id).send('note', 'drained');
        expect(drained).toBe(1);
        for (
          let record = await ann.client.next();
          record !== note('drained');
          record = await ann.client.next()
        );
      }
    } finally {
      clearInterval(timer);
    }
  });

  test('the completion of a synchronous method is queued before any other code can run', async () => {
    await using fixture = await startRoom();
    const { hub } = fixture;
    const ann = await fixture.open('ann');
    const order: (number | string)[] = [];
    const write = jsonHubProtocol.write.bind(jsonHubProtocol);
    const spy = vi.spyOn(jsonHubProtocol, 'write').mockImplementation((message) => {
      order.push(message.type);
      if (message.type === 1) queueMicrotask(() => order.push('microtask'));
      return write(message);
    });
    try {
      ann.client.send(call('join', ['g']));
      for (
        let record = await ann.client.next();
        !record.includes('joined');
        record = await ann.client.next()
      );
    } finally {
      spy.mockRestore();
    }
    expect(order).toEqual([1, 3, 'microtask']);
    expect(hub.groups.count('g')).toBe(1);
  });
});
