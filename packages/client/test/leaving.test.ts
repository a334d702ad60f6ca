// Leaving a room, at every stage of its join.
import { describe, expect, test } from 'vitest';
import { setUp } from './support/fake-gateway.js';

describe('leaving', () => {
  test('leaving a room immediately stops its events, and calls LeaveRoom once', async () => {
    const { client, gateway, events } = setUp();
    await client.connect();
    const room = client.join('a');
    await room.joined;
    const left = room.leave();
    gateway.connection.event('a', 5);
    await left;
    expect(gateway.connection.log.at(-1)).toBe('LeaveRoom a');
    expect(events).toEqual([]);
    expect(room.status).toBe('left');
    await room.leave();
    await client.leave('a');
    expect(gateway.connection.log.filter((call) => call === 'LeaveRoom a')).toHaveLength(1);
  });

  test('leaving a room sends nothing if its rejoin has not been sent yet', async () => {
    const { client, gateway, clock } = setUp({ maxJoinsAtOnce: 1 });
    await client.connect();
    await client.join('a').joined;
    gateway.isAnswering = false;
    gateway.connection.close();
    await clock.advance(500);
    await client.leave('a');
    gateway.connection.completeJoin('user:me', 1);
    expect(gateway.connection.log).toEqual(['JoinRoom user:me p0']);
    expect(client.state).toBe('live');
  });

  test('leaving a room during its rejoin drops its later events, and calls LeaveRoom', async () => {
    const { client, gateway, clock, events, resyncs } = setUp();
    await client.connect();
    await client.join('a').joined;
    gateway.isAnswering = false;
    gateway.connection.close();
    await clock.advance(500);
    gateway.connection.completeJoin('user:me', 1);
    gateway.connection.event('a', 3);
    const left = client.leave('a');
    expect(client.state).toBe('live');
    gateway.connection.event('a', 4);
    gateway.connection.completeJoin('a', 5, { recovered: false });
    gateway.connection.call('LeaveRoom', 'a').answer(null);
    await left;
    expect(events).toEqual(['a:3']);
    expect(resyncs).toEqual([]);
    expect(gateway.connection.log.slice(-2)).toEqual(['JoinRoom a p0', 'LeaveRoom a']);
  });

  test('a join right after leaving the same room creates a new room without the old position', async () => {
    const { client, gateway } = setUp();
    await client.connect();
    const first = client.join('a');
    await first.joined;
    gateway.connection.event('a', 5);
    const left = client.leave('a');
    const second = client.join('a');
    expect(second).not.toBe(first);
    await left;
    await second.joined;
    expect(gateway.connection.log.slice(1)).toEqual(['JoinRoom a', 'LeaveRoom a', 'JoinRoom a']);
    expect(first.status).toBe('left');
    expect(second.status).toBe('live');
  });

  test('a room that is joined again gets no event of its earlier join, which would be followed by a gap', async () => {
    const { client, gateway, events, resyncs } = setUp();
    await client.connect();
    await client.join('a').joined;
    gateway.isAnswering = false;
    const left = client.leave('a');
    const second = client.join('a');
    gateway.connection.event('a', 5);
    gateway.connection.call('LeaveRoom', 'a').answer(null);
    await left;
    // Event 6 is published now, while the connection is not in the room.
    gateway.connection.completeJoin('a', 6);
    await second.joined;
    gateway.connection.event('a', 7);
    expect(events).toEqual(['a:7']);
    expect(resyncs).toEqual([]);
    expect(client.counts).toEqual({ delivered: 1, repeated: 0, ignored: 1 });
  });

  test('a room that is left without a connection is not joined again, and leave() resolves at once', async () => {
    const { client, gateway, clock } = setUp();
    await client.connect();
    const room = client.join('a');
    await room.joined;
    gateway.connection.close();
    await room.leave();
    await clock.advance(500);
    expect(gateway.connection.log).toEqual(['JoinRoom user:me p0']);
  });

  test('leaving a room before its first join is answered rejects the join', async () => {
    const { client } = setUp();
    const room = client.join('a');
    await room.leave();
    await expect(room.joined).rejects.toMatchObject({ code: 'closed', roomId: 'a' });
  });

  test('a handler that leaves the room while its join completes leaves nothing behind', async () => {
    const { client, gateway, errors, settle } = setUp();
    gateway.isAnswering = false;
    await client.connect();
    const room = client.join('a');
    room.setPresence('viewing');
    room.markRead(['00000000-0000-4000-8000-000000000001']);
    room.onMembers(() => {});
    room.onTypingChange(([user]) => user && void room.leave());
    const joins: string[] = [];
    client.onJoin((roomId) => joins.push(roomId));
    gateway.connection.completeJoin('a', 1, { typing: [{ user_id: 'u2', username: 'Bob' }] });
    await settle();
    const calls = gateway.connection.log.filter((call) => call.includes(' a'));
    expect(calls.map((call) => call.split(' ')[0])).toEqual([
      'JoinRoom',
      'MarkRead',
      'WatchMembers',
      'SetPresence',
      'LeaveRoom',
    ]);
    expect([room.status, room.members.users, joins, errors]).toEqual(['left', 0, [], []]);
  });

  test('the personal room cannot be left, and leaving a room that is not joined does nothing', async () => {
    const { client } = setUp();
    await client.leave('nowhere');
    await expect(client.leave('user:me')).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(client.personalRoom.leave()).rejects.toMatchObject({ code: 'invalid_argument' });
  });
});
