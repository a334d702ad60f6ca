// The client against a real gateway over real sockets. A fake gateway can only assume how a gateway behaves.
import { defineCatalog, eventCatalog } from '@millrace/contract';
import { until } from '@millrace/testkit';
import { describe, expect, test } from 'vitest';
import type { Client } from '../src/index.js';
import { ada, bob, nextMessage, RealGateway, reached, token } from './support/real-gateway.js';

function collect(client: Client, roomId: string): number[] {
  const numbers: number[] = [];
  client.on('chat_message', (event) => {
    if (event.room_id === roomId) numbers.push(event.payload.sequence_number);
  });
  return numbers;
}

describe('a connection', () => {
  test('a connection delivers events of the joined rooms, and no events of other rooms', async () => {
    await using real = await RealGateway.start();
    const client = real.client(ada);
    const numbers = collect(client, 'a');
    await client.connect();
    const room = client.join('a');
    const result = await room.joined;
    expect(result).toMatchObject({ roomId: 'a', recovered: false, replayed: 0, isRejoin: false });
    const last = nextMessage(client, 'a', 3);
    await real.say('a', 1);
    await real.say('b', 9);
    await real.say('a', 2);
    await real.say('a', 3);
    await last;
    expect(numbers).toEqual([1, 2, 3]);
    expect(client.counts).toEqual({ delivered: 3, repeated: 0, ignored: 0 });
    expect(client.userId).toBe(ada);
    expect(room.position).not.toBe(result.position);

    await client.leave('a');
    const inOther = nextMessage(client, 'c', 1);
    await client.join('c').joined;
    await real.say('a', 4);
    await real.say('c', 1);
    await inOther;
    expect(numbers).toEqual([1, 2, 3]);
    expect(client.errors).toEqual([]);
  });

  test('a client gets its user’s personal events although the application joins no room', async () => {
    await using real = await RealGateway.start();
    const client = real.client(ada);
    const got = new Promise((resolve) => client.personalRoom.on('notification', resolve));
    await client.connect();
    await real.gateway.publisher.publish('notification', `user:${ada}`, { type: 'info', title: 'Hello' });
    expect(await got).toMatchObject({ payload: { title: 'Hello' } });
  });

  test('an event that is published twice is handled once', async () => {
    await using real = await RealGateway.start();
    const client = real.client(ada);
    const numbers = collect(client, 'a');
    await client.connect();
    await client.join('a').joined;
    const last = nextMessage(client, 'a', 2);
    const eventId = await real.say('a', 1);
    await real.say('a', 1, eventId);
    await real.say('a', 1, eventId.toUpperCase());
    await real.say('a', 2);
    await last;
    expect(numbers).toEqual([1, 2]);
  });

  test('two events whose IDs differ only in case are both handled if the catalog compares IDs as text', async () => {
    const catalog = defineCatalog({ ...eventCatalog, eventIdRule: 'text' });
    await using real = await RealGateway.start({ catalog });
    const client = real.client(ada);
    const numbers = collect(client, 'a');
    await client.connect();
    await client.join('a').joined;
    const last = nextMessage(client, 'a', 3);
    await real.say('a', 1, 'order-a');
    await real.say('a', 2, 'order-A');
    await real.say('a', 3);
    await last;
    expect(numbers).toEqual([1, 2, 3]);
  });

  test('a handler that throws stops neither other handlers nor the connection', async () => {
    await using real = await RealGateway.start();
    const client = real.client(ada);
    client.on('chat_message', () => {
      throw new Error('broken');
    });
    const numbers = collect(client, 'a');
    await client.connect();
    await client.join('a').joined;
    const last = nextMessage(client, 'a', 2);
    await real.say('a', 1);
    await real.say('a', 2);
    await last;
    expect(numbers).toEqual([1, 2]);
    expect(client.state).toBe('live');
    expect(client.errors.map(({ code }) => code)).toEqual(['handler_failed', 'handler_failed']);
  });

  test('an event in the same frame as the answer to its room’s join is delivered after the answer', async () => {
    await using real = await RealGateway.start();
    const client = real.client(ada);
    await client.connect();
    for (let round = 0; round < 20; round++) {
      const roomId = `round-${round}`;
      const order: string[] = [];
      const room = client.join(roomId);
      room.on('chat_message', () => order.push('event'));
      const stop = client.onJoin(() => order.push('joined'));
      const last = nextMessage(client, roomId, 2);
      // This event is published during the join. It may reach the room before, with or after the join.
      await Promise.all([real.say(roomId, 1), room.joined]);
      await real.say(roomId, 2);
      await last;
      stop();
      expect(order[0]).toBe('joined');
    }
  });
});

describe('a break', () => {
  test('a client joins its rooms again after its socket broke, and handles missed events before new events', async () => {
    await using real = await RealGateway.start();
    const client = real.client(ada);
    const numbers = collect(client, 'a');
    const resyncs: string[] = [];
    client.onResync((roomId) => resyncs.push(roomId));
    await client.connect();
    await client.join('a').joined;
    const first = nextMessage(client, 'a', 1);
    await real.say('a', 1);
    await first;

    const lost = reached(client, 'reconnecting');
    const back = reached(client, 'live');
    real.cut();
    await lost;
    await real.say('a', 2);
    await back;
    const last = nextMessage(client, 'a', 3);
    await real.say('a', 3);
    await last;
    expect(numbers).toEqual([1, 2, 3]);
    expect(resyncs).toEqual([]);
    expect(client.errors).toEqual([]);
  });

  test('a lost connection without missed events causes no resync', async () => {
    await using real = await RealGateway.start();
    const client = real.client(ada);
    const resyncs: string[] = [];
    client.onResync((roomId) => resyncs.push(roomId));
    const joins: boolean[] = [];
    await client.connect();
    await client.join('a').joined;
    client.onJoin((_roomId, { recovered, isRejoin }) => joins.push(recovered && isRejoin));
    const first = nextMessage(client, 'a', 1);
    await real.say('a', 1);
    await first;
    const back = reached(client, 'live');
    real.cut();
    await back;
    expect(resyncs).toEqual([]);
    expect(joins).toEqual([true, true, true]);
  });

  test('a client reconnects after a restart of the gateway, and reports a resync because the gateway’s memory is empty', async () => {
    await using real = await RealGateway.start();
    const client = real.client(ada);
    const resyncs: string[] = [];
    client.onResync((roomId, reason) => resyncs.push(`${roomId}: ${reason}`));
    await client.connect();
    await client.join('a').joined;
    const lost = reached(client, 'reconnecting');
    await real.stop();
    await lost;
    const back = reached(client, 'live');
    await real.startAgain();
    await back;
    expect(resyncs.sort()).toEqual(['*: not_recovered', 'a: not_recovered', 'user:me: not_recovered']);
    const next = nextMessage(client, 'a', 7);
    await real.say('a', 7);
    await next;
  });

  test('a client rejoins all of its two hundred rooms after its socket broke', async () => {
    await using real = await RealGateway.start();
    const client = real.client(ada);
    await client.connect();
    const rooms = Array.from({ length: 200 }, (_, index) => client.join(`room-${index}`));
    await Promise.all(rooms.map((room) => room.joined));
    const back = reached(client, 'live');
    real.cut();
    await back;
    expect(rooms.every(({ status }) => status === 'live')).toBe(true);
    const last = nextMessage(client, 'room-199', 1);
    await real.say('room-199', 1);
    await last;
    expect(client.errors).toEqual([]);
  });

  test('a room that is left while the client rejoins its rooms is not joined again', async () => {
    await using real = await RealGateway.start();
    const client = real.client(ada);
    await client.connect();
    const rooms = Array.from({ length: 40 }, (_, index) => client.join(`room-${index}`));
    await Promise.all(rooms.map((room) => room.joined));
    const resyncing = reached(client, 'resyncing');
    const back = reached(client, 'live');
    real.cut();
    await resyncing;
    // The client has sent a few joins. Most of them still wait to be sent.
    await Promise.all(rooms.slice(0, 39).map((room) => room.leave()));
    await back;
    const numbers = collect(client, 'room-0');
    const last = nextMessage(client, 'room-39', 1);
    await real.say('room-0', 1);
    await real.say('room-39', 1);
    await last;
    expect(numbers).toEqual([]);
    expect(client.counts.ignored).toBe(0);
    expect(client.errors).toEqual([]);
  });

  test('many connection breaks under traffic lose no event, repeat no event and keep the order', async () => {
    await using real = await RealGateway.start();
    const client = real.client(ada);
    const numbers = collect(client, 'a');
    let resyncs = 0;
    client.onResync(() => resyncs++);
    await client.connect();
    await client.join('a').joined;
    let sequence = 0;
    for (let round = 0; round < 10; round++) {
      const back = reached(client, 'live');
      for (let count = 0; count < 5; count++) await real.say('a', ++sequence);
      real.cut();
      for (let count = 0; count < 5; count++) await real.say('a', ++sequence);
      await back;
      const end = nextMessage(client, 'a', sequence + 1);
      await real.say('a', ++sequence);
      await end;
    }
    expect(numbers).toEqual(Array.from({ length: sequence }, (_, index) => index + 1));
    expect(resyncs).toBe(0);
  });
});

describe('tokens', () => {
  test('each attempt to connect gets a new token, so an expired token is replaced', async () => {
    await using real = await RealGateway.start();
    let count = 0;
    const client = real.client(ada, {
      // The first token expired more than 5 s ago, so the gateway refuses it. The second one is valid.
      accessToken: () => token(ada, { expiresInS: count++ === 0 ? -60 : 60 }),
    });
    await client.connect();
    expect(count).toBe(2);
    const back = reached(client, 'live');
    real.cut();
    await back;
    expect(count).toBe(3);
  });

  test('a client closes with an error if its token is refused and not replaced', async () => {
    await using real = await RealGateway.start();
    const stale = await token(ada, { expiresInS: -60 });
    const client = real.client(ada, { accessToken: () => stale });
    await expect(client.connect()).rejects.toMatchObject({ code: 'unauthorized' });
    expect(client.state).toBe('closed');
    const anonymous = real.client(ada, { accessToken: undefined as never });
    await expect(anonymous.connect()).rejects.toMatchObject({ code: 'unauthorized' });
  });

  test('a room that the token does not allow is refused with the gateway’s reason', async () => {
    await using real = await RealGateway.start();
    const client = real.client(ada, { accessToken: () => token(ada, { rooms: ['a'] }) });
    await client.connect();
    await client.join('a').joined;
    const error = await client.join('b').joined.catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: 'refused', roomId: 'b' });
    expect((error as Error).message).toBe(
      'Room b was not joined: You may not enter this room: the token’s `rooms` claim does not name it.',
    );
  });

  test('a join with an unknown position still joins the room, and reports a resync', async () => {
    await using real = await RealGateway.start();
    const client = real.client(ada);
    const resyncs: string[] = [];
    client.onResync((roomId) => resyncs.push(roomId));
    await client.connect();
    const { recovered } = await client.join('a', { after: 'from nowhere' }).joined;
    expect(recovered).toBe(false);
    expect(resyncs).toEqual(['a']);
  });
});

describe('typing and receipts', () => {
  test('other users see that a user is typing, until the user stops or sends a message', async () => {
    await using real = await RealGateway.start();
    const [one, two] = [real.client(ada), real.client(bob)];
    for (const client of [one, two]) {
      await client.connect();
      await client.join('a').joined;
    }
    two.sendTyping('a', true);
    await until(() => one.typingUsers('a').length === 1);
    expect(one.typingUsers('a')).toEqual([{ user_id: bob, username: 'Bob' }]);
    two.sendTyping('a', false);
    await until(() => one.typingUsers('a').length === 0);
    two.sendTyping('a', true);
    await until(() => one.typingUsers('a').length === 1);
    await real.say('a', 1);
    await until(() => one.typingUsers('a').length === 0);
    expect(two.typingUsers('a')).toEqual([]);
    expect([...one.errors, ...two.errors]).toEqual([]);
  });

  test('a join lists the users who are typing, and no user who has disconnected', async () => {
    await using real = await RealGateway.start();
    const two = real.client(bob);
    await two.connect();
    await two.join('a').joined;
    two.sendTyping('a', true);
    const one = real.client(ada, { typingExpiryMs: 300 });
    await one.connect();
    await one.join('b').joined;
    await until(async () => {
      await one.leave('a');
      return (await one.join('a').joined).typing.length === 1;
    });
    await two.close();
    await until(() => one.typingUsers('a').length === 0);
  });

  test('receipts reach other users, even if they were added without a connection', async () => {
    await using real = await RealGateway.start();
    const one = real.client(ada);
    const two = real.client(bob, { url: real.directUrl });
    const read = new Set<string>();
    two.on('read_receipt', ({ payload }) => payload.message_ids.forEach((id) => read.add(id)));
    for (const client of [one, two]) {
      await client.connect();
      await client.join('a').joined;
    }
    const [now, later, alsoLater] = [crypto.randomUUID(), crypto.randomUUID(), crypto.randomUUID()];
    one.markRead('a', [now]);
    await until(() => read.has(now));
    const lost = reached(one, 'reconnecting');
    real.cut();
    await lost;
    one.markRead('a', [later]);
    one.markRead('a', [alsoLater]);
    await until(() => read.has(later) && read.has(alsoLater));
    expect(two.state).toBe('live');
    expect(one.errors).toEqual([]);
  });
});
