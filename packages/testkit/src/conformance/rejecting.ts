// Conformance: dead letters, and the end of a broker.
import { describe, expect, it } from 'vitest';
import { CHAT, type CreateHarness, codeOf, present, publishNumbered, readAll, TICKET } from './harness.js';

/** Part of `describeBrokerConformance`. */
export function describeRejecting(create: CreateHarness): void {
  describe('dead letters', () => {
    it('are kept once per entry, whoever rejects it', async () => {
      await using harness = await create();
      const { broker } = harness;
      await broker.publish({ stream: CHAT, fields: { n: '1', text: 'ä\n"' } });
      const [entry] = await readAll(broker);
      const letter = { stream: CHAT, entry: present(entry), reason: 'unknown type' };
      expect(await broker.deadLetter({ ...letter, rejectedBy: 'a' })).toBe(true);
      expect(await broker.deadLetter({ ...letter, rejectedBy: 'b' })).toBe(false);
      expect(await broker.listDeadLetters(CHAT, 10)).toEqual([
        {
          id: expect.any(String),
          originId: entry?.id,
          reason: 'unknown type',
          rejectedBy: 'a',
          fields: { n: '1', text: 'ä\n"' },
        },
      ]);
      expect(await broker.inspect(CHAT)).toMatchObject({ deadLetters: 1, length: 1 });
      expect(await broker.listDeadLetters(TICKET, 10)).toEqual([]);
    });

    it('are listed newest first and bounded in number', async () => {
      await using harness = await create({ deadLetterMaxLength: 50 });
      const { broker } = harness;
      await publishNumbered(broker, 300);
      for (const entry of await readAll(broker)) {
        await broker.deadLetter({ stream: CHAT, entry, reason: 'r', rejectedBy: 'a' });
      }
      const letters = await broker.listDeadLetters(CHAT, 3);
      expect(letters.map(({ fields }) => fields['n'])).toEqual(['299', '298', '297']);
      const { deadLetters } = await broker.inspect(CHAT);
      expect(deadLetters).toBeGreaterThanOrEqual(50);
      expect(deadLetters).toBeLessThan(150);
    });

    it('leave the dedupe ID alone', async () => {
      await using harness = await create();
      const { broker } = harness;
      await broker.publish({ stream: CHAT, fields: { n: '1' }, dedupeId: 'one' });
      const [entry] = await readAll(broker);
      await broker.deadLetter({ stream: CHAT, entry: present(entry), reason: 'r', rejectedBy: 'a' });
      const repeat = await broker.publish({ stream: CHAT, fields: { n: '1' }, dedupeId: 'one' });
      expect(repeat.isDuplicate).toBe(true);
    });
  });

  describe('the state', () => {
    it('changes once per change, and closed is final', async () => {
      await using harness = await create();
      const { broker } = harness;
      const states: string[] = [];
      const end = broker.onStateChange((state) => states.push(state));
      expect(broker.state).toBe('ready');
      await broker.close();
      await broker.close();
      expect([broker.state, ...states]).toEqual(['closed', 'closed']);
      expect(await codeOf(broker.open())).toBe('closed');
      end();
    });

    it('is not heard any more after the listener was ended', async () => {
      await using harness = await create();
      const states: string[] = [];
      harness.broker.onStateChange((state) => states.push(state))();
      await harness.broker.close();
      expect(states).toEqual([]);
    });
  });

  describe('close', () => {
    it('ends a blocked read and refuses everything after it with closed', async () => {
      await using harness = await create();
      const { broker } = harness;
      const lease = present(await broker.acquireLease(CHAT, 'a'));
      const cursors = new Map([[CHAT, '0-0']]);
      const blocked = codeOf(broker.readAfter(cursors, { count: 1, blockMs: 600_000 }));
      await broker.inspect(CHAT);
      await broker.close();
      expect(await blocked).toBe('closed');
      const calls = {
        publish: broker.publish({ stream: CHAT, fields: { n: '1' } }),
        register: broker.register('a'),
        unregister: broker.unregister('a'),
        heartbeat: broker.heartbeat('a', new Map([[CHAT, { epoch: 'e', cursor: '0-0', entriesAdded: 0 }]])),
        readAfter: broker.readAfter(cursors, { count: 1, blockMs: 0 }),
        readRange: broker.readRange(CHAT, { count: 1 }),
        claimSlot: broker.claimSlot('a'),
        releaseSlot: broker.releaseSlot('a'),
        acquireLease: broker.acquireLease(CHAT, 'a'),
        releaseLease: broker.releaseLease(lease),
        tickLedger: broker.tickLedger(lease, { consumer: 'c', count: 1 }),
        trim: broker.trim(lease),
        deadLetter: broker.deadLetter({
          stream: CHAT,
          entry: { id: '1-1', fields: {} },
          reason: 'r',
          rejectedBy: 'a',
        }),
        listDeadLetters: broker.listDeadLetters(CHAT, 1),
        inspect: broker.inspect(CHAT),
      };
      for (const [name, call] of Object.entries(calls))
        expect([name, await codeOf(call)]).toEqual([name, 'closed']);
    });

    it('finishes what was published before it', async () => {
      await using harness = await create();
      const { broker } = harness;
      const published = Promise.all(
        Array.from({ length: 100 }, (_, n) => broker.publish({ stream: CHAT, fields: { n: String(n) } })),
      );
      const closed = broker.close();
      expect((await published).length).toBe(100);
      await closed;
    });
  });
}
