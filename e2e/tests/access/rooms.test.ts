// Joining and leaving rooms, and the rights to enter them.
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { notification } from '../../fixtures/events/sample-events.js';
import { postEvents } from '../../fixtures/http/ingest.js';
import { apiKey, normalMode, signToken, type TokenClaims } from '../../fixtures/http/tokens.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';

const gateway = sharedSystem(() => GatewayProcess.start(normalMode));

async function connect(claims: TokenClaims): Promise<EventLog> {
  return EventLog.connect(gateway().url, {
    token: await signToken({ sub: randomUUID(), name: 'Ana', ...claims }),
  });
}

async function publish(roomId: string, title: string): Promise<string> {
  const event = notification(roomId, title);
  expect(await postEvents(gateway().url, event, { key: apiKey })).toMatchObject({ status: 201 });
  return event.event_id;
}

describe('joining', () => {
  test('the answer of JoinRoom contains the room, a position, the number of replayed events and the typing users', async () => {
    await using client = await connect({ rooms: ['ticket-1'] });
    expect(await client.join('ticket-1')).toStrictEqual({
      roomId: 'ticket-1',
      position: expect.stringMatching(/^\S+$/),
      recovered: expect.any(Boolean),
      replayed: 0,
      typing: [],
    });
  });

  test('a client that joins a room twice gets each event once and leaves with one call', async () => {
    await using client = await connect({ rooms: ['twice', 'end'] });
    await client.join('twice');
    await client.join('twice');
    await client.join('end');
    const sent = [await publish('twice', 'a'), await publish('twice', 'b')];
    await client.received(2);
    await client.connection.invoke('LeaveRoom', 'twice');
    await publish('twice', 'c');
    const end = await publish('end', 'end');
    expect(await client.idsUpTo(end)).toEqual([...sent, end]);
  });

  test('a client gets no events of a room after LeaveRoom, and gets new events after another JoinRoom', async () => {
    await using client = await connect({ rooms: ['left'] });
    await client.join('left');
    const before = await publish('left', 'before');
    await client.received(1);
    await client.connection.invoke('LeaveRoom', 'left');
    await publish('left', 'while away');
    await client.join('left');
    const after = await publish('left', 'after');
    expect(await client.idsUpTo(after)).toEqual([before, after]);
  });

  test('leaving a room that was never joined has no effect', async () => {
    await using client = await connect({ rooms: ['a'] });
    await client.connection.invoke('LeaveRoom', 'a');
    await client.join('a');
    const id = await publish('a', 'still here');
    expect(await client.idsUpTo(id)).toEqual([id]);
  });

  test('a join with a position of another epoch is answered with `recovered: false`', async () => {
    await using elsewhere = await GatewayProcess.start(normalMode);
    await using stranger = await EventLog.connect(elsewhere.url, {
      token: await signToken({ sub: randomUUID(), rooms: ['r'] }),
    });
    const joined = await stranger.join('r');
    await postEvents(elsewhere.url, notification('r', 'there'), { key: apiKey });
    const [delivered] = await stranger.received(1);
    await using client = await connect({ rooms: ['r'] });
    expect(await client.join('r', joined.position)).toMatchObject({ recovered: false });
    expect(await client.join('r', delivered?.position ?? '')).toMatchObject({ recovered: false });
  });

  test('JoinRoom of user:me with a delivered event’s position resumes the personal room', async () => {
    const sub = randomUUID();
    await using client = await connect({ sub, rooms: [] });
    await publish(`user:${sub}`, 'personal');
    const [event] = await client.received(1);
    expect(await client.join('user:me', event?.position)).toMatchObject({ roomId: `user:${sub}` });
    const next = await publish(`user:${sub}`, 'next');
    expect((await client.idsUpTo(next)).filter((id) => id === next)).toHaveLength(1);
  });

  test('a client may join the rooms that its token lists by name or by prefix', async () => {
    await using client = await connect({ rooms: ['ticket-*', 'lobby'] });
    for (const roomId of ['ticket-', 'ticket-42', 'lobby']) {
      await client.join(roomId);
      const id = await publish(roomId, roomId);
      await client.event((event) => event.event_id === id);
    }
  });
});

describe('refusals', () => {
  test.each([
    'ticket-4',
    'ticket-421',
    'Ticket-42',
    'ticket-42 ',
    'other',
    '**',
    'ticket-*',
    'user:somebody',
  ])('a client with the rooms ["ticket-42"] gets a hub error and no events for %j', async (roomId) => {
    await using client = await connect({ rooms: ['ticket-42'] });
    await expect(client.join(roomId)).rejects.toThrow(
      /HubException: .*(allowed|access|may|claim|permit|enter)/i,
    );
    await client.join('ticket-42');
    await publish(roomId, 'secret');
    const allowed = await publish('ticket-42', 'allowed');
    expect(await client.idsUpTo(allowed)).toEqual([allowed]);
  });

  test.each([{ rooms: [] }, {}])(
    'a token with the claims %j gives access only to the personal room',
    async (claims) => {
      const sub = randomUUID();
      await using client = await connect({ ...claims, sub });
      await expect(client.join('lobby')).rejects.toThrow(/HubException/);
      const own = await publish(`user:${sub}`, 'own');
      expect(await client.idsUpTo(own)).toEqual([own]);
    },
  );

  test.each([
    ['no room', 'JoinRoom', []],
    ['an empty room', 'JoinRoom', ['']],
    ['the room of control entries', 'JoinRoom', ['millrace:control']],
    ['the room of everybody', 'SendTyping', ['*', true]],
    ['the room of everybody', 'MarkRead', ['*', [randomUUID()]]],
    ['a room with a line break', 'JoinRoom', ['a\nb']],
    ['a room of 257 bytes', 'JoinRoom', ['x'.repeat(257)]],
    ['a number as room', 'JoinRoom', [42]],
    ['null as room', 'JoinRoom', [null]],
    ['a list as room', 'JoinRoom', [['lobby']]],
    ['garbage as position', 'JoinRoom', ['lobby', 'garbage']],
    ['control characters as position', 'JoinRoom', ['lobby', '\u0000\u0001']],
    ['20,000 characters as position', 'JoinRoom', ['lobby', 'a'.repeat(20_000)]],
    ['a number as position', 'JoinRoom', ['lobby', 7]],
    ['an object as position', 'JoinRoom', ['lobby', { $ne: 1 }]],
    ['no room', 'LeaveRoom', []],
    ['a number as room', 'LeaveRoom', [42]],
    ['a missing flag', 'SendTyping', ['lobby']],
    ['a string as flag', 'SendTyping', ['lobby', 'true']],
    ['a room that was not joined', 'SendTyping', ['elsewhere', true]],
    ['no list', 'MarkRead', ['lobby']],
    ['an empty list', 'MarkRead', ['lobby', []]],
    ['an ID that is not a UUID', 'MarkRead', ['lobby', ['1']]],
    ['a list with null', 'MarkRead', ['lobby', [null]]],
    ['a room that was not joined', 'MarkRead', ['elsewhere', [randomUUID()]]],
    ['a method that does not exist', 'Shutdown', []],
    ['a method of every object', 'constructor', []],
    ['a method of every object', 'toString', []],
  ])(
    'a hub call with %s (%s) fails with a hub error, and the client still receives events',
    async (_, method, args) => {
      await using client = await connect({ rooms: ['*'] });
      await client.join('lobby');
      await expect(client.connection.invoke(method, ...args)).rejects.toThrow(/HubException: ./);
      const id = await publish('lobby', 'still connected');
      expect(await client.idsUpTo(id)).toEqual([id]);
    },
  );

  test('a user whose ID is not a UUID may join, receive events and call MarkRead, but not SendTyping', async () => {
    await using client = await connect({ sub: 'alice', rooms: ['lobby'] });
    await client.join('lobby');
    await expect(client.connection.invoke('SendTyping', 'lobby', true)).rejects.toThrow(
      /HubException: .*UUID/,
    );
    const messageId = randomUUID();
    await client.connection.invoke('MarkRead', 'lobby', [messageId]);
    const receipt = await client.event(({ event_type }) => event_type === 'read_receipt');
    expect(receipt.payload).toEqual({ user_id: 'alice', message_ids: [messageId] });
    const own = await publish('user:alice', 'own');
    expect(await client.idsUpTo(own)).toEqual([receipt.event_id, own]);
  });

  test('a position that cannot be parsed is refused with an error that names the position', async () => {
    await using client = await connect({ rooms: ['lobby'] });
    await expect(client.join('lobby', 'garbage')).rejects.toThrow(/HubException: .*position/i);
  });
});
