// Conformance: entries that are erased.
import type { Broker } from '@millrace/broker';
import { describe, expect, it } from 'vitest';
import {
  append,
  beat,
  CHAT,
  type CreateHarness,
  codeOf,
  numbersOf,
  present,
  publishNumbered,
  readAll,
  registerAt,
  registerHolder,
  runAllPasses,
  runPass,
  trimAll,
} from './harness.js';

const CONTROL = { control: 'yes' };
const CAPPED = { streams: [{ name: CHAT, maxLength: 10 }], hardCapFactor: 20 };

/** Erases entries of CHAT, and returns the ID of the control entry. */
async function eraseEntries(broker: Broker, ...ids: string[]): Promise<string> {
  return present(await broker.erasures.erase(CHAT, { control: CONTROL, ids, dedupeIds: [] }));
}

/** Declares one part of `describeBrokerConformance`. */
export function describeErasing(create: CreateHarness): void {
  describe('erasing', () => {
    it('an erased entry leaves the stream only in remove()', async () => {
      await using harness = await create();
      const { broker } = harness;
      const [first = '', second = '', third = ''] = await publishNumbered(broker, 3);
      const control = await eraseEntries(broker, second);
      expect((await readAll(broker)).map(({ id }) => id)).toEqual([first, second, third, control]);
      expect(await broker.erasures.remove(CHAT)).toEqual({ removed: 1, waiting: 0 });
      expect((await readAll(broker)).map(({ id }) => id)).toEqual([first, third, control]);
      expect(await broker.erasures.remove(CHAT)).toEqual({ removed: 0, waiting: 0 });
    });

    it('an erased entry stays until every live subscriber has read the control entry', async () => {
      await using harness = await create();
      const { broker } = harness;
      const a = await registerAt(broker, 'a');
      const b = await registerAt(broker, 'b');
      const [erased = ''] = await publishNumbered(broker, 1);
      const control = await eraseEntries(broker, erased);
      expect(await broker.erasures.remove(CHAT)).toEqual({ removed: 0, waiting: 1 });
      await beat(broker, 'a', { ...a, cursor: control });
      // Subscriber b is at the erased entry itself.
      await beat(broker, 'b', { ...b, cursor: erased });
      expect(await broker.erasures.remove(CHAT)).toEqual({ removed: 0, waiting: 1 });
      await beat(broker, 'b', { ...b, cursor: control });
      expect(await broker.erasures.remove(CHAT)).toEqual({ removed: 1, waiting: 0 });
    });

    it('an erased entry that is rejected late becomes no dead letter, and the other entries do', async () => {
      await using harness = await create();
      const { broker } = harness;
      await registerAt(broker, 'a');
      const [kept = '', erased = ''] = await publishNumbered(broker, 2);
      await eraseEntries(broker, erased);
      const reject = (id: string) =>
        broker.deadLetter({ stream: CHAT, entry: { id, fields: {} }, reason: 'r', rejectedBy: 'a' });
      expect([await reject(erased), await reject(kept)]).toEqual([false, true]);
      const deadLetters = await broker.listDeadLetters(CHAT, { count: 10 });
      expect(deadLetters.map(({ originId }) => originId)).toEqual([kept]);
    });

    it('a dead subscriber does not keep an erased entry in the stream', async () => {
      await using harness = await create({ livenessMs: 50 });
      const { broker } = harness;
      await registerAt(broker, 'dead');
      const [erased = ''] = await publishNumbered(broker, 1);
      await eraseEntries(broker, erased);
      // The first call notices the pause and begins the grace period.
      let total = 0;
      for (let calls = 0; calls < 100 && total === 0; calls++) {
        await harness.passTime(20);
        total += (await broker.erasures.remove(CHAT)).removed;
      }
      expect(total).toBe(1);
      const [revived] = await broker.heartbeat(
        'dead',
        new Map([[CHAT, { ...(await startOf(broker)), cursor: '0-0' }]]),
      );
      expect(revived?.status).toBe('revived');
    });

    it('an erased entry is afterwards neither consumed, pending nor expired', async () => {
      await using harness = await create();
      const { broker } = harness;
      const { lease } = await registerHolder(broker, 'a');
      const [, consumed = ''] = await publishNumbered(broker, 3);
      await runPass(broker, lease);
      const [later = ''] = await publishNumbered(broker, 1, 3);
      const control = await eraseEntries(broker, consumed, later);
      await runAllPasses(broker, lease, control);
      expect(await broker.erasures.remove(CHAT)).toEqual({ removed: 2, waiting: 0 });
      await runAllPasses(broker, lease, control);
      expect(await broker.inspect(CHAT)).toMatchObject({ length: 3, pending: 0, unconsumed: 0, expired: 0 });
    });

    it('a stream that lost only erased entries is complete from its beginning', async () => {
      await using harness = await create();
      const { broker } = harness;
      const ids = await publishNumbered(broker, 5);
      await eraseEntries(broker, present(ids[0]), present(ids[1]), present(ids[3]));
      await broker.erasures.remove(CHAT);
      expect(await broker.inspect(CHAT)).toMatchObject({ length: 3, completeAfter: '0-0' });
    });

    it('a trimmed stream without its first entries is complete after the last erased one until the next trim', async () => {
      await using harness = await create(CAPPED);
      const { broker } = harness;
      await publishNumbered(broker, 300);
      const before = await broker.inspect(CHAT);
      expect(before.completeAfter).toBe(before.firstId);
      const [first = '', second = '', , fourth = ''] = (await readAll(broker)).map(({ id }) => id);
      const control = await eraseEntries(broker, first, second, fourth);
      await broker.erasures.remove(CHAT);
      const { completeAfter, expired } = await broker.inspect(CHAT);
      expect(completeAfter).toBe(second);
      const { lease } = await registerHolder(broker, 'a');
      await runAllPasses(broker, lease, control);
      await trimAll(broker, lease);
      const after = await broker.inspect(CHAT);
      expect(after.length).toBeLessThan(before.length - 3);
      expect(after.completeAfter).toBe(after.firstId);
      expect(after.expired).toBe(expired);
    });

    it('a repeat of an erased entry is a duplicate even if the entry had no dedupe ID', async () => {
      await using harness = await create();
      const { broker } = harness;
      const { id } = await append(broker, { stream: CHAT, fields: { n: '0' } });
      const fields = CONTROL;
      await broker.erasures.erase(CHAT, { control: fields, ids: [id], dedupeIds: ['event'] });
      await broker.erasures.remove(CHAT);
      const repeat = await append(broker, { stream: CHAT, fields: { n: '0' }, dedupeId: 'event' });
      expect(repeat.isDuplicate).toBe(true);
      expect(await readAll(broker)).toMatchObject([{ fields }]);
    });

    it('dedupe IDs can be recorded without a control entry', async () => {
      await using harness = await create();
      const { broker } = harness;
      expect(await broker.erasures.erase(CHAT, { ids: [], dedupeIds: ['unborn'] })).toBeUndefined();
      const late = await append(broker, { stream: CHAT, fields: { n: '0' }, dedupeId: 'unborn' });
      expect(late.isDuplicate).toBe(true);
      expect(await readAll(broker)).toEqual([]);
    });

    it('an erasure keeps the entry ID of a dedupe ID and remembers it for longer', async () => {
      await using harness = await create({ dedupeWindowMs: 2_000 });
      const { broker } = harness;
      const { id } = await append(broker, { stream: CHAT, fields: { n: '0' }, dedupeId: 'event' });
      await harness.passTime(1_200);
      await broker.erasures.erase(CHAT, { control: CONTROL, ids: [id], dedupeIds: ['event'] });
      await harness.passTime(1_200);
      const repeat = await append(broker, { stream: CHAT, fields: { n: '0' }, dedupeId: 'event' });
      expect(repeat).toEqual({ id, isDuplicate: true });
    });

    it('an erasure may be repeated and may name entries that no longer exist', async () => {
      await using harness = await create();
      const { broker } = harness;
      const ids = await publishNumbered(broker, 3);
      await eraseEntries(broker, present(ids[1]));
      await eraseEntries(broker, present(ids[1]), '1-1');
      await broker.erasures.remove(CHAT);
      await eraseEntries(broker, present(ids[1]));
      await broker.erasures.remove(CHAT);
      expect(numbersOf((await readAll(broker)).filter(({ fields }) => 'n' in fields))).toEqual([0, 2]);
      expect(await broker.inspect(CHAT)).toMatchObject({ completeAfter: '0-0' });
    });

    it('an erasure without a control entry or with a wrong ID is refused', async () => {
      await using harness = await create();
      const { erasures } = harness.broker;
      expect(await codeOf(erasures.erase(CHAT, { ids: ['1-1'], dedupeIds: [] }))).toBe('invalid_argument');
      expect(await codeOf(erasures.erase(CHAT, { control: CONTROL, ids: ['x'], dedupeIds: [] }))).toBe(
        'invalid_argument',
      );
      expect(await codeOf(erasures.erase('no', { ids: [], dedupeIds: [] }))).toBe('invalid_argument');
    });
  });
}

async function startOf(broker: Broker) {
  const { epoch, entriesAdded } = await registerAt(broker, 'other');
  await broker.unregister('other');
  return { epoch, entriesAdded };
}
