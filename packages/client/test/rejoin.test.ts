// Joining rooms, and rejoining them from the right position after the connection was lost.
import { describe, expect, test } from 'vitest';
import { joinAnswer, setUp } from './support/fake-gateway.js';

describe('joining', () => {
  test('a room that the application joins before it connects is joined as soon as there is a connection', async () => {
    const { client, gateway } = setUp();
    const room = client.join('a');
    expect(room.status).toBe('joining');
    void client.connect();
    const result = await room.joined;
    expect(result).toEqual({
      roomId: 'a',
      position: 'p0',
      recovered: true,
      replayed: 0,
      typing: [],
      isRejoin: false,
    });
    expect(room.status).toBe('live');
    expect(gateway.connection.log).toEqual(['JoinRoom user:me', 'JoinRoom a']);
  });

  test('joining a room twice returns the same object, and makes one call', async () => {
    const { client, gateway, settle } = setUp();
    await client.connect();
    expect(client.join('a')).toBe(client.join('a'));
    await settle();
    expect(gateway.connection.log).toEqual(['JoinRoom user:me', 'JoinRoom a']);
  });

  test('a join sends the position that the application kept, and reports a resync if events were lost', async () => {
    const { client, gateway, resyncs } = setUp();
    gateway.answerTo = (_method, [roomId]) => ({ ...joinAnswer(String(roomId), 9), recovered: false });
    await client.connect();
    const { recovered } = await client.join('a', { after: 'p5' }).joined;
    expect(recovered).toBe(false);
    expect(gateway.connection.log.at(-1)).toBe('JoinRoom a p5');
    expect(resyncs).toEqual(['a: not_recovered']);
  });

  test('a refused join is rejected and reported, and its room is removed', async () => {
    const { client, gateway, errors, settle, reconnect } = setUp();
    await client.connect();
    await settle();
    gateway.isAnswering = false;
    const room = client.join('secret');
    gateway.connection.call('JoinRoom', 'secret').refuse('You may not enter this room.');
    await expect(room.joined).rejects.toMatchObject({ code: 'refused', roomId: 'secret' });
    await expect(room.joined).rejects.toThrow('You may not enter this room.');
    expect(errors.map(({ code }) => code)).toEqual(['refused']);
    expect(client.room('secret')).toBeUndefined();
    expect(room.status).toBe('left');
    await reconnect();
    expect(gateway.connection.log).toEqual(['JoinRoom user:me p0']);
  });

  test('a join that the end of the connection cuts off is repeated on the next connection', async () => {
    const { client, gateway, settle, reconnect, errors } = setUp();
    await client.connect();
    await settle();
    gateway.isAnswering = false;
    const room = client.join('a');
    gateway.isAnswering = true;
    await reconnect();
    expect((await room.joined).isRejoin).toBe(false);
    expect(errors).toEqual([]);
  });

  test.each([[''], [undefined], [7]])('a join with the room ID %j is refused', (roomId) => {
    const { client } = setUp();
    expect(() => client.join(roomId as string)).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    );
  });
});

describe('joining again', () => {
  test('the client rejoins every room from its position after every reconnect, the personal room first', async () => {
    const { client, gateway, reconnect } = setUp();
    await client.connect();
    await client.join('a').joined;
    await client.join('b').joined;
    gateway.connection.event('a', 5);
    await reconnect();
    expect(gateway.connection.log).toEqual(['JoinRoom user:me p5', 'JoinRoom a p5', 'JoinRoom b p5']);
    gateway.connection.send('position', { position: 'p8' });
    await reconnect();
    expect(gateway.connection.log).toEqual(['JoinRoom user:me p8', 'JoinRoom a p8', 'JoinRoom b p8']);
  });

  test('a rejoin reports for each room whether it was recovered', async () => {
    const { client, gateway, resyncs, reconnect } = setUp();
    const joins: string[] = [];
    const ofRoom: string[] = [];
    client.onJoin((roomId, { replayed, isRejoin }) => void joins.push(`${roomId} ${replayed} ${isRejoin}`));
    client.join('a').onResync((reason) => void ofRoom.push(reason));
    await client.connect();
    await client.join('b').joined;
    gateway.answerTo = (_method, [roomId]) => ({
      ...joinAnswer(String(roomId), 5),
      recovered: roomId !== 'a',
      replayed: roomId === 'b' ? 3 : 0,
    });
    await reconnect();
    expect(joins.slice(4)).toEqual(['* 0 true', 'user:me 0 true', 'a 0 true', 'b 3 true']);
    expect(resyncs).toEqual(['a: not_recovered']);
    expect(ofRoom).toEqual(['not_recovered']);
  });

  test('a resync message of the gateway reaches the application, unless its room is not joined', async () => {
    const { client, gateway, resyncs } = setUp();
    await client.connect();
    await client.join('a').joined;
    gateway.connection.send('resync', { room_id: 'a', reason: 'gap' });
    gateway.connection.send('resync', { room_id: 'user:u1', reason: 'gap' });
    gateway.connection.send('resync', { room_id: 'b', reason: 'gap' });
    gateway.connection.send('resync', null);
    expect(resyncs).toEqual(['a: gap', 'user:me: gap']);
  });

  test('a client with two hundred rooms waits for at most eight answers to joins at a time', async () => {
    const { client, gateway, clock, states } = setUp();
    const rooms = Array.from({ length: 200 }, (_, index) => client.join(`room-${index}`));
    await client.connect();
    await Promise.all(rooms.map((room) => room.joined));
    gateway.isAnswering = false;
    gateway.connection.close();
    await clock.advance(500);
    const { calls } = gateway.connection;
    let most = 0;
    let answered = 0;
    for (let call = calls[0]; call !== undefined; call = calls[0]) {
      most = Math.max(most, calls.length);
      expect(client.state).toBe('resyncing');
      answered++;
      call.answer(joinAnswer(String(call.args[0]), 1));
    }
    expect([most, answered]).toEqual([8, 201]);
    expect(states.at(-1)).toBe('live');
    expect(rooms.every(({ status }) => status === 'live')).toBe(true);
  });

  test('a join whose position is refused is repeated without the position, and is reported as a resync', async () => {
    const { client, gateway, resyncs, errors, clock } = setUp();
    await client.connect();
    await client.join('a').joined;
    gateway.isAnswering = false;
    gateway.connection.close();
    await clock.advance(500);
    gateway.connection.completeJoin('user:me', 3);
    gateway.connection.call('JoinRoom', 'a').refuse('The position is not one that a gateway gave out.');
    gateway.connection.completeJoin('a', 3, { recovered: false });
    expect(gateway.connection.log).toEqual(['JoinRoom user:me p0', 'JoinRoom a p0', 'JoinRoom a']);
    expect(resyncs).toEqual(['a: not_recovered']);
    expect(client.state).toBe('live');
    expect(errors).toEqual([]);
  });

  test('a join that the gateway cannot decide now is retried with its position', async () => {
    const { client, gateway, clock, settle, errors, resyncs } = setUp();
    gateway.isAnswering = false;
    void client.connect();
    await settle();
    const room = client.join('a', { after: 'p5' });
    for (let round = 0; round < 3; round += 1) {
      gateway.connection
        .call('JoinRoom', 'a')
        .refuse('What you missed cannot be determined now. Try again later.');
      await clock.advance(30_000);
    }
    gateway.connection.completeJoin('a', 6);
    await room.joined;
    expect(gateway.connection.log.filter((call) => call.startsWith('JoinRoom a'))).toEqual(
      Array.from({ length: 4 }, () => 'JoinRoom a p5'),
    );
    expect(errors).toHaveLength(1);
    expect(resyncs).toEqual([]);
  });

  test('a refused rejoin is retried later, and is reported once', async () => {
    const { client, gateway, errors, clock } = setUp();
    await client.connect();
    const room = client.join('a');
    await room.joined;
    gateway.connection.event('a', 4);
    gateway.isAnswering = false;
    gateway.connection.close();
    await clock.advance(500);
    gateway.connection.completeJoin('user:me', 5);
    for (const waitMs of [1_000, 2_000, 4_000]) {
      gateway.connection.call('JoinRoom', 'a').refuse('not now');
      gateway.connection.call('JoinRoom', 'a').refuse('not now');
      expect(client.state).toBe('live');
      expect(room.status).toBe('joining');
      await clock.advance(waitMs);
    }
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({ code: 'refused', roomId: 'a' });
    gateway.connection.completeJoin('a', 9);
    expect(room.status).toBe('live');
    expect(gateway.connection.log.at(-1)).toBe('JoinRoom a p4');
  });

  test('an unreadable answer to a join is reported, and the join is retried', async () => {
    const { client, gateway, errors, clock } = setUp();
    await client.connect();
    await clock.advance(0);
    gateway.isAnswering = false;
    const room = client.join('a');
    gateway.connection.call('JoinRoom', 'a').answer({ position: 7 });
    expect(errors[0]).toMatchObject({ code: 'bad_message', roomId: 'a' });
    await clock.advance(1_000);
    gateway.connection.completeJoin('a', 1);
    expect(room.status).toBe('live');
  });
});

describe('positions', () => {
  test('an event of one room does not change the position of a room whose join is in progress', async () => {
    const { client, gateway, clock } = setUp();
    await client.connect();
    await client.join('a').joined;
    await client.join('b').joined;
    gateway.connection.event('b', 5);
    gateway.isAnswering = false;
    gateway.connection.close();
    await clock.advance(500);
    gateway.connection.completeJoin('user:me', 9);
    gateway.connection.completeJoin('a', 9);
    gateway.connection.event('a', 12); // Room a is live again.
    gateway.connection.send('position', { position: 'p13' });
    gateway.connection.event('b', 6); // This is a replayed event of room b.
    gateway.connection.close(); // The end of the connection cuts off the replay.
    await clock.advance(1_000);
    expect(gateway.connection.log).toEqual(['JoinRoom user:me p13', 'JoinRoom a p13', 'JoinRoom b p6']);
  });

  test('a room starts at the position in the answer to its join, even if other rooms have newer positions', async () => {
    const { client, gateway, clock } = setUp();
    await client.connect();
    await client.join('a').joined;
    await client.join('b').joined;
    gateway.isAnswering = false;
    gateway.connection.close();
    await clock.advance(500);
    gateway.connection.completeJoin('user:me', 1);
    gateway.connection.completeJoin('a', 1);
    gateway.connection.event('a', 20); // Room a is live. The gateway still replays room b, and holds event 15 of b.
    gateway.connection.completeJoin('b', 10);
    expect(client.room('b')?.position).toBe('p10');
    gateway.connection.close();
    await clock.advance(1_000);
    expect(gateway.connection.log).toEqual(['JoinRoom user:me p20', 'JoinRoom a p20', 'JoinRoom b p10']);
  });

  test('an event of a room that was left does not change the position of other rooms', async () => {
    const { client, gateway, reconnect } = setUp();
    await client.connect();
    await client.join('a').joined;
    await client.join('b').joined;
    gateway.connection.event('a', 5);
    await client.leave('b');
    gateway.connection.event('b', 3);
    expect(client.counts.ignored).toBe(1);
    await reconnect();
    expect(gateway.connection.log).toEqual(['JoinRoom user:me p5', 'JoinRoom a p5']);
  });

  test('a position message without a valid position is ignored', async () => {
    const { client, gateway } = setUp();
    await client.connect();
    await client.join('a').joined;
    for (const argument of [null, 'p9', {}, { position: '' }, { position: 9 }])
      gateway.connection.send('position', argument);
    expect(client.room('a')?.position).toBe('p0');
  });
});

describe('a join that is cut off during the replay', () => {
  test('a join whose replay is cut off continues from the last event that arrived', async () => {
    const { client, gateway, settle, reconnect, events, resyncs } = setUp();
    await client.connect();
    client.join('a');
    await settle();
    gateway.isAnswering = false;
    for (const position of [3, 5, 8]) {
      await reconnect();
      gateway.connection.completeJoin('user:me', 0);
      gateway.connection.event('a', position);
      // Sends a live event of another room. Its position does not cover this room's missed events.
      gateway.connection.event('user:u1', position + 1);
    }
    await reconnect();
    expect(gateway.connections.slice(1).map(({ log }) => log.find((call) => call.includes(' a')))).toEqual([
      'JoinRoom a p0',
      'JoinRoom a p3',
      'JoinRoom a p5',
      'JoinRoom a p8',
    ]);
    expect(events.filter((event) => event.startsWith('a:'))).toEqual(['a:3', 'a:5', 'a:8']);
    expect(resyncs).toEqual([]);
  });

  test('a room keeps its refused position if the connection breaks during the join without a position', async () => {
    const { client, gateway, settle, reconnect } = setUp();
    await client.connect();
    client.join('a');
    await settle();
    gateway.isAnswering = false;
    await reconnect();
    gateway.connection.completeJoin('user:me', 0);
    gateway.connection.call('JoinRoom', 'a').refuse('The position is not one that a gateway gave out.');
    gateway.connection.event('a', 9);
    await reconnect();
    expect(gateway.connection.log).toContain('JoinRoom a p0');
  });

  test('the personal room keeps its position if the connection breaks during its join', async () => {
    const { client, gateway, reconnect, settle } = setUp();
    await client.connect();
    await settle();
    gateway.isAnswering = false;
    await reconnect();
    gateway.connection.event('user:u1', 9);
    await reconnect();
    expect(gateway.connection.log).toEqual(['JoinRoom user:me p0']);
  });
});
