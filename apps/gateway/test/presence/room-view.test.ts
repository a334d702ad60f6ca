// The members that clients of one room are told, for every order of announcements and reads.
import type { PresenceChange, PresentConnection, PresentUser, RoomPresence } from '@millrace/broker';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PresenceMessage, RoomMember } from '../../src/presence/room-members.js';
import { RoomView } from '../../src/presence/room-view.js';

function connection(key: string, more: Partial<PresentConnection> = {}): PresentConnection {
  return { key, holder: '1-a', enteredMs: 0, isHeld: false, stateMs: 0, state: 'null', about: '{}', ...more };
}

function user(id: string, ...connections: PresentConnection[]): PresentUser {
  return { user: id, sinceMs: 0, connections: connections.length === 0 ? [connection('k')] : connections };
}

function setUp({ maxMembers = 100 } = {}) {
  const rules = { ended: new Set<string>(), isKeeping: false };
  const view = new RoomView('r', {
    maxMembers,
    hasEnded: (holder) => rules.ended.has(holder),
    isKeepingMissing: () => rules.isKeeping,
  });
  return { rules, view };
}

function read(version: number, ...present: PresentUser[]): RoomPresence {
  return { version, users: present.length, connections: present.length, present };
}

function change(
  before: number,
  version: number,
  present: PresentUser[],
  absent: string[],
  users: number,
): PresenceChange {
  return { room: 'r', before, version, users, connections: users, present, absent };
}

describe('the members of a watched room', () => {
  it('the first message has all members, and the next one only the changes', () => {
    const { view } = setUp();
    view.replace(read(5, user('ana'), user('bob')));
    expect(view.takeMessage()).toMatchObject({ kind: 'snapshot', users: 2, connections: 2 });
    expect(view.takeMessage()).toBeUndefined();
    view.apply(change(5, 6, [user('ana', connection('k'), connection('l'))], ['bob'], 1));
    const version = view.members().version;
    expect(view.takeMessage()).toMatchObject({
      kind: 'delta',
      previous: version,
      users: 1,
      connections: 2,
      changed: [{ user_id: 'ana', connections: 2 }],
      left: ['bob'],
    });
  });

  it('a change that only moves or holds a connection sends no message', () => {
    const { view } = setUp();
    view.replace(read(5, user('ana')));
    view.takeMessage();
    view.apply(change(5, 6, [user('ana', connection('k', { isHeld: true }))], [], 1));
    view.apply(change(6, 7, [user('ana', connection('other', { holder: '2-b' }))], [], 1));
    expect(view.takeMessage()).toBeUndefined();
  });

  it('a missed change makes the view stale until the next read', () => {
    const { view } = setUp();
    view.replace(read(5, user('ana')));
    view.takeMessage();
    view.apply(change(3, 4, [], ['ana'], 0));
    expect([view.isStale, view.takeMessage()]).toEqual([false, undefined]);
    view.apply(change(6, 7, [user('cem')], [], 3));
    expect([view.isStale, view.takeMessage()]).toEqual([true, undefined]);
    view.replace(read(7, user('ana'), user('bob'), user('cem')));
    expect(view.takeMessage()).toMatchObject({
      kind: 'delta',
      changed: [{ user_id: 'bob' }, { user_id: 'cem' }],
    });
  });

  it('a repeated announcement of an unknown version makes the view stale', () => {
    const { view } = setUp();
    view.replace(read(5, user('ana')));
    view.apply(change(9, 9, [user('ana')], [], 1));
    expect(view.isStale).toBe(true);
  });

  it('a room that was emptied and filled again is followed without a read', () => {
    const { view } = setUp();
    view.replace(read(5, user('ana')));
    view.takeMessage();
    view.apply(change(5, 6, [], ['ana'], 0));
    view.apply(change(0, 9, [user('bob')], [], 1));
    expect([view.isStale, view.takeMessage()]).toMatchObject([
      false,
      { changed: [{ user_id: 'bob' }], left: ['ana'] },
    ]);
  });

  it('connections of an ended lease do not count and are reported', () => {
    const { view, rules } = setUp();
    view.replace(read(5, user('ana'), user('bob', connection('x', { holder: '2-b' }))));
    view.takeMessage();
    rules.ended.add('1-a');
    view.touchAll();
    expect(view.takeMessage()).toMatchObject({ kind: 'delta', users: 1, left: ['ana'] });
    expect([...view.endedHolders()]).toEqual(['1-a']);
  });

  it('missing members are kept while the store may have lost them', () => {
    const { view, rules } = setUp();
    view.replace(read(5, user('ana'), user('bob')));
    view.takeMessage();
    rules.isKeeping = true;
    rules.ended.add('1-a');
    const lost = read(9, user('bob', connection('k', { holder: '3-c' })));
    expect(view.wouldRemove(lost)).toBe(true);
    view.replace(lost);
    expect(view.takeMessage()).toBeUndefined();
    rules.isKeeping = false;
    view.replace(lost);
    expect(view.takeMessage()).toMatchObject({ left: ['ana'], changed: [] });
  });

  it('a room with too many members shows numbers until they are few enough again', () => {
    const { view } = setUp({ maxMembers: 2 });
    view.replace(read(5, user('ana'), user('bob')));
    view.takeMessage();
    view.apply(change(5, 6, [user('cem')], [], 3));
    expect(view.takeMessage()).toEqual({
      kind: 'counts',
      room_id: 'r',
      version: 6,
      users: 3,
      connections: 3,
    });
    expect(view.snapshot().kind).toBe('counts');
    view.apply({ ...change(-1, 7, [], [], 4) });
    expect(view.takeMessage()).toMatchObject({ kind: 'counts', users: 4 });
    view.apply(change(7, 8, [], ['cem', 'dan'], 2));
    expect(view.isStale).toBe(true);
    view.replace(read(8, user('ana'), user('bob')));
    expect(view.takeMessage()).toMatchObject({ kind: 'snapshot', users: 2 });
  });

  it('members that do not fit into one message are given as numbers', () => {
    const { view } = setUp();
    const state = JSON.stringify('x'.repeat(1_000));
    const users = Array.from({ length: 80 }, (_, n) => user(`u${n}`, connection('k', { state, stateMs: 1 })));
    view.replace(read(5, ...users));
    expect(view.takeMessage()).toMatchObject({ kind: 'counts', users: 80 });
    view.apply(
      change(
        5,
        6,
        [],
        users.slice(40).map(({ user: id }) => id),
        40,
      ),
    );
    expect(view.takeMessage()).toMatchObject({ kind: 'snapshot', users: 40 });
  });

  it('invalid texts from another program make a member without name and state', () => {
    const { view } = setUp();
    view.replace(read(5, user('ana', connection('k', { about: 'nonsense', state: '{' }))));
    expect(view.members().members ?? []).toEqual([]);
    view.takeMessage();
    expect(view.members().members).toMatchObject([{ user_id: 'ana', username: '', state: null }]);
  });

  it('a client that applies every message ends with exactly the members of the store', () => {
    const ids = ['a', 'b', 'c', 'd'];
    const step = fc.record({
      id: fc.constantFrom(...ids),
      isPresent: fc.boolean(),
      isMissed: fc.boolean(),
      isTold: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const { view } = setUp({ maxMembers: 3 });
        const store = new Map<string, PresentUser>();
        const told = new ToldClient();
        let version = 0;
        view.replace(read(0));
        told.receive(view.takeMessage());
        const readAll = (): void => {
          const present = store.size > 3 ? undefined : [...store.values()];
          view.replace({ version, users: store.size, connections: store.size, present });
        };
        for (const { id, isPresent, isMissed, isTold } of steps) {
          if (store.has(id) === isPresent) continue;
          const before = store.size === 0 ? 0 : version;
          version += 1;
          if (isPresent) store.set(id, user(id));
          else store.delete(id);
          const present = isPresent ? [user(id)] : [];
          if (!isMissed) view.apply(change(before, version, present, isPresent ? [] : [id], store.size));
          if (view.isStale && isTold) readAll();
          if (isTold) told.receive(view.takeMessage());
        }
        readAll();
        told.receive(view.takeMessage());
        expect(told.users).toBe(store.size);
        if (store.size <= 3) expect([...told.members.keys()].sort()).toEqual([...store.keys()].sort());
      }),
    );
  });
});

/** A client that follows the steps in docs/protocol.md. */
class ToldClient {
  readonly members = new Map<string, RoomMember>();
  users = 0;
  #version = -1;

  receive(message: PresenceMessage | undefined): void {
    if (message === undefined) return;
    this.users = message.users;
    if (message.kind === 'delta') {
      if (message.previous !== this.#version) throw new Error('a delta of another version');
      for (const id of message.left) this.members.delete(id);
      for (const member of message.changed) this.members.set(member.user_id, member);
    } else {
      this.members.clear();
      for (const member of message.members ?? []) this.members.set(member.user_id, member);
    }
    this.#version = message.version;
  }
}
