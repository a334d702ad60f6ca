// Conformance: the acknowledgement passes, which consume and acknowledge entries and declare subscribers dead.
import { describe, expect, it } from 'vitest';
import {
  type BrokerHarness,
  beat,
  CHAT,
  type CreateHarness,
  present,
  publishNumbered,
  registerAt,
  registerHolder,
  runPass,
} from './harness.js';

/** Short, because these tests wait until a subscriber is declared dead. */
const LIVENESS_MS = 200;

/** Declares one part of `describeBrokerConformance`. */
export function describeLedger(create: CreateHarness): void {
  describe('the ledger', () => {
    it('the ledger moves an entry from the state Published to Consumed, and then to Acknowledged', async () => {
      await using harness = await create();
      const { broker } = harness;
      const { start, lease } = await registerHolder(broker, 'a');
      const ids = await publishNumbered(broker, 3);
      expect(await broker.inspect(CHAT)).toMatchObject({ length: 3, unconsumed: 3, pending: 0 });

      expect(await runPass(broker, lease)).toMatchObject({ consumed: 3, acknowledged: 0 });
      expect(await broker.inspect(CHAT)).toMatchObject({
        unconsumed: 0,
        pending: 3,
        oldestPendingId: ids[0],
      });

      await beat(broker, 'a', { ...start, cursor: present(ids[1]) });
      expect(await runPass(broker, lease)).toMatchObject({ consumed: 0, acknowledged: 2 });
      expect(await broker.inspect(CHAT)).toMatchObject({ pending: 1, oldestPendingId: ids[2] });

      await beat(broker, 'a', { ...start, cursor: present(ids[2]) });
      expect(await runPass(broker, lease)).toMatchObject({ consumed: 0, acknowledged: 1 });
      expect(await broker.inspect(CHAT)).toMatchObject({ length: 3, unconsumed: 0, pending: 0 });
    });

    it('one pass consumes and acknowledges entries that the owner of the lease has already handled', async () => {
      await using harness = await create();
      const { lease } = await registerHolder(harness.broker, 'a');
      const ids = await publishNumbered(harness.broker, 3);
      expect(await runPass(harness.broker, lease, present(ids[1]))).toMatchObject({
        consumed: 3,
        acknowledged: 2,
      });
    });

    it('a pass handles at most `count` entries, and later passes handle the rest', async () => {
      await using harness = await create();
      const { lease } = await registerHolder(harness.broker, 'a');
      const ids = await publishNumbered(harness.broker, 25);
      const cursor = present(ids[24]);
      const results = [];
      for (let n = 0; n < 4; n++) results.push(await runPass(harness.broker, lease, cursor, 10));
      expect(results.map(({ consumed, acknowledged }) => [consumed, acknowledged])).toEqual([
        [10, 10],
        [10, 10],
        [5, 5],
        [0, 0],
      ]);
    });

    it('a pass acknowledges only entries that every subscriber has handled', async () => {
      await using harness = await create();
      const { start, lease } = await registerHolder(harness.broker, 'a');
      const b = await registerAt(harness.broker, 'b');
      const ids = await publishNumbered(harness.broker, 4);
      await beat(harness.broker, 'a', { ...start, cursor: present(ids[3]) });
      await beat(harness.broker, 'b', { ...b, cursor: present(ids[0]) });
      expect(await runPass(harness.broker, lease)).toMatchObject({ consumed: 4, acknowledged: 1 });
      await beat(harness.broker, 'b', { ...b, cursor: present(ids[2]) });
      expect(await runPass(harness.broker, lease)).toMatchObject({ acknowledged: 2 });
      await harness.broker.unregister('b');
      expect(await runPass(harness.broker, lease)).toMatchObject({ acknowledged: 1 });
    });

    it('a pass acknowledges entries that another consumer has read', async () => {
      await using harness = await create();
      const first = await registerHolder(harness.broker, 'a');
      const b = await registerAt(harness.broker, 'b');
      const ids = await publishNumbered(harness.broker, 3);
      await harness.broker.runLedgerPass(first.lease, { consumer: 'signalr-instance-7', count: 100 });
      await harness.broker.releaseLease(first.lease);
      await harness.broker.unregister('a');
      const lease = present(await harness.broker.acquireLease(CHAT, 'b'));
      await beat(harness.broker, 'b', { ...b, cursor: present(ids[2]) });
      expect(await runPass(harness.broker, lease)).toMatchObject({ consumed: 0, acknowledged: 3 });
    });

    it('a pass acknowledges nothing while no subscriber is registered', async () => {
      await using harness = await create();
      const { lease } = await registerHolder(harness.broker, 'a');
      const ids = await publishNumbered(harness.broker, 3);
      await harness.broker.unregister('a');
      const result = await runPass(harness.broker, lease, present(ids[2]));
      expect(result).toMatchObject({ consumed: 3, acknowledged: 0 });
    });

    it('a pass acknowledges nothing if the owner of its lease is not registered', async () => {
      await using harness = await create();
      const { lease } = await registerHolder(harness.broker, 'a');
      const b = await registerAt(harness.broker, 'b');
      const ids = await publishNumbered(harness.broker, 3);
      await harness.broker.unregister('a');
      await beat(harness.broker, 'b', { ...b, cursor: present(ids[2]) });
      expect(await runPass(harness.broker, lease)).toMatchObject({ consumed: 3, acknowledged: 0 });
    });

    it('a pass never moves a cursor back', async () => {
      await using harness = await create();
      const { start, lease } = await registerHolder(harness.broker, 'a');
      const ids = await publishNumbered(harness.broker, 3);
      await beat(harness.broker, 'a', { ...start, cursor: present(ids[2]) });
      expect(await runPass(harness.broker, lease, present(ids[0]))).toMatchObject({ acknowledged: 3 });
    });

    it('a subscriber whose heartbeat is too old is declared dead, and the ledger continues without it', async () => {
      await using harness = await create({ livenessMs: LIVENESS_MS });
      const { broker } = harness;
      const { start, lease } = await registerHolder(broker, 'a');
      const b = await registerAt(broker, 'b');
      const ids = await publishNumbered(broker, 2);
      const last = present(ids[1]);
      const result = await untilDeclaredDead(harness, async () => {
        await beat(broker, 'a', { ...start, cursor: last });
        return runPass(broker, lease);
      });
      expect(result.declaredDead).toEqual(['b']);
      expect(await broker.inspect(CHAT)).toMatchObject({ pending: 0 });
      expect(await beat(broker, 'b', { ...b, cursor: b.cursor })).toMatchObject({ status: 'revived' });
    });

    it('a subscriber that sends heartbeats but stops reading before the end of the stream is declared dead', async () => {
      await using harness = await create({ livenessMs: LIVENESS_MS });
      const { broker } = harness;
      const { start, lease } = await registerHolder(broker, 'a');
      const b = await registerAt(broker, 'b');
      const [, last] = await publishNumbered(broker, 2);
      const result = await untilDeclaredDead(harness, async () => {
        await beat(broker, 'b', b);
        await beat(broker, 'a', { ...start, cursor: present(last) });
        return runPass(broker, lease);
      });
      expect(result.declaredDead).toEqual(['b']);
    });

    it('a subscriber that cannot advance because it has reached the end of the stream is not declared dead', async () => {
      await using harness = await create({ livenessMs: LIVENESS_MS });
      const { broker } = harness;
      const { start, lease } = await registerHolder(broker, 'a');
      const dead: string[] = [];
      for (let n = 0; n < 12; n++) {
        await harness.passTime(LIVENESS_MS / 4);
        await beat(broker, 'a', start);
        dead.push(...(await runPass(broker, lease)).declaredDead);
      }
      expect(dead).toEqual([]);
    });

    it('every subscriber gets one grace period after a time in which no subscriber sent heartbeats', async () => {
      await using harness = await create({ livenessMs: LIVENESS_MS });
      const { broker } = harness;
      const { lease } = await registerHolder(broker, 'a');
      await registerAt(broker, 'b');
      await harness.passTime(LIVENESS_MS * 2);
      expect(await runPass(broker, lease)).toMatchObject({ declaredDead: [] });
    });
  });
}

/**
 * Calls `step` repeatedly, until a call declares a subscriber dead. The pauses are short, so that the broker does not take
 * them for a pause of the whole system.
 */
async function untilDeclaredDead<T extends { readonly declaredDead: readonly string[] }>(
  harness: BrokerHarness,
  step: () => Promise<T>,
): Promise<T> {
  for (let steps = 0; steps < 400; steps++) {
    const result = await step();
    if (result.declaredDead.length > 0) return result;
    await harness.passTime(LIVENESS_MS / 10);
  }
  throw new Error('No subscriber was declared dead');
}
