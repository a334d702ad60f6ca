// Conformance: revocations, which outlive the entries that announced them.
import type { Broker, RevocationChange, RevocationReceipt } from '@millrace/broker';
import { describe, expect, it } from 'vitest';
import {
  appendNumbered,
  CHAT,
  type CreateHarness,
  codeOf,
  present,
  readAll,
  registerHolder,
  runAllPasses,
  TICKET,
  trimAll,
} from './harness.js';

/** A name with the characters that keys and values use themselves. */
const NAME = '["room {1}|","ü\\"2"]';

function change(broker: Broker, over: Partial<RevocationChange> = {}): Promise<RevocationReceipt> {
  const all = { name: NAME, state: 'revoked', fields: { control: 'x' }, keepMs: 60_000, ...over } as const;
  return broker.revocations.change(CHAT, all);
}

export function describeRevocations(create: CreateHarness): void {
  describe('revocations', () => {
    it('a revocation appends its entry, and the store returns it with the ID of that entry', async () => {
      await using harness = await create();
      const { broker } = harness;
      const { id, isChanged } = await change(broker, { fields: { a: '1', b: '{}' } });
      expect(isChanged).toBe(true);
      expect(await readAll(broker)).toMatchObject([{ id, fields: { a: '1', b: '{}' } }]);
      const times = { changedMs: expect.any(Number) as number, endsMs: expect.any(Number) as number };
      const revocation = { name: NAME, state: 'revoked', id, revokedId: id, ...times };
      expect(await broker.revocations.find(CHAT, NAME)).toEqual(revocation);
      expect(await broker.revocations.list(CHAT)).toEqual([revocation]);
      expect(await broker.revocations.find(CHAT, 'another')).toBeUndefined();
      expect(await broker.revocations.list(TICKET)).toEqual([]);
    });

    it('a repeated change appends nothing and returns the first entry', async () => {
      await using harness = await create();
      const { broker } = harness;
      const first = await change(broker);
      expect(await change(broker)).toEqual({ id: first.id, isChanged: false });
      const restored = await change(broker, { state: 'restored' });
      expect(await change(broker, { state: 'restored' })).toEqual({ id: restored.id, isChanged: false });
      expect(await readAll(broker)).toHaveLength(2);
    });

    it('a renewal appends a new entry although the access is revoked already', async () => {
      await using harness = await create();
      const { broker } = harness;
      const first = await change(broker);
      const renewed = await change(broker, { isRenewal: true });
      expect(renewed.isChanged).toBe(true);
      expect(renewed.id).not.toBe(first.id);
      expect(await broker.revocations.find(CHAT, NAME)).toMatchObject({
        id: renewed.id,
        revokedId: renewed.id,
      });
    });

    it('restored access keeps the IDs of both entries, and there is nothing to restore without a revocation', async () => {
      await using harness = await create();
      const { broker } = harness;
      expect(await change(broker, { state: 'restored' })).toEqual({ id: undefined, isChanged: false });
      expect(await readAll(broker)).toEqual([]);
      const revoked = await change(broker);
      await appendNumbered(broker, { count: 3 });
      const restored = await change(broker, { state: 'restored' });
      const known = { state: 'restored', id: restored.id, revokedId: revoked.id };
      expect(await broker.revocations.find(CHAT, NAME)).toMatchObject(known);
    });

    it('a lost change is stored with its own time, but never over the same or a later change', async () => {
      await using harness = await create();
      const { broker } = harness;
      const lost = await change(broker, { lostChangedMs: 5_000 });
      expect(lost.isChanged).toBe(true);
      expect(await broker.revocations.find(CHAT, NAME)).toMatchObject({ id: lost.id, changedMs: 5_000 });
      const unchanged = { id: lost.id, isChanged: false };
      expect(await change(broker, { lostChangedMs: 5_000 })).toEqual(unchanged);
      expect(await change(broker, { lostChangedMs: 4_000 })).toEqual(unchanged);
      const later = await change(broker, { lostChangedMs: 6_000 });
      expect(later.isChanged).toBe(true);
      expect(await broker.revocations.find(CHAT, NAME)).toMatchObject({ id: later.id, changedMs: 6_000 });
      const restored = await change(broker, { state: 'restored' });
      expect(await change(broker, { lostChangedMs: 7_000 })).toEqual({ id: restored.id, isChanged: false });
      expect(await readAll(broker)).toHaveLength(3);
    });

    it('a revocation is kept when its entry is trimmed', async () => {
      await using harness = await create({ streams: [{ name: CHAT, maxLength: 5 }] });
      const { broker } = harness;
      const { lease } = await registerHolder(broker, 'a');
      const { id } = await change(broker);
      const ids = await appendNumbered(broker, { count: 400 });
      await runAllPasses(broker, lease, present(ids.at(-1)));
      await trimAll(broker, lease);
      expect((await readAll(broker)).some((entry) => entry.id === id)).toBe(false);
      expect(await broker.revocations.list(CHAT)).toMatchObject([{ name: NAME, id }]);
    });

    it('a revocation is forgotten after its time, and a repeated change keeps it for longer', async () => {
      await using harness = await create();
      const { broker } = harness;
      await change(broker, { keepMs: 30 });
      await change(broker, { name: 'kept', keepMs: 30 });
      await change(broker, { name: 'kept', keepMs: 60_000 });
      await change(broker, { name: 'kept', keepMs: 1 });
      await harness.passTime(80);
      expect(await broker.revocations.find(CHAT, NAME)).toBeUndefined();
      expect((await broker.revocations.list(CHAT)).map(({ name }) => name)).toEqual(['kept']);
      expect(await change(broker)).toMatchObject({ isChanged: true });
    });

    it('the list contains every revocation of a stream, however many there are', async () => {
      await using harness = await create();
      const { broker } = harness;
      const names = Array.from({ length: 1_200 }, (_, index) => `name ${index}`);
      await Promise.all(names.map((name) => change(broker, { name })));
      const listed = (await broker.revocations.list(CHAT)).map(({ name }) => name);
      expect(listed.toSorted()).toEqual(names.toSorted());
    });

    it.each([
      ['an empty name', { name: '' }],
      ['a name that is too long', { name: 'x'.repeat(2_049) }],
      ['no time', { keepMs: 0 }],
      ['a lost time before 1970', { lostChangedMs: -1 }],
      ['no fields', { fields: {} }],
    ])('a change with %s is refused', async (_, over) => {
      await using harness = await create();
      expect(await codeOf(change(harness.broker, over))).toBe('invalid_argument');
      expect(await readAll(harness.broker)).toEqual([]);
    });

    it('an unknown stream is refused', async () => {
      await using harness = await create();
      const { revocations } = harness.broker;
      expect(await codeOf(revocations.list('unknown'))).toBe('invalid_argument');
      expect(await codeOf(revocations.find('unknown', NAME))).toBe('invalid_argument');
    });
  });
}
