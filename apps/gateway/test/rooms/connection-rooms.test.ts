// The rooms of one connection with a real replay: the events that are sent to a client that reconnects or reads too slowly.
import { describe, expect, it } from 'vitest';
import { StandingRooms } from '../../src/rooms/standing-rooms.js';
import { at } from '../support/replay-world.js';
import { ana, bob, me, openSlowClient } from '../support/slow-client.js';

describe('a client that reads too slowly', () => {
  it('a slow client first gets no more events, then the missed ones in order, and then new ones', async () => {
    const { rooms, connection, groups, laggingConnections, log, outcomes, deliver, read } = openSlowClient();
    await rooms.join(connection, 'room', undefined);
    deliver('one');
    const action = rooms.fallBehind(connection);
    expect([...groups]).toEqual([]);
    expect(laggingConnections.has('c1')).toBe(true);
    expect(laggingConnections.countIn('room')).toBe(1);
    deliver('two');
    deliver('elsewhere', 'other');
    deliver('three');
    expect(log).toEqual(['one']);
    await read();
    // The missed events were sent, but the client has not read them yet. Therefore new events wait.
    deliver('four');
    expect(log).toEqual(['one', 'two', 'three']);
    await read();
    await read();
    expect(await action).toBe('keep');
    deliver('five');
    expect(log).toEqual(['one', 'two', 'three', 'four', 'five']);
    expect([laggingConnections.has('c1'), laggingConnections.countIn('room')]).toEqual([false, 0]);
    expect(outcomes).toEqual(['caught_up']);
  });

  it('a slow client is sent the events of all of its rooms in the order of delivery, and enters them together', async () => {
    const { rooms, connection, groups, log, deliver, read } = openSlowClient();
    await rooms.join(connection, 'a', undefined);
    await rooms.join(connection, 'b', undefined);
    const action = rooms.fallBehind(connection);
    deliver('b1', 'b');
    deliver('a1', 'a');
    deliver('b2', 'b');
    await read();
    // The client has not read these events yet. It lags in all rooms, because the event of a room would overtake those of the others.
    expect([log, [...groups]]).toEqual([['b1', 'a1', 'b2'], []]);
    expect(await rooms.fallBehind(connection)).toBe('keep');
    deliver('a2', 'a');
    for (let round = 0; round < 4; round += 1) await read();
    expect(await action).toBe('keep');
    expect(log).toEqual(['b1', 'a1', 'b2', 'a2']);
    expect([...groups].toSorted()).toEqual(['a', 'b']);
  });

  it('a slow client lags in a room that it joins, with and without a position, until it has caught up in all rooms', async () => {
    const { rooms, connection, groups, log, deliver, read } = openSlowClient();
    deliver('b0', 'b');
    await rooms.join(connection, 'a', undefined);
    const action = rooms.fallBehind(connection);
    deliver('a1', 'a');
    expect(await rooms.join(connection, 'b', at('0-0'))).toMatchObject({ recovered: true, replayed: 1 });
    expect(await rooms.join(connection, 'c', undefined)).toMatchObject({ position: 'now' });
    for (const room of ['b', 'a', 'c']) deliver(`${room}2`, room);
    // The missed event of the join came first: a client does not apply the positions of a replay to its other rooms.
    expect([log, [...groups]]).toEqual([['b0'], []]);
    for (let round = 0; round < 4; round += 1) await read();
    expect(await action).toBe('keep');
    expect(log).toEqual(['b0', 'a1', 'b2', 'a2', 'c2']);
    expect([...groups].toSorted()).toEqual(['a', 'b', 'c']);
  });

  it('a slow client gets the broadcasts of everybody and of its tenant as one room, in the order of the stream', async () => {
    const standing = new StandingRooms({ of: () => 'acme' });
    const { rooms, connection, groups, log, outcomes, deliver, read } = openSlowClient(1_000, standing);
    await rooms.join(connection, '*', undefined);
    expect([...groups]).toEqual(['*', '*:acme']);
    const action = rooms.fallBehind(connection);
    expect([...groups]).toEqual([]);
    for (const n of [1, 2, 3, 4]) deliver(`${n}`, n % 2 === 0 ? '*' : '*:acme');
    for (let round = 0; round < 4; round += 1) await read();
    expect(await action).toBe('keep');
    deliver('5', '*:acme');
    expect([log, [...groups], outcomes]).toEqual([['1', '2', '3', '4', '5'], ['*', '*:acme'], ['caught_up']]);
    rooms.leave(connection, '*');
    expect([...groups]).toEqual([]);
  });

  it('a client gets one notice of a loss that affects the broadcasts of everybody and of its tenant', async () => {
    const standing = new StandingRooms({ of: () => 'acme' });
    const { rooms, connection, groups, log } = openSlowClient(1_000, standing);
    await rooms.join(connection, '*', undefined);
    rooms.begin(connection);
    rooms.noteLoss(() => true, 'gap');
    rooms.notify();
    expect(log.filter((line) => line.startsWith('gap'))).toEqual(['gap *']);
    expect([...groups]).toEqual(['*', '*:acme']);
  });

  it('a client that falls behind while it is told of a loss is told once of each room, and then of a position that includes the loss', async () => {
    const { rooms, connection, groups, hooks, log, lossNotices, read } = openSlowClient();
    for (const room of ['a', 'b']) await rooms.join(connection, room, undefined);
    rooms.begin(connection);
    lossNotices.recordLoss('events:chat', { epoch: 'chat', cursor: '0-0' }, 'gap', () => true);
    let action: Promise<string> | undefined;
    hooks.onSend = () => {
      action ??= rooms.fallBehind(connection);
    };
    lossNotices.notifyNow('c1');
    expect([log, [...groups]]).toEqual([['gap a', 'gap b', 'position'], []]);
    await read();
    expect(await action).toBe('keep');
    expect([...groups].toSorted()).toEqual(['a', 'b']);
  });

  it('a slow client is told once of a loss that is found while it lags, before any later event, and is not disconnected', async () => {
    const { rooms, connection, groups, log, outcomes, deliver, findLoss, read } = openSlowClient();
    for (const room of ['a', 'b']) await rooms.join(connection, room, undefined);
    rooms.begin(connection);
    const action = rooms.fallBehind(connection);
    deliver('before the loss was found', 'a');
    findLoss();
    expect(log).toEqual([]);
    await read();
    // The position is that of a client that has reloaded both rooms. It comes before the events from after the notice.
    expect(log).toEqual(['gap a', 'gap b', 'position']);
    deliver('a1', 'a');
    for (let round = 0; round < 3; round += 1) await read();
    expect(await action).toBe('keep');
    deliver('b1', 'b');
    expect(log).toEqual(['gap a', 'gap b', 'position', 'a1', 'b1']);
    expect([[...groups].toSorted(), outcomes]).toEqual([['a', 'b'], ['caught_up']]);
  });

  it('a slow client that catches up is told of a loss between two slices of missed events', async () => {
    const { rooms, connection, log, deliver, findLoss, read } = openSlowClient();
    await rooms.join(connection, 'a', undefined);
    rooms.begin(connection);
    const action = rooms.fallBehind(connection);
    deliver('a1', 'a');
    await read();
    deliver('a2', 'a');
    findLoss();
    deliver('a3', 'a');
    for (let round = 0; round < 3; round += 1) await read();
    expect(await action).toBe('keep');
    expect(log).toEqual(['a1', 'gap a', 'position']);
  });

  it('a slow client gets no position after a notice while it lags in a room that the loss does not affect', async () => {
    const { rooms, connection, log, deliver, read } = openSlowClient();
    for (const room of ['a', 'b']) await rooms.join(connection, room, undefined);
    rooms.begin(connection);
    const action = rooms.fallBehind(connection);
    deliver('b1', 'b');
    rooms.noteLoss((roomId) => roomId === 'a', 'gap');
    for (let round = 0; round < 3; round += 1) await read();
    expect(await action).toBe('keep');
    expect(log).toEqual(['gap a', 'b1']);
  });

  it('a slow client is told of a loss that affects the broadcasts of its tenant alone', async () => {
    const standing = new StandingRooms({ of: () => 'acme' });
    const { rooms, connection, log, read } = openSlowClient(1_000, standing);
    await rooms.join(connection, '*', undefined);
    rooms.begin(connection);
    const action = rooms.fallBehind(connection);
    rooms.noteLoss((roomId) => roomId === '*:acme', 'gap');
    for (let round = 0; round < 3; round += 1) await read();
    expect([await action, log]).toEqual(['keep', ['gap *', 'position']]);
  });

  it('a slow client that falls behind again while it is sent indicator changes lags in all of its rooms until it has read them', async () => {
    const { rooms, connection, groups, hooks, log, deliver, setTyping, read } = openSlowClient();
    for (const room of ['a', 'b']) await rooms.join(connection, room, undefined);
    const action = rooms.fallBehind(connection);
    setTyping([ana]);
    hooks.onSend = () => {
      hooks.onSend = undefined;
      void rooms.fallBehind(connection);
      deliver('a1', 'a');
    };
    await read();
    expect([log, [...groups]]).toEqual([['ana typing_start'], []]);
    for (const room of ['a', 'b']) deliver(`${room}2`, room);
    for (let round = 0; round < 3; round += 1) await read();
    expect(await action).toBe('keep');
    expect(log).toEqual(['ana typing_start', 'a1', 'a2', 'b2', 'ana typing_start']);
  });

  it('a slow client that falls behind again enters its rooms only after it has read, also without a missed event', async () => {
    const { rooms, connection, groups, hooks, setTyping, read } = openSlowClient();
    for (const room of ['a', 'b']) await rooms.join(connection, room, undefined);
    const action = rooms.fallBehind(connection);
    setTyping([ana]);
    hooks.onSend = () => {
      hooks.onSend = undefined;
      void rooms.fallBehind(connection);
    };
    await read();
    expect([...groups]).toEqual([]);
    await read();
    expect(await action).toBe('keep');
    expect([...groups].toSorted()).toEqual(['a', 'b']);
  });

  it('a slow client is disconnected if the ring no longer has the next events for it', async () => {
    const { rooms, connection, groups, outcomes, deliver, read, replay } = openSlowClient();
    await rooms.join(connection, 'room', undefined);
    const action = rooms.fallBehind(connection);
    deliver('one');
    replay.evict(300_002);
    await read();
    expect(await action).toBe('close');
    // Until its disconnection, the client gets no event that would hide the gap.
    expect([...groups]).toEqual([]);
    expect(outcomes).toEqual(['closed']);
  });

  it('the gateway forgets a slow client whose connection ends while it lags', async () => {
    const { rooms, connection, groups, laggingConnections, outcomes, deliver, end } = openSlowClient();
    await rooms.join(connection, 'room', undefined);
    const action = rooms.fallBehind(connection);
    deliver('one');
    end();
    expect(await action).toBe('keep');
    expect([laggingConnections.has('c1'), laggingConnections.countIn('room'), groups.size]).toEqual([
      false,
      0,
      0,
    ]);
    expect(outcomes).toEqual([]);
  });

  it('a slow client can leave a room, or join it again, while it lags', async () => {
    const { rooms, connection, groups, log, laggingConnections, deliver, read } = openSlowClient();
    for (const room of ['left', 'rejoined']) await rooms.join(connection, room, undefined);
    const action = rooms.fallBehind(connection);
    deliver('lost', 'left');
    deliver('known', 'rejoined');
    rooms.leave(connection, 'left');
    await rooms.join(connection, 'rejoined', undefined);
    deliver('new', 'rejoined');
    for (let round = 0; round < 3; round += 1) await read();
    expect(await action).toBe('keep');
    expect(log).toEqual(['new']);
    expect([...groups]).toEqual(['rejoined']);
    expect(laggingConnections.has('c1')).toBe(false);
  });

  it('a slow client is sent the typing changes that it missed', async () => {
    const { rooms, connection, log, setTyping, read } = openSlowClient();
    setTyping([ana, { ...bob, user_id: me }]);
    await rooms.join(connection, 'room', undefined);
    const action = rooms.fallBehind(connection);
    setTyping([bob]);
    for (let round = 0; round < 3; round += 1) await read();
    expect(await action).toBe('keep');
    expect(log).toEqual(['ana typing_stop', 'bob typing_start']);
  });
});

describe('a room that is joined', () => {
  it('a join answers with the room’s current state, and the connection lags during its replay', async () => {
    const { rooms, connection, groups, laggingConnections, log, deliver, setTyping } = openSlowClient();
    deliver('one');
    setTyping([ana]);
    const first = await rooms.join(connection, 'room', undefined);
    expect(first).toEqual({ roomId: 'room', position: 'now', recovered: false, replayed: 0, typing: [ana] });
    const again = rooms.join(connection, 'room', at('0-0'));
    expect([...groups]).toEqual([]);
    expect(laggingConnections.has('c1')).toBe(true);
    expect(await again).toMatchObject({ recovered: true, replayed: 1 });
    expect(log).toEqual(['one']);
    expect([...groups]).toEqual(['room']);
    expect(laggingConnections.has('c1')).toBe(false);
  });

  it('a room counts once towards the maximum number of rooms, and the personal room does not count', async () => {
    const { rooms, connection } = openSlowClient(1);
    await rooms.join(connection, `user:${me}`, undefined);
    await rooms.join(connection, 'a', undefined);
    await rooms.join(connection, 'a', undefined);
    await expect(rooms.join(connection, 'b', undefined)).rejects.toThrow('at most 1 rooms');
    rooms.leave(connection, 'a');
    await rooms.join(connection, 'b', undefined);
    expect([rooms.has('a'), rooms.has('b')]).toEqual([false, true]);
  });
});
