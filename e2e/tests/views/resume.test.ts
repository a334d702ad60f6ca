// Clients of a view that keep positions receive what they missed: after a lost line, at another gateway, and after the kill of a
// gateway. Losses, removals and tokens count for them as for clients of the gateway's own hub.
import { randomUUID } from 'node:crypto';
import { startRedis } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { type ChatJoin, chatIn, chatModule, connectChat } from '../../fixtures/clients/chat-view.js';
import type { ViewClient } from '../../fixtures/clients/view-client.js';
import {
  chatMessage,
  chatMessages,
  idsOf,
  readReceipt,
  type SampleEvent,
  typing,
} from '../../fixtures/events/sample-events.js';
import { eraseOverHttp } from '../../fixtures/http/erase.js';
import { memberOptions, removeMember } from '../../fixtures/http/members.js';
import { signToken } from '../../fixtures/http/tokens.js';
import { loadedModule } from '../../fixtures/processes/loaded-module.js';
import { EmbeddedGateway } from '../../fixtures/systems/embedded-gateway.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const system = sharedSystem(() => startOnRedis({ gateways: 2, environment: { MILLRACE_APP: chatModule } }));

/** The event IDs in the messages `ChatMoved`. */
function movedIds(client: ViewClient): readonly unknown[] {
  return client.callsOf('ChatMoved').map(([, id]) => id);
}

/** Joins a room, leaves the gateway, and returns the position. */
async function positionIn(url: string, room: string): Promise<string> {
  await using client = await chatIn(url, room);
  return client.joined.position;
}

test.each([
  ['JSON', false],
  ['MessagePack', true],
])('a join with a position sends the missed messages before its answer (%s)', async (_, isBinary) => {
  const { publisher, url } = system();
  const [room, reader] = [randomUUID(), randomUUID()];
  const after = await positionIn(url, room);
  const missed = chatMessages(room, 30);
  const receipts = Array.from({ length: 3 }, () => readReceipt(room, reader, [randomUUID()]));
  await using witness = await chatIn(url, room);
  await publisher.publishEvents(missed);
  for (const [index, receipt] of receipts.entries()) {
    await publisher.publishEvents([receipt]);
    await witness.callsUntil('ReadStatusUpdate', index + 1);
  }
  await publisher.publishEvents([typing(room, reader, true)]);
  await witness.callsUntil('TypingIndicator', 1);
  const second = system().gatewayAt(1).url;
  await using client = await chatIn(second, room, { isBinary, after });
  // Only the latest receipt of a user is sent, and no typing.
  expect(client.joined).toMatchObject({ roomId: room, recovered: true, replayed: missed.length + 1 });
  expect(movedIds(client)).toEqual(idsOf(missed));
  expect(client.callsOf('ReadStatusUpdate').map(([status]) => status)).toEqual([
    { requestId: room, userId: reader, messageIds: receipts[2]?.payload['message_ids'] },
  ]);
  expect(client.calls.slice(1)).toEqual([
    ...witness.calls.slice(2, 2 + 2 * missed.length),
    witness.callsOf('ReadStatusUpdate').map((args) => ['ReadStatusUpdate', ...args])[2],
    ['RoomJoined', room],
  ]);
});

test('the messages that memory no longer has come from the streams in the same form', async () => {
  await using small = await startOnRedis({
    environment: { MILLRACE_APP: chatModule, MILLRACE_MAX_REPLAY_BYTES: '1048576' },
  });
  const { publisher, url } = small;
  const room = randomUUID();
  const after = await positionIn(url, room);
  const missed = chatMessages(room, 20);
  await using witness = await chatIn(url, room);
  await publisher.publishEvents(missed);
  // Other rooms need all of the memory.
  const others = Array.from({ length: 100 }, () => chatMessage('other', 'x'.repeat(20_000)));
  for (let from = 0; from < others.length; from += 20)
    await publisher.publishEvents(others.slice(from, from + 20));
  await witness.callsUntil('ChatMoved', missed.length);
  const last = chatMessage(room, 'last');
  await publisher.publishEvents([last]);
  await witness.callsUntil('ChatMoved', missed.length + 1);
  await using client = await chatIn(url, room, { after });
  expect(client.joined).toMatchObject({ recovered: true, replayed: missed.length + 1 });
  expect(client.calls.slice(1, -1)).toEqual(witness.calls.slice(2));
});

test('clients that resume miss nothing and keep the order when their gateway is killed in the middle of traffic', async () => {
  const victim = await system().startGateway();
  const survivor = system().url;
  const { publisher } = system();
  const room = randomUUID();
  const followers = await Promise.all(
    [false, true].map((isBinary) => Follower.start(victim.url, room, isBinary)),
  );
  const sent: SampleEvent[] = [];
  const publishMore = async (count: number): Promise<void> => {
    const events = chatMessages(room, count);
    sent.push(...events);
    await publisher.publishEvents(events);
  };
  for (let round = 0; round < 10; round += 1) await publishMore(10);
  await Promise.all(followers.map((follower) => follower.has(20)));
  const publishing = (async () => {
    for (let round = 0; round < 20; round += 1) await publishMore(10);
  })();
  for (const follower of followers) follower.goOn(survivor);
  await victim.stop('SIGKILL');
  await publishing;
  await Promise.all(followers.map((follower) => follower.has(sent.length)));
  for (const follower of followers) {
    expect(follower.ids).toEqual(idsOf(sent));
    // The missed events arrive before the answer to the join.
    await eventually(() => expect(follower.joins).toEqual([true]));
    await follower[Symbol.asyncDispose]();
  }
});

test('a client with stateful reconnect gets every message over a new socket, without a new join', async () => {
  const { publisher, url } = system();
  const room = randomUUID();
  await using client = await chatIn(url, room, { isStateful: true });
  const { connectionId } = client.connection;
  const sent: SampleEvent[] = [];
  for (let round = 0; round < 3; round += 1) {
    const events = chatMessages(room, 20);
    sent.push(...events);
    await publisher.publishEvents(events.slice(0, 10));
    client.cut();
    await publisher.publishEvents(events.slice(10));
    await client.callsUntil('ChatMoved', sent.length);
  }
  expect(movedIds(client)).toEqual(idsOf(sent));
  expect(client.callsOf('ReceiveMessage')).toHaveLength(sent.length);
  expect(client.connection.connectionId).toBe(connectionId);
  expect(client.callsOf('RoomJoined')).toHaveLength(1);
});

test('members are told of an erased event, and a client that comes back is told instead of being sent it', async () => {
  const { publisher, url } = system();
  const room = randomUUID();
  await using member = await chatIn(url, room);
  const [first, second] = [chatMessage(room, 'first'), chatMessage(room, 'second')];
  await publisher.publishEvents([first, second]);
  await member.callsUntil('ChatMoved', 2);
  expect(await eraseOverHttp(url, `/v1/events/${first.event_id}`)).toMatchObject({ erased: 1 });
  const erased = [{ room, event_id: first.event_id }];
  expect(await member.callsUntil('MessageErased', 1)).toEqual([erased]);
  const { position } = member.joined;
  await using back = await chatIn(url, room, { after: position });
  expect(back.joined).toMatchObject({ recovered: true, replayed: 2 });
  expect(movedIds(back)).toEqual([second.event_id]);
  expect(back.callsOf('MessageErased')).toEqual([erased]);
});

test('a user may enter only the rooms of the token, and is told of a removal', async () => {
  const app = await loadedModule(chatModule);
  await using gateway = await EmbeddedGateway.start({ ...memberOptions, app });
  const { url } = gateway;
  const [sub, room] = [randomUUID(), 'allowed'];
  const token = await signToken({ sub, rooms: [room] });
  await using client = await chatIn(url, room, { token });
  await expect(client.connection.invoke('JoinRoom', 'forbidden')).rejects.toThrow(
    'You may not enter this room',
  );
  expect(await removeMember(url, room, sub)).toMatchObject({ status: 200 });
  expect(await client.callsUntil('RoomClosed', 1)).toEqual([[{ room, reason: 'removed' }]]);
  await expect(client.connection.invoke('JoinRoom', room)).rejects.toThrow('You were removed from this room');
  await expect(connectChat(url)).rejects.toThrow(/401|Unauthorized/);
});

test('a client is told to reload each of its rooms when the streams are lost', async () => {
  await using redis = await startRedis();
  const app = await loadedModule(chatModule);
  await using gateway = await EmbeddedGateway.start({ redisUrl: redis.url, app });
  const room = randomUUID();
  await using client = await chatIn(gateway.url, room, { query: '?user=ana' });
  await redis.cli('FLUSHALL');
  const next = chatMessage(room, 'after the loss');
  await gateway.publisher.publishEvents([next]);
  await client.callsUntil('ChatMoved', 1);
  expect(movedIds(client)).toEqual([next.event_id]);
  // The client is told once for each room, although it is in two groups of its own room and of the room of everybody.
  const reloads = await client.callsUntil('Reload', 3);
  expect(reloads.map(([notice]) => notice)).toEqual(
    expect.arrayContaining([room, 'user:ana', '*'].map((each) => ({ room: each, reason: 'reset' }))),
  );
  expect(reloads).toHaveLength(3);
});

/** A client that reconnects by itself, and joins with the newest position. */
class Follower implements AsyncDisposable {
  readonly ids: unknown[] = [];
  /** The field `recovered` of every join after the first. */
  readonly joins: boolean[] = [];
  readonly #room: string;
  readonly #isBinary: boolean;
  #client: ViewClient;
  #taken = 0;
  #position: string;

  private constructor(client: ViewClient, room: string, isBinary: boolean, position: string) {
    this.#client = client;
    this.#room = room;
    this.#isBinary = isBinary;
    this.#position = position;
  }

  static async start(url: string, room: string, isBinary: boolean): Promise<Follower> {
    const client = await chatIn(url, room, { isBinary });
    return new Follower(client, room, isBinary, client.joined.position);
  }

  /** Continues at another gateway when the connection has ended. */
  goOn(url: string): void {
    this.#client.connection.onclose(() => {
      this.#take();
      void this.#rejoin(url);
    });
  }

  async has(count: number): Promise<void> {
    for (;;) {
      const client = this.#client;
      const isThere = await client.until(() => {
        this.#take();
        if (this.ids.length >= count) return true;
        return client === this.#client ? undefined : false;
      });
      if (isThere) return;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]();
  }

  /** Takes the new messages of the present connection. */
  #take(): void {
    const calls = this.#client.callsOf('ChatMoved');
    for (const [, id, position] of calls.slice(this.#taken)) {
      this.ids.push(id);
      this.#position = String(position);
    }
    this.#taken = calls.length;
  }

  async #rejoin(url: string): Promise<void> {
    const left = this.#client;
    this.#client = await connectChat(url, { isBinary: this.#isBinary });
    this.#taken = 0;
    left.wake();
    const joined = await this.#client.connection.invoke<ChatJoin>('JoinRoom', this.#room, this.#position);
    this.joins.push(joined.recovered);
  }
}
