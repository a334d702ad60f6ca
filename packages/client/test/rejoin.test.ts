// Joining, leaving, and joining again after a break, with the right position.
import { describe, expect, test } from 'vitest';
import { joinAnswer, setUp } from './support/fake-gateway.js';

describe('joining', () => {
  test('a room joined before the connection is joined as soon as there is one', async () => {
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

  test('joining twice is one room and one call', async () => {
    const { client, gateway, settle } = setUp();
    await client.connect();
    expect(client.join('a')).toBe(client.join('a'));
    await settle();
    expect(gateway.connection.log).toEqual(['JoinRoom user:me', 'JoinRoom a']);
  });

  test('a position kept by the application is given, and missing events are told', async () => {
    const { client, gateway, resyncs } = setUp();
    gateway.answerTo = (_method, [roomId]) => ({ ...joinAnswer(String(roomId), 9), recovered: false });
    await client.connect();
    const { recovered } = await client.join('a', { after: 'p5' }).joined;
    expect(recovered).toBe(false);
    expect(gateway.connection.log.at(-1)).toBe('JoinRoom a p5');
    expect(resyncs).toEqual(['a: not_recovered']);
  });

  test('a refusal rejects the join, is reported, and leaves no room behind', async () => {
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

  test('a join cut off by the end of the connection is not refused: it waits for the next one', async () => {
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

  test.each([[''], [undefined], [7]])('joining %j is a mistake', (roomId) => {
    const { client } = setUp();
    expect(() => client.join(roomId as string)).toThrow(
      expect.objectContaining({ code: 'invalid_argument' }),
    );
  });
});

describe('joining again', () => {
  test('every room is joined again from where it was, the personal one first, after every break', async () => {
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

  test('what was recovered is told, and what was not', async () => {
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
    expect(joins.slice(3)).toEqual(['user:me 0 true', 'a 0 true', 'b 3 true']);
    expect(resyncs).toEqual(['a: not_recovered']);
    expect(ofRoom).toEqual(['not_recovered']);
  });

  test('a resync of the gateway goes to the application; of a room that is not joined it does not', async () => {
    const { client, gateway, resyncs } = setUp();
    await client.connect();
    await client.join('a').joined;
    gateway.connection.send('resync', { room_id: 'a', reason: 'gap' });
    gateway.connection.send('resync', { room_id: 'user:u1', reason: 'gap' });
    gateway.connection.send('resync', { room_id: 'b', reason: 'gap' });
    gateway.connection.send('resync', null);
    expect(resyncs).toEqual(['a: gap', 'user:me: gap']);
  });

  test('two hundred joins: at most eight wait for their answer at once', async () => {
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

  test('a position that the gateway does not take is given up for a fresh start, and told', async () => {
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

  test('a room that cannot be asked about now is tried again with its position, at the first join too', async () => {
    const { client, gateway, clock, settle, errors, resyncs } = setUp();
    gateway.isAnswering = false;
    void client.connect();
    await settle();
    const room = client.join('a', { after: 'p5' });
    for (let round = 0; round < 3; round += 1) {
      gateway.connection.call('JoinRoom', 'a').refuse('What you missed cannot be told now. Try again later.');
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

  test('a member that is refused is tried again later, and told once', async () => {
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

  test('an answer nobody understands is no join: it is told, and tried again', async () => {
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
  test('an event of one room does not move a room whose join is under way', async () => {
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
    gateway.connection.event('a', 12); // Of a room that is live again…
    gateway.connection.send('position', { position: 'p13' });
    gateway.connection.event('b', 6); // …while a replayed one of the other comes in…
    gateway.connection.close(); // …and the replay is cut.
    await clock.advance(1_000);
    expect(gateway.connection.log).toEqual(['JoinRoom user:me p13', 'JoinRoom a p13', 'JoinRoom b p6']);
  });

  test('a room that has just joined starts at its answer, though other rooms are ahead', async () => {
    const { client, gateway, clock } = setUp();
    await client.connect();
    await client.join('a').joined;
    await client.join('b').joined;
    gateway.isAnswering = false;
    gateway.connection.close();
    await clock.advance(500);
    gateway.connection.completeJoin('user:me', 1);
    gateway.connection.completeJoin('a', 1);
    gateway.connection.event('a', 20); // Live, while the gateway replays b and holds b’s event 15 until it is done.
    gateway.connection.completeJoin('b', 10);
    expect(client.room('b')?.position).toBe('p10');
    gateway.connection.close();
    await clock.advance(1_000);
    expect(gateway.connection.log).toEqual(['JoinRoom user:me p20', 'JoinRoom a p20', 'JoinRoom b p10']);
  });

  test('an event of a room that was left moves nobody', async () => {
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

  test('nothing that is no position is taken for one', async () => {
    const { client, gateway } = setUp();
    await client.connect();
    await client.join('a').joined;
    for (const argument of [null, 'p9', {}, { position: '' }, { position: 9 }])
      gateway.connection.send('position', argument);
    expect(client.room('a')?.position).toBe('p0');
  });
});

describe('a join that is cut off while what was missed is sent', () => {
  test('a join goes on from the last event that came, however often it is cut off', async () => {
    const { client, gateway, settle, reconnect, events, resyncs } = setUp();
    await client.connect();
    client.join('a');
    await settle();
    gateway.isAnswering = false;
    for (const position of [3, 5, 8]) {
      await reconnect();
      gateway.connection.completeJoin('user:me', 0);
      gateway.connection.event('a', position);
      // An event of another room, live: it says nothing about this one.
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

  test('a join that gave no position stays where it was: then nothing that came is all there is', async () => {
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

  test('the personal room stays where it was, for there something new may come first', async () => {
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

describe('leaving', () => {
  test('ends the events at once, and tells the gateway', async () => {
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

  test('during a rejoin that waits for its turn, nothing is sent at all', async () => {
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

  test('during a rejoin that is under way, its events are dropped and the gateway is told', async () => {
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

  test('and joining again at once is a new room, from now on', async () => {
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

  test('without a connection it is done at once, and the room is not joined again', async () => {
    const { client, gateway, clock } = setUp();
    await client.connect();
    const room = client.join('a');
    await room.joined;
    gateway.connection.close();
    await room.leave();
    await clock.advance(500);
    expect(gateway.connection.log).toEqual(['JoinRoom user:me p0']);
  });

  test('before the first join is answered rejects that join', async () => {
    const { client } = setUp();
    const room = client.join('a');
    await room.leave();
    await expect(room.joined).rejects.toMatchObject({ code: 'closed', roomId: 'a' });
  });

  test('the personal room cannot be left; a room that is not joined is none to leave', async () => {
    const { client } = setUp();
    await client.leave('nowhere');
    await expect(client.leave('user:me')).rejects.toMatchObject({ code: 'invalid_argument' });
    await expect(client.personalRoom.leave()).rejects.toMatchObject({ code: 'invalid_argument' });
  });
});
