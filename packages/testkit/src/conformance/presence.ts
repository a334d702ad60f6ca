// Conformance: who is in which room. Leases end, and steps are repeated or left half done.
import {
  PRESENCE_LIMITS,
  type PresenceEdit,
  type PresenceLease,
  type PresenceStore,
  type PresentConnection,
} from '@millrace/broker';
import { describe, expect, it } from 'vitest';
import { type BrokerHarness, type CreateHarness, codeOf, present } from './harness.js';

const LONG_MS = 60_000;
/** A lease that ends during a test, but not before its first steps on a busy machine. */
const SHORT_MS = 2_000;
const ROOM = 'ticket {42}:ä%7B';

/** Begins a lease. */
async function begin(store: PresenceStore, leaseMs = LONG_MS): Promise<PresenceLease> {
  return present((await store.renew({ leaseMs })).lease);
}

function here(
  user: string,
  key: string,
  more: Partial<Omit<PresentConnection, 'holder'>> = {},
): PresenceEdit {
  const connection = {
    key,
    enteredMs: 100,
    isHeld: false,
    stateMs: 0,
    state: 'null',
    about: JSON.stringify(user),
    ...more,
  };
  return { user, connection };
}

/** Writes edits. The lease must allow them. */
async function write(store: PresenceStore, lease: PresenceLease, ...edits: PresenceEdit[]) {
  return present(await store.write(ROOM, lease, edits));
}

/** Returns each user of the room with the keys of the user's connections. */
async function keysIn(store: PresenceStore, room = ROOM): Promise<Record<string, readonly string[]>> {
  const { present: users = [] } = await store.read(room, 1_000);
  return Object.fromEntries(users.map(({ user, connections }) => [user, connections.map(({ key }) => key)]));
}

/** Sweeps a room for a holder, until the end. */
async function sweep(store: PresenceStore, room: string, holder: string): Promise<void> {
  for (let cursor: string | undefined = ''; cursor !== undefined; )
    cursor = (await store.sweep(room, holder, cursor)).cursor;
}

async function started(create: CreateHarness): Promise<BrokerHarness & { readonly store: PresenceStore }> {
  const harness = await create();
  return Object.assign(harness, { store: harness.broker.presence });
}

/** Declares one part of `describeBrokerConformance`. */
export function describePresence(create: CreateHarness): void {
  describe('presence in a room', () => {
    it('a user has all connections that were written on any gateway', async () => {
      await using harness = await started(create);
      const { store } = harness;
      const [a, b] = [await begin(store), await begin(store)];
      await write(store, a, here('ana', 'k1', { enteredMs: 300 }), here('bob|"\n"', 'k2'));
      const change = await write(
        store,
        b,
        here('ana', 'k3', { enteredMs: 200, state: '{"a":"|"}', stateMs: 5 }),
      );
      expect(change).toMatchObject({ room: ROOM, users: 2, connections: 3, absent: [] });
      expect(change.version).toBeGreaterThan(change.before);
      expect(await store.readUser(ROOM, 'ana')).toEqual({
        user: 'ana',
        sinceMs: 200,
        connections: [
          {
            key: 'k1',
            holder: a.holder,
            enteredMs: 300,
            isHeld: false,
            stateMs: 0,
            state: 'null',
            about: '"ana"',
          },
          {
            key: 'k3',
            holder: b.holder,
            enteredMs: 200,
            isHeld: false,
            stateMs: 5,
            state: '{"a":"|"}',
            about: '"ana"',
          },
        ],
      });
      expect(await keysIn(store)).toEqual({ ana: ['k1', 'k3'], 'bob|"\n"': ['k2'] });
      expect(await store.read(ROOM, 1_000)).toMatchObject({
        version: change.version,
        users: 2,
        connections: 3,
      });
    });

    it('a repeated step changes nothing and keeps its version', async () => {
      await using harness = await started(create);
      const { store } = harness;
      const lease = await begin(store);
      const first = await write(store, lease, here('ana', 'k1'));
      const again = await write(store, lease, here('ana', 'k1'));
      expect(again).toMatchObject({
        before: first.version,
        version: first.version,
        users: 1,
        connections: 1,
      });
      expect(again.present).toEqual(first.present);
      const gone = await write(store, lease, { user: 'ana', removedKey: 'k1' });
      expect(gone).toMatchObject({ before: first.version, users: 0, connections: 0, absent: ['ana'] });
      expect(await write(store, lease, { user: 'ana', removedKey: 'k1' })).toMatchObject({
        before: 0,
        version: 0,
      });
      const next = await write(store, lease, here('ana', 'k1'));
      expect(next.before).toBe(0);
      expect(next.version).toBeGreaterThan(gone.version);
    });

    it('a room with more users than were asked for gives only its numbers', async () => {
      await using harness = await started(create);
      const { store } = harness;
      const lease = await begin(store);
      await write(store, lease, here('a', 'k1'), here('a', 'k2'), here('b', 'k3'), here('c', 'k4'));
      expect(await store.read(ROOM, 2)).toMatchObject({ users: 3, connections: 4, present: undefined });
      expect((await store.read(ROOM, 3)).present).toHaveLength(3);
      expect(await store.read('nobody', 3)).toEqual({ version: 0, users: 0, connections: 0, present: [] });
      expect(await store.readUser('nobody', 'a')).toBeUndefined();
    });

    it('a client that returns to another gateway with its key keeps its place, and the old gateway cannot remove it', async () => {
      await using harness = await started(create);
      const { store } = harness;
      const [a, b] = [await begin(store), await begin(store)];
      await write(store, a, here('ana', 'k1', { state: '"busy"', stateMs: 9 }));
      const moved = await write(store, b, here('ana', 'k1', { enteredMs: 500 }));
      expect(moved).toMatchObject({ users: 1, connections: 1 });
      await write(store, a, here('ana', 'k1', { isHeld: true }));
      await write(store, a, { user: 'ana', removedKey: 'k1' });
      await write(store, a, here('ana', 'k1'));
      expect(await store.readUser(ROOM, 'ana')).toMatchObject({
        sinceMs: 100,
        connections: [{ key: 'k1', holder: b.holder, isHeld: false, state: '"busy"', stateMs: 9 }],
      });
    });

    it('a new connection takes the place and the state of a held one of the same user', async () => {
      await using harness = await started(create);
      const { store } = harness;
      const [a, b] = [await begin(store), await begin(store)];
      await write(store, a, here('ana', 'k1', { state: '"busy"', stateMs: 9 }), here('bob', 'k2'));
      await write(store, a, here('ana', 'k1', { isHeld: true, state: '"busy"', stateMs: 9 }));
      await write(store, b, here('ana', 'k3', { enteredMs: 500 }), here('bob', 'k4'));
      expect(await keysIn(store)).toEqual({ ana: ['k3'], bob: ['k2', 'k4'] });
      expect(await store.readUser(ROOM, 'ana')).toMatchObject({
        sinceMs: 100,
        connections: [{ key: 'k3', holder: b.holder, isHeld: false, state: '"busy"' }],
      });
      // The gateway that held the connection ends it later.
      await write(store, a, { user: 'ana', removedKey: 'k1' });
      expect(await keysIn(store)).toEqual({ ana: ['k3'], bob: ['k2', 'k4'] });
    });

    it('the later state of a connection stays, whichever is written last', async () => {
      await using harness = await started(create);
      const { store } = harness;
      const lease = await begin(store);
      await write(store, lease, here('ana', 'k1', { state: '"new"', stateMs: 7 }));
      await write(store, lease, here('ana', 'k1', { state: '"old"', stateMs: 6 }));
      expect(await store.readUser(ROOM, 'ana')).toMatchObject({
        connections: [{ state: '"new"', stateMs: 7 }],
      });
    });

    it('wrong arguments are refused before anything is written', async () => {
      await using harness = await started(create);
      const { store } = harness;
      const lease = await begin(store);
      const wrong: (readonly [string, readonly PresenceEdit[]])[] = [
        [ROOM, []],
        [ROOM, Array.from({ length: PRESENCE_LIMITS.maxEdits + 1 }, (_, n) => here(`u${n}`, 'k'))],
        [ROOM, [here('', 'k1')]],
        [ROOM, [here('ana', 'k|1')]],
        [ROOM, [here('ana', 'k1', { state: '"a"\n' })]],
        [ROOM, [here('ana', 'k1', { enteredMs: 1.5 })]],
        ['', [here('ana', 'k1')]],
        ['a\nb', [here('ana', 'k1')]],
      ];
      for (const [room, edits] of wrong)
        expect(await codeOf(store.write(room, lease, edits))).toBe('invalid_argument');
      expect(await codeOf(store.announce([]))).toBe('invalid_argument');
      expect(await keysIn(store)).toEqual({});
    });
  });

  describe('leases of presence', () => {
    it('a renewed lease lives on, and holders rise', async () => {
      await using harness = await started(create);
      const { store } = harness;
      const a = await begin(store, SHORT_MS);
      const b = await begin(store);
      expect(Number.parseInt(b.holder, 10)).toBeGreaterThan(Number.parseInt(a.holder, 10));
      const renewed = await store.renew({ holder: a.holder, leaseMs: LONG_MS });
      expect(renewed.lease?.holder).toBe(a.holder);
      expect(renewed.lease?.endsMs).toBeGreaterThan(a.endsMs);
      await harness.passTime(1.5 * SHORT_MS);
      const later = await store.renew({ holder: b.holder, leaseMs: LONG_MS });
      expect(new Set(later.live)).toEqual(new Set([a.holder, b.holder]));
      expect(later.ended).toEqual([]);
    });

    it('an ended lease never lives again, writes nothing, and is listed until it is forgotten', async () => {
      await using harness = await started(create);
      const { store } = harness;
      const paused = await begin(store, SHORT_MS);
      const other = await begin(store);
      await store.addToIndex(paused.holder, [ROOM]);
      await write(store, paused, here('ana', 'k1'));
      await harness.passTime(1.5 * SHORT_MS);
      const ended = await store.renew({ holder: paused.holder, leaseMs: LONG_MS });
      expect(ended).toMatchObject({ lease: undefined, live: [other.holder], ended: [paused.holder] });
      expect(await store.write(ROOM, paused, [here('bob', 'k2')])).toBeUndefined();
      expect(await keysIn(store)).toEqual({ ana: ['k1'] });
      await store.forget(paused.holder);
      expect((await store.renew({ holder: other.holder, leaseMs: LONG_MS })).ended).toEqual([paused.holder]);
      await store.removeFromIndex(paused.holder, [ROOM]);
      await store.forget(paused.holder);
      const left = await store.renew({ holder: other.holder, leaseMs: LONG_MS });
      expect(left).toMatchObject({ live: [other.holder], ended: [] });
      expect((await store.renew({ holder: paused.holder, leaseMs: LONG_MS })).lease).toBeUndefined();
    });

    it('a sweep of a large room removes the connections of one lease and keeps the others', async () => {
      await using harness = await started(create);
      const { store } = harness;
      const [dead, live] = [await begin(store), await begin(store)];
      const users = Array.from({ length: 900 }, (_, n) => `u${n}`);
      for (let at = 0; at < users.length; at += 300)
        await write(store, dead, ...users.slice(at, at + 300).map((user) => here(user, 'old')));
      await write(store, live, here('u7', 'new'), here('zoe', 'k'));
      await sweep(store, ROOM, dead.holder);
      await sweep(store, ROOM, dead.holder);
      expect(await keysIn(store)).toEqual({ u7: ['new'], zoe: ['k'] });
      expect(await store.read(ROOM, 10)).toMatchObject({ users: 2, connections: 2 });
      expect((await store.readUser(ROOM, 'u7'))?.sinceMs).toBe(100);
      await sweep(store, ROOM, live.holder);
      expect(await store.read(ROOM, 10)).toEqual({ version: 0, users: 0, connections: 0, present: [] });
    });

    it('the index of a lease has the rooms that were added and not removed, with any name', async () => {
      await using harness = await started(create);
      const { store } = harness;
      const { holder } = await begin(store);
      expect(await store.indexed(holder, 10)).toEqual([]);
      await store.addToIndex(holder, [ROOM, 'b', '{}']);
      await store.addToIndex(holder, ['b']);
      await store.removeFromIndex(holder, ['{}', 'never added']);
      expect(new Set(await store.indexed(holder, 10))).toEqual(new Set([ROOM, 'b']));
      expect(await store.indexed(holder, 1)).toHaveLength(1);
    });

    it('the index finds the entries of a gateway that died between two steps', async () => {
      await using harness = await started(create);
      const { store } = harness;
      const dead = await begin(store, SHORT_MS);
      // The gateway died between the index and the write of one room, and before the announcement of the other.
      await store.addToIndex(dead.holder, ['never written', ROOM]);
      await write(store, dead, here('ana', 'k1'));
      await harness.passTime(1.5 * SHORT_MS);
      for (const room of await store.indexed(dead.holder, 10)) {
        await sweep(store, room, dead.holder);
        await store.removeFromIndex(dead.holder, [room]);
      }
      await store.forget(dead.holder);
      expect(await keysIn(store)).toEqual({});
      const { live, ended } = await store.renew({ leaseMs: LONG_MS });
      expect([live.length, ended]).toEqual([1, []]);
    });
  });

  describe('announced changes of presence', () => {
    it('a reader gets every change after its cursor once, in order, with its users', async () => {
      await using harness = await started(create);
      const { store } = harness;
      const lease = await begin(store);
      const cursor = await store.lastCursor();
      const first = await write(
        store,
        lease,
        here('ana', 'k1', { state: '"ä"', stateMs: 1 }),
        here('bob', 'k2'),
      );
      const second = await write(store, lease, { user: 'bob', removedKey: 'k2' });
      await store.announce([first]);
      await store.announce([second]);
      const read = await store.announcedAfter(cursor);
      expect(read).toMatchObject({ hasGap: false, changes: [first, second] });
      expect(await store.announcedAfter(read.cursor)).toEqual({
        cursor: read.cursor,
        changes: [],
        hasGap: false,
      });
      expect(await store.lastCursor()).toBe(read.cursor);
    });

    it('a reader that missed announcements is told so', async () => {
      await using harness = await started(create);
      const { store } = harness;
      const change = await write(store, await begin(store), here('ana', 'k1'));
      await store.announce([change]);
      const cursor = await store.lastCursor();
      for (let n = 0; n < PRESENCE_LIMITS.maxAnnouncements + 200; n += 100)
        await Promise.all(Array.from({ length: 100 }, () => store.announce([change])));
      const behind = await store.announcedAfter(cursor);
      expect(behind).toMatchObject({ hasGap: true, changes: [] });
      expect((await store.announcedAfter(behind.cursor)).hasGap).toBe(false);
    });
  });
}
