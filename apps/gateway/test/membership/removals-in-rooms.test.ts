// A user is removed from a room while a connection of this user is in the room, resumes, or catches up.
import { describe, expect, it } from 'vitest';
import { openMemberWorld } from '../support/member-world.js';

describe('a connected user who is removed', () => {
  it('the connection leaves the room, and the client is told after the events from before the removal', async () => {
    const { rooms, connection, log, deliver, remove } = openMemberWorld();
    await rooms.join(connection, 'room', undefined);
    deliver('before');
    remove('room');
    deliver('behind');
    expect(log).toEqual(['before', 'removed from room: removed']);
    expect(rooms.has('room')).toBe(false);
    await expect(rooms.join(connection, 'room', undefined)).rejects.toThrow(
      'You were removed from this room',
    );
  });

  it('the other rooms of the connection, and the room of other users, stay as they are', async () => {
    const { rooms, connection, log, deliver, remove } = openMemberWorld();
    for (const room of ['room', 'other']) await rooms.join(connection, room, undefined);
    remove('room', 'somebody else');
    deliver('mine');
    remove('room');
    deliver('still', 'other');
    expect(log).toEqual(['mine', 'removed from room: removed', 'still']);
  });

  it('a user who was added again may join again, and a position from before the return is not recovered', async () => {
    const { rooms, connection, log, deliver, remove, add, position } = openMemberWorld();
    await rooms.join(connection, 'room', undefined);
    const early = position();
    remove('room');
    deliver('behind');
    add('room');
    const after = position();
    deliver('after');
    expect(await rooms.join(connection, 'room', early)).toMatchObject({ recovered: false, replayed: 0 });
    rooms.leave(connection, 'room');
    expect(await rooms.join(connection, 'room', after)).toMatchObject({ recovered: true, replayed: 1 });
    expect(log).toEqual(['removed from room: removed', 'after']);
  });
});

describe('a slow client whose user is removed', () => {
  it('the client is told of the removal, and not of a loss in the room', async () => {
    const { rooms, connection, log, remove, read } = openMemberWorld();
    for (const room of ['room', 'other']) await rooms.join(connection, room, undefined);
    const action = rooms.fallBehind(connection);
    remove('room');
    rooms.noteLoss(() => true, 'gap');
    for (let round = 0; round < 3; round += 1) await read();
    expect(await action).toBe('keep');
    expect(log).toEqual(['resync', 'position', 'removed from room: removed']);
  });

  it('the client gets every event from before the removal, none from behind it, and then the message', async () => {
    const { rooms, connection, log, deliver, remove, read, groups, laggingConnections } = openMemberWorld();
    await rooms.join(connection, 'room', undefined);
    deliver('one');
    const action = rooms.fallBehind(connection);
    deliver('two');
    remove('room');
    deliver('behind');
    expect(log).toEqual(['one']);
    for (let round = 0; round < 3; round += 1) await read();
    expect(await action).toBe('keep');
    deliver('later');
    expect(log).toEqual(['one', 'two', 'removed from room: removed']);
    expect([...groups]).toEqual([]);
    expect(laggingConnections.has('c1')).toBe(false);
  });

  it('a removal while a slice is sent ends the catch-up at the removal', async () => {
    const { rooms, connection, log, deliver, remove, read } = openMemberWorld();
    await rooms.join(connection, 'room', undefined);
    const action = rooms.fallBehind(connection);
    deliver('one');
    await read();
    expect(log).toEqual(['one']);
    deliver('two');
    remove('room');
    deliver('behind');
    for (let round = 0; round < 3; round += 1) await read();
    expect(await action).toBe('keep');
    expect(log).toEqual(['one', 'two', 'removed from room: removed']);
  });
});

describe('a slow client whose user is removed and added again before it has caught up', () => {
  it('the client is told of the removal after the events from before it, and is sent nothing from after it', async () => {
    const { rooms, connection, log, deliver, remove, add, read, groups } = openMemberWorld();
    await rooms.join(connection, 'room', undefined);
    const action = rooms.fallBehind(connection);
    deliver('before');
    remove('room');
    deliver('behind');
    add('room');
    deliver('after the return');
    expect(rooms.has('room')).toBe(false);
    for (let round = 0; round < 3; round += 1) await read();
    expect(await action).toBe('keep');
    expect(log).toEqual(['before', 'removed from room: removed']);
    expect([...groups]).toEqual([]);
    expect(await rooms.join(connection, 'room', undefined)).toMatchObject({ recovered: false });
    deliver('later');
    expect(log.at(-1)).toBe('later');
  });

  it('the user no longer counts as present in the room while the client lags', async () => {
    const { rooms, connection, deliver, remove, left } = openMemberWorld();
    await rooms.join(connection, 'room', undefined);
    void rooms.fallBehind(connection);
    deliver('before');
    expect(left).toEqual([]);
    remove('room');
    expect(left).toEqual(['room']);
    expect(rooms.has('room')).toBe(false);
  });
});

describe('a user who is removed while resuming', () => {
  it('the join recovers nothing if the user was added again meanwhile, and sends nothing from in between', async () => {
    const { rooms, connection, log, deliver, remove, add, position } = openMemberWorld();
    const early = position();
    deliver('one');
    const joining = rooms.join(connection, 'room', early);
    remove('room');
    deliver('between');
    add('room');
    expect(await joining).toMatchObject({ recovered: false });
    deliver('later');
    expect(log.filter((line) => line !== 'one')).toEqual(['later']);
  });

  it('the join is refused, and no event after the removal is sent', async () => {
    const { rooms, connection, log, deliver, remove, position, groups } = openMemberWorld();
    const early = position();
    deliver('one');
    const joining = rooms.join(connection, 'room', early);
    remove('room');
    deliver('behind');
    await expect(joining).rejects.toThrow('You were removed from this room');
    deliver('later');
    expect(log.filter((line) => line !== 'one')).toEqual([]);
    expect([...groups]).toEqual([]);
    expect(rooms.has('room')).toBe(false);
  });
});

describe('a user whom the access rule refuses', () => {
  it('the connection leaves the room at once and is told why, and a connection with other rights stays', async () => {
    const { rooms, connection, log, deliver } = openMemberWorld();
    await rooms.join(connection, 'room', undefined);
    rooms.refuse('room', () => false);
    deliver('still here');
    rooms.refuse('elsewhere', () => true);
    rooms.refuse('room', () => true);
    deliver('behind');
    expect(log).toEqual(['still here', 'removed from room: access']);
  });

  it('a refusal, or the client itself, ends a join that is still sending what was missed', async () => {
    for (const end of ['refuse', 'leave'] as const) {
      const { rooms, connection, deliver, position, groups, laggingConnections } = openMemberWorld();
      const early = position();
      deliver('one');
      const joining = rooms.join(connection, 'room', early);
      if (end === 'leave') rooms.leave(connection, 'room');
      else rooms.refuse('room', () => true);
      await expect(joining).rejects.toThrow('You have left this room.');
      expect([...groups]).toEqual([]);
      expect(rooms.has('room')).toBe(false);
      expect(laggingConnections.has('c1')).toBe(false);
    }
  });
});

describe('a token that allows fewer rooms', () => {
  it('the rooms that it does not allow are left, and the client is told', async () => {
    const { rooms, connection, log, deliver } = openMemberWorld();
    for (const room of ['a', 'b']) await rooms.join(connection, room, undefined);
    rooms.keepOnly(connection, (roomId) => roomId === 'b');
    deliver('in a', 'a');
    deliver('in b', 'b');
    expect(log).toEqual(['removed from a: token', 'in b']);
  });
});

describe('a signed-out user', () => {
  it('connections whose tokens were issued before the sign-out are ended, and later ones are not', () => {
    const { rooms, connection, signOut, isAborted, setIssuedAtMs } = openMemberWorld();
    rooms.begin(connection);
    setIssuedAtMs(100_000_000_000_000);
    signOut();
    expect(isAborted()).toBe(false);
    setIssuedAtMs(1_000);
    signOut();
    expect(isAborted()).toBe(true);
  });

  it('a connection that opens after its user was signed out is ended', () => {
    const { rooms, connection, signOut, isAborted, setIssuedAtMs } = openMemberWorld();
    setIssuedAtMs(1_000);
    signOut();
    rooms.begin(connection);
    expect(isAborted()).toBe(true);
  });
});
