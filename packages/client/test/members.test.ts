// The members of a room in the client, and this user's own state.
import { describe, expect, test } from 'vitest';
import type { RoomMember } from '../src/index.js';
import { type Setup, setUp } from './support/fake-gateway.js';

function member(userId: string, state: unknown = null): RoomMember {
  return {
    user_id: userId,
    username: userId.toUpperCase(),
    connections: 1,
    since: '2026-01-16T00:00:00.000Z',
    state,
  };
}

function message(version: number, more: object): object {
  return { room_id: 'a', version, users: 2, connections: 2, ...more };
}

/** A client in room `a`. Its members are logged. */
async function inRoom(setup: Setup = setUp()) {
  const { client, settle } = setup;
  await client.connect();
  const room = client.join('a');
  await settle();
  const seen: string[] = [];
  const watch = () =>
    room.onMembers(({ isComplete, users, list }) =>
      seen.push(
        `${isComplete} ${users} ${list.map(({ user_id: id, state }) => `${id}:${JSON.stringify(state)}`).join()}`,
      ),
    );
  return { ...setup, room, seen, watch };
}

const logOf = ({ gateway }: Setup): string[] =>
  gateway.connection.log.filter((line) => !line.startsWith('JoinRoom'));

describe('members', () => {
  test('the first handler watches the room, and the removal of the last one ends the watch', async () => {
    const { watch, room, gateway, ...setup } = await inRoom();
    expect(logOf({ gateway, ...setup })).toEqual([]);
    const [first, second] = [watch(), watch()];
    gateway.connection.send(
      'presence',
      message(1, { kind: 'snapshot', members: [member('u1'), member('u2')] }),
    );
    expect(room.members).toMatchObject({ isComplete: true, users: 2, connections: 2 });
    first();
    first();
    expect(logOf({ gateway, ...setup })).toEqual(['WatchMembers a true']);
    second();
    expect(logOf({ gateway, ...setup })).toEqual(['WatchMembers a true', 'WatchMembers a false']);
    expect(room.members).toMatchObject({ isComplete: false, users: 0, list: [] });
    gateway.connection.send('presence', message(2, { kind: 'counts' }));
    expect(room.members.users).toBe(0);
  });

  test('a delta changes the members that it names, and the object stays the same without a change', async () => {
    const { watch, room, gateway, seen } = await inRoom();
    watch();
    gateway.connection.send(
      'presence',
      message(1, { kind: 'snapshot', members: [member('u1'), member('u2')] }),
    );
    const before = room.members;
    expect(room.members).toBe(before);
    gateway.connection.send(
      'presence',
      message(4, { kind: 'delta', previous: 1, changed: [member('u1', 'idle'), member('u3')], left: ['u2'] }),
    );
    expect(seen).toEqual(['true 2 u1:null,u2:null', 'true 2 u1:"idle",u3:null']);
    expect(before.list).toHaveLength(2);
  });

  test('a delta of another version is ignored, and the client asks for all members', async () => {
    const { watch, gateway, seen, ...setup } = await inRoom();
    watch();
    gateway.connection.send('presence', message(1, { kind: 'snapshot', members: [member('u1')] }));
    gateway.connection.send(
      'presence',
      message(4, { kind: 'delta', previous: 3, changed: [], left: ['u1'] }),
    );
    expect(seen).toHaveLength(1);
    expect(logOf({ gateway, ...setup })).toEqual(['WatchMembers a true', 'WatchMembers a true']);
    gateway.connection.send('presence', message(4, { kind: 'counts' }));
    expect(seen.at(-1)).toBe('false 2 ');
  });

  test('the room is watched again after a reconnect, and the old members stay until then', async () => {
    const { watch, room, gateway, seen, reconnect, ...setup } = await inRoom();
    watch();
    gateway.connection.send('presence', message(1, { kind: 'snapshot', members: [member('u1')] }));
    await reconnect();
    expect(logOf({ gateway, reconnect, ...setup })).toEqual(['WatchMembers a true']);
    expect(room.members.list).toHaveLength(1);
    expect(seen).toHaveLength(1);
    await room.leave();
    expect(seen.at(-1)).toBe('false 0 ');
  });

  test('all connections of one client have the same ID, which no other client has', async () => {
    const { gateway, reconnect } = await inRoom();
    await reconnect();
    const [first, second] = gateway.connections;
    expect(first?.request.clientId).toMatch(/^[a-z0-9]{24}$/);
    expect(second?.request.clientId).toBe(first?.request.clientId);
    const other = await inRoom();
    expect(other.gateway.connection.request.clientId).not.toBe(first?.request.clientId);
  });
});

describe('the own state', () => {
  test('the newest state is sent about ten times a second, and an unchanged one is not repeated', async () => {
    const { room, gateway, clock, ...setup } = await inRoom();
    for (let n = 1; n <= 50; n += 1) room.setPresence({ n });
    room.setPresence({ n: 50 });
    expect(logOf({ gateway, clock, ...setup })).toEqual(['SetPresence a {"n":1}']);
    await clock.advance(100);
    await clock.advance(1_000);
    expect(logOf({ gateway, clock, ...setup })).toEqual(['SetPresence a {"n":1}', 'SetPresence a {"n":50}']);
  });

  test('the state is set before the join and after every reconnect', async () => {
    const setup = setUp();
    const { client, gateway, settle, reconnect } = setup;
    client.join('a').setPresence('viewing');
    await client.connect();
    await settle();
    expect(logOf(setup)).toEqual(['SetPresence a "viewing"'.replaceAll('"', '')]);
    await reconnect();
    expect(gateway.connections).toHaveLength(2);
    expect(logOf(setup)).toEqual(['SetPresence a viewing']);
  });

  test('a refusal is reported with the room, and a state without a JSON form throws', async () => {
    const { room, gateway, errors, settle } = await inRoom();
    gateway.isAnswering = false;
    room.setPresence('x'.repeat(2_000));
    gateway.connection.call('SetPresence', 'a').refuse('The state must have at most 1024 bytes as JSON.');
    await settle();
    expect(errors).toMatchObject([{ code: 'refused', roomId: 'a' }]);
    expect(errors[0]?.message).toContain('at most 1024 bytes');
    expect(() => room.setPresence(() => 1)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });
});

describe('calls that the gateway does not take at once', () => {
  const tooFast = 'You send typing, receipts and states too fast. Send the last one again in 36 ms.';
  const later = 'Whether you are still allowed in this room cannot be determined now. Try again later.';

  test.each([tooFast, later])('a state that is refused with "%s" is sent again later', async (reason) => {
    const { room, gateway, clock, errors, ...setup } = await inRoom();
    gateway.isAnswering = false;
    room.setPresence('viewing');
    gateway.connection.call('SetPresence', 'a').refuse(reason);
    room.setPresence('writing');
    gateway.isAnswering = true;
    await clock.advance(3_999);
    expect(logOf({ gateway, clock, errors, ...setup })).toEqual(['SetPresence a viewing']);
    await clock.advance(60_000);
    expect(logOf({ gateway, clock, errors, ...setup })).toEqual([
      'SetPresence a viewing',
      'SetPresence a writing',
    ]);
    expect(errors).toEqual([]);
  });

  test('a watch that is refused for now or whose request failed is repeated with growing delays', async () => {
    const { watch, gateway, clock, errors, settle, ...setup } = await inRoom();
    gateway.isAnswering = false;
    watch();
    gateway.connection.call('WatchMembers', 'a').refuse(later);
    await clock.advance(4_000);
    gateway.connection.call('WatchMembers', 'a').fail(new Error('status 503'));
    await clock.advance(7_999);
    expect(gateway.connection.calls).toEqual([]);
    await clock.advance(1);
    gateway.connection.call('WatchMembers', 'a').answer(null);
    await clock.advance(60_000);
    const calls = Array(3).fill('WatchMembers a true');
    expect(logOf({ gateway, clock, errors, settle, ...setup })).toEqual(calls);
    expect(errors).toEqual([]);
  });

  test('a watch that is refused for good is reported and not repeated', async () => {
    const { watch, gateway, clock, errors, settle, ...setup } = await inRoom();
    gateway.isAnswering = false;
    watch();
    gateway.connection.call('WatchMembers', 'a').refuse('Presence is switched off at this gateway.');
    await clock.advance(60_000);
    expect(logOf({ gateway, clock, errors, settle, ...setup })).toEqual(['WatchMembers a true']);
    expect(errors).toMatchObject([{ code: 'refused', roomId: 'a' }]);
  });

  test('a room that was left repeats nothing', async () => {
    const { watch, room, gateway, clock, errors, settle, ...setup } = await inRoom();
    gateway.isAnswering = false;
    watch();
    room.setPresence('viewing');
    gateway.connection.call('WatchMembers', 'a').refuse(later);
    void room.leave();
    gateway.connection.call('SetPresence', 'a').refuse(later);
    await clock.advance(60_000);
    const calls = ['WatchMembers a true', 'SetPresence a viewing', 'LeaveRoom a'];
    expect(logOf({ gateway, clock, errors, settle, ...setup })).toEqual(calls);
  });
});
