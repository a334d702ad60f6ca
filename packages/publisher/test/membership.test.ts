// Removals, returns and sign-outs: one control entry in every stream of the room, and a revocation that is kept.
import { type Broker, BrokerError, createMemoryBroker } from '@millrace/broker';
import { eventCatalog, readControlEntry, readRevocationName } from '@millrace/contract';
import { describe, expect, it } from 'vitest';
import { createPublisher } from '../src/index.js';

async function setUp(partitions = 1) {
  const streams = eventCatalog.streams.map((stream) => ({ ...stream, partitions }));
  const broker = createMemoryBroker({ streams });
  await broker.open();
  return { broker, publisher: createPublisher({ broker, catalog: eventCatalog, revocationKeepMs: 60_000 }) };
}

async function controlsIn(broker: Broker, stream: string) {
  const entries = await broker.readRange(stream, { count: 100 });
  return entries.map(({ fields }) => readControlEntry(fields));
}

describe('removing a user from a room', () => {
  it.each([1, 3])(
    'every stream that may hold events of the room gets one entry, with %s partitions',
    async (count) => {
      const { broker, publisher } = await setUp(count);
      expect(await publisher.removeMember('room', 'ana')).toEqual({ isChanged: true });
      const { streams } = broker.partitioning.scopeOf('room');
      for (const { name } of broker.partitioning.streams) {
        const isOfRoom = streams.includes(name);
        const control = { kind: 'members', roomId: 'room', userId: 'ana', change: 'remove', keepMs: 60_000 };
        expect(await controlsIn(broker, name)).toEqual(isOfRoom ? [control] : []);
        expect(await broker.revocations.list(name)).toHaveLength(isOfRoom ? 1 : 0);
      }
    },
  );

  it('programs that do not know control entries read them as valid events of their streams', async () => {
    const { broker, publisher } = await setUp(3);
    await publisher.removeMember('room', 'ana');
    await publisher.signOut('ana');
    for (const { name } of broker.partitioning.streams)
      for (const { fields } of await broker.readRange(name, { count: 100 })) {
        expect(fields['event_type']).toBe('typing_stop');
        expect(broker.partitioning.scopeOf(fields['room_id'] ?? '').streams).toContain(name);
      }
  });

  it('a repeated call stores nothing, and a call for another spelling of the same user is a repeated call', async () => {
    const { broker, publisher } = await setUp();
    const id = '3f2504e0-4f89-41d3-9a0c-0305e82c3301';
    await publisher.removeMember('room', id);
    expect(await publisher.removeMember('room', id.toUpperCase())).toEqual({ isChanged: false });
    expect(await controlsIn(broker, 'events:chat')).toHaveLength(1);
    expect(await publisher.addMember('room', id)).toEqual({ isChanged: true });
    expect(await publisher.addMember('room', id)).toEqual({ isChanged: false });
    expect(await publisher.addMember('room', 'nobody')).toEqual({ isChanged: false });
    expect(await controlsIn(broker, 'events:chat')).toHaveLength(2);
  });

  it('a call that fails in one stream is stored in the others, and its repeat completes it', async () => {
    const { broker, publisher: whole } = await setUp();
    let isAway = true;
    const store: Broker['revocations'] = {
      change: async (stream, change) => {
        if (isAway && stream === 'events:ticket') throw new BrokerError('unavailable', 'away');
        return broker.revocations.change(stream, change);
      },
      find: (stream, name) => broker.revocations.find(stream, name),
      list: (stream) => broker.revocations.list(stream),
    };
    const partly = new Proxy(broker, {
      get: (target, name) => {
        if (name === 'revocations') return store;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
    const publisher = createPublisher({ broker: partly, catalog: eventCatalog });
    await expect(publisher.removeMember('room', 'ana')).rejects.toMatchObject({
      code: 'broker_unavailable',
      outcome: 'unknown',
    });
    expect(await controlsIn(broker, 'events:chat')).toHaveLength(1);
    isAway = false;
    expect(await publisher.removeMember('room', 'ana')).toEqual({ isChanged: true });
    for (const { name } of broker.partitioning.streams)
      expect(await controlsIn(broker, name)).toHaveLength(1);
    expect(await whole.removeMember('room', 'ana')).toEqual({ isChanged: false });
  });

  it.each([
    ['*', 'ana'],
    ['', 'ana'],
    ['room', ''],
    ['room', 'me'],
    ['room', 'a\u0000'],
    ['room', 'x'.repeat(201)],
    ['user:ana', 'ana'],
  ])('the room %j and the user %j are refused', async (roomId, userId) => {
    const { broker, publisher } = await setUp();
    const refused = { code: 'invalid_argument' };
    await expect(publisher.removeMember(roomId, userId)).rejects.toMatchObject(refused);
    await expect(publisher.addMember(roomId, userId)).rejects.toMatchObject(refused);
    expect(await controlsIn(broker, 'events:chat')).toEqual([]);
  });
});

describe('signing a user out', () => {
  it('every call stores a new entry, so that tokens from before the last call are refused', async () => {
    const { broker, publisher } = await setUp();
    for (let call = 0; call < 2; call += 1)
      expect(await publisher.signOut('ana')).toEqual({ isChanged: true });
    expect(await controlsIn(broker, 'events:chat')).toEqual(
      Array.from({ length: 2 }, () => ({ kind: 'sign_out', userId: 'ana', keepMs: 60_000 })),
    );
    const [revocation] = await broker.revocations.list('events:chat');
    expect(readRevocationName(revocation?.name ?? '')).toEqual({ userId: 'ana' });
    await expect(publisher.signOut('me')).rejects.toMatchObject({ code: 'invalid_argument' });
  });
});
