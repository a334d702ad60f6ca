// Conformance: registering, heartbeats, leases and slots.
import { describe, expect, it } from 'vitest';
import {
  beat,
  CHAT,
  type CreateHarness,
  codeOf,
  present,
  publishNumbered,
  registerAt,
  registerHolder,
  runAllPasses,
  runPass,
  TICKET,
} from './harness.js';

/** Declares one part of `describeBrokerConformance`. */
export function describeMembership(create: CreateHarness): void {
  describe('register', () => {
    it('registering returns a start in every stream, with an epoch that all subscribers share', async () => {
      await using harness = await create();
      const starts = await harness.broker.register('a');
      expect(starts.map(({ stream, cursor }) => [stream, cursor])).toEqual([
        [CHAT, '0-0'],
        [TICKET, '0-0'],
      ]);
      expect(starts.every(({ epoch }) => /^[0-9a-z]{1,16}$/.test(epoch))).toBe(true);
      expect(starts[0]?.epoch).not.toBe(starts[1]?.epoch);
      expect((await harness.broker.register('b')).map(({ epoch }) => epoch)).toEqual(
        starts.map(({ epoch }) => epoch),
      );
    });

    it('the first subscriber starts at the beginning of a stream that already contains entries', async () => {
      await using harness = await create();
      const ids = await publishNumbered(harness.broker, 3);
      expect(await registerAt(harness.broker, 'a')).toMatchObject({
        cursor: '0-0',
        lastId: ids[2],
        entriesAdded: 3,
      });
    });

    it('a subscriber starts at the newest entry while another subscriber is live', async () => {
      await using harness = await create();
      await harness.broker.register('a');
      const ids = await publishNumbered(harness.broker, 3);
      expect((await registerAt(harness.broker, 'b')).cursor).toBe(ids[2]);
    });

    it('a subscriber starts after the last acknowledged entry when no other subscriber is live', async () => {
      await using harness = await create();
      const { start, lease } = await registerHolder(harness.broker, 'a');
      const ids = await publishNumbered(harness.broker, 5);
      await runPass(harness.broker, lease);
      await beat(harness.broker, 'a', { ...start, cursor: present(ids[2]) });
      await runPass(harness.broker, lease);
      await harness.broker.unregister('a');
      expect((await registerAt(harness.broker, 'b')).cursor).toBe(ids[2]);
    });

    it('a subscriber starts after all acknowledged entries if no entry is pending', async () => {
      await using harness = await create();
      const { lease } = await registerHolder(harness.broker, 'a');
      const ids = await publishNumbered(harness.broker, 5);
      await runAllPasses(harness.broker, lease, present(ids[4]));
      await harness.broker.unregister('a');
      await publishNumbered(harness.broker, 2);
      expect((await registerAt(harness.broker, 'b')).cursor).toBe(ids[4]);
    });

    it('a subscriber’s earlier registration does not count as another live subscriber', async () => {
      await using harness = await create();
      await harness.broker.register('a');
      await publishNumbered(harness.broker, 3);
      expect((await registerAt(harness.broker, 'a')).cursor).toBe('0-0');
    });
  });

  describe('heartbeat', () => {
    it('a heartbeat is answered with the status `alive` and the state of the stream', async () => {
      await using harness = await create();
      const start = await registerAt(harness.broker, 'a');
      const ids = await publishNumbered(harness.broker, 3);
      expect(await beat(harness.broker, 'a', { ...start, cursor: present(ids[1]) })).toMatchObject({
        stream: CHAT,
        status: 'alive',
        epoch: start.epoch,
        cursor: ids[1],
        lastId: ids[2],
        entriesAdded: 3,
      });
    });

    it('a heartbeat is answered with the time of the broker, which increases', async () => {
      await using harness = await create();
      const start = await registerAt(harness.broker, 'a');
      await harness.passTime(5);
      expect((await beat(harness.broker, 'a', start)).timeMs).toBeGreaterThan(start.timeMs);
    });

    it('a heartbeat without a registration gets the status `revived`, and registers the cursor again', async () => {
      await using harness = await create();
      const start = await registerAt(harness.broker, 'a');
      const [id] = await publishNumbered(harness.broker, 1);
      await harness.broker.unregister('a');
      const progress = { ...start, cursor: present(id) };
      expect(await beat(harness.broker, 'a', progress)).toMatchObject({ status: 'revived', cursor: id });
      expect(await beat(harness.broker, 'a', progress)).toMatchObject({ status: 'alive' });
    });

    it.each([
      ['a cursor that the stream never reached', { cursor: '99999999999999-0' }],
      ['a count that the stream never reached', { entriesAdded: 1_000_000 }],
    ])('a heartbeat with %s gets the status `reset` and a new epoch', async (_, known) => {
      await using harness = await create();
      const start = await registerAt(harness.broker, 'a');
      await publishNumbered(harness.broker, 1);
      const reply = await beat(harness.broker, 'a', { ...start, ...known });
      expect(reply).toMatchObject({ status: 'reset', cursor: '0-0' });
      expect(reply.epoch).not.toBe(start.epoch);
    });

    it('every subscriber with the old epoch gets the status `reset` and the same new epoch', async () => {
      await using harness = await create();
      const a = await registerAt(harness.broker, 'a');
      const b = await registerAt(harness.broker, 'b');
      const first = await beat(harness.broker, 'a', { ...a, cursor: '99999999999999-0' });
      const second = await beat(harness.broker, 'b', b);
      expect(second).toMatchObject({ status: 'reset', epoch: first.epoch, cursor: '0-0' });
      const progress = { epoch: second.epoch, cursor: '0-0', entriesAdded: 0 };
      expect(await beat(harness.broker, 'b', progress)).toMatchObject({ status: 'alive' });
    });

    it('a heartbeat is refused if its cursor is not an entry ID', async () => {
      await using harness = await create();
      const start = await registerAt(harness.broker, 'a');
      expect(await codeOf(beat(harness.broker, 'a', { ...start, cursor: 'x' }))).toBe('invalid_argument');
    });
  });

  describe('leases', () => {
    it('a lease belongs to one owner at a time, and its owner may renew it', async () => {
      await using harness = await create();
      const lease = present(await harness.broker.acquireLease(CHAT, 'a'));
      expect(await harness.broker.acquireLease(CHAT, 'b')).toBeUndefined();
      expect(await harness.broker.acquireLease(CHAT, 'a')).toEqual(lease);
      expect(await harness.broker.acquireLease(TICKET, 'b')).toMatchObject({ owner: 'b' });
    });

    it('the fencing token of a lease rises with every change of the owner', async () => {
      await using harness = await create();
      const first = present(await harness.broker.acquireLease(CHAT, 'a'));
      await harness.broker.releaseLease(first);
      const second = present(await harness.broker.acquireLease(CHAT, 'b'));
      expect(second.fence).toBeGreaterThan(first.fence);
      expect((await harness.broker.runLedgerPass(first, { consumer: 'c', count: 1 })).status).toBe('fenced');
      expect((await harness.broker.trim(first)).status).toBe('fenced');
    });

    it('a late release by the previous owner does not end the new owner’s lease', async () => {
      await using harness = await create();
      const first = present(await harness.broker.acquireLease(CHAT, 'a'));
      await harness.broker.releaseLease(first);
      const second = present(await harness.broker.acquireLease(CHAT, 'b'));
      await harness.broker.releaseLease(first);
      expect(await harness.broker.acquireLease(CHAT, 'c')).toBeUndefined();
      expect((await harness.broker.trim(second)).status).toBe('trimmed');
    });

    it('an expired lease is invalid, even for its previous owner', async () => {
      await using harness = await create({ leaseMs: 20 });
      const first = present(await harness.broker.acquireLease(CHAT, 'a'));
      await harness.passTime(25);
      expect((await harness.broker.trim(first)).status).toBe('fenced');
      const second = present(await harness.broker.acquireLease(CHAT, 'a'));
      expect(second.fence).toBeGreaterThan(first.fence);
    });
  });

  describe('slots', () => {
    it('each owner gets one slot: the lowest free number', async () => {
      await using harness = await create();
      expect(await harness.broker.claimSlot('a')).toEqual({ slot: 1, heldSlots: [1] });
      expect(await harness.broker.claimSlot('b')).toEqual({ slot: 2, heldSlots: [1, 2] });
      expect(await harness.broker.claimSlot('a')).toEqual({ slot: 1, heldSlots: [1, 2] });
      await harness.broker.releaseSlot('a');
      expect(await harness.broker.claimSlot('b')).toEqual({ slot: 2, heldSlots: [2] });
      expect(await harness.broker.claimSlot('c')).toEqual({ slot: 1, heldSlots: [1, 2] });
    });

    it('a preferred slot is assigned if it is free', async () => {
      await using harness = await create();
      expect(await harness.broker.claimSlot('a', { preferred: 3 })).toEqual({ slot: 3, heldSlots: [3] });
      expect(await harness.broker.claimSlot('b', { preferred: 3 })).toEqual({ slot: 1, heldSlots: [1, 3] });
    });

    it('an instance’s next process takes over the slot that the instance still holds', async () => {
      await using harness = await create();
      const { broker } = harness;
      await broker.claimSlot('one#1', { instance: 'one' });
      await broker.claimSlot('two#1', { instance: 'two' });
      await broker.claimSlot('one#1', { preferred: 1 });
      expect(await broker.claimSlot('two#2', { instance: 'two' })).toEqual({ slot: 2, heldSlots: [1, 2] });
      expect(await broker.claimSlot('one#2', { instance: 'one' })).toEqual({ slot: 1, heldSlots: [1, 2] });
      // A second process of the instance gets another slot if the first one still runs, and each keeps its slot.
      expect(await broker.claimSlot('one#1', { preferred: 1 })).toEqual({ slot: 3, heldSlots: [1, 2, 3] });
      expect(await broker.claimSlot('one#2', { preferred: 1 })).toEqual({ slot: 1, heldSlots: [1, 2, 3] });
    });

    it('an instance’s next process can take over a slot that was renewed after its expiry', async () => {
      await using harness = await create({ leaseMs: 20 });
      const { broker } = harness;
      await broker.claimSlot('one#1', { instance: 'one' });
      await harness.passTime(25);
      const renewal = { preferred: 1, instance: 'one', isRenewal: true } as const;
      // The claims run at the same time, so that no slot expires between them.
      const claims = await Promise.all([
        broker.claimSlot('one#1', renewal),
        broker.claimSlot('one#2', { instance: 'one' }),
        broker.claimSlot('one#1', renewal),
      ]);
      expect(claims.map(({ slot }) => slot)).toEqual([1, 1, 2]);
    });

    it('slots distinguish owners whose names contain separators', async () => {
      await using harness = await create();
      const { broker } = harness;
      expect((await broker.claimSlot('c', { instance: 'a|b' })).slot).toBe(1);
      expect((await broker.claimSlot('b|c', { instance: 'a' })).slot).toBe(2);
      await broker.releaseSlot('b|c');
      expect((await broker.claimSlot('c')).heldSlots).toEqual([1]);
    });

    it('a slot that is not renewed becomes free again', async () => {
      await using harness = await create({ leaseMs: 20 });
      await harness.broker.claimSlot('a');
      await harness.passTime(25);
      // The claims run at the same time, so that the first slot cannot expire before the second claim.
      const claims = await Promise.all(['b', 'a'].map((owner) => harness.broker.claimSlot(owner)));
      expect(claims.map(({ slot }) => slot)).toEqual([1, 2]);
    });
  });
}
