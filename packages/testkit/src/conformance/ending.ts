// Conformance: the states of a broker, and `close`.
import { describe, expect, it } from 'vitest';
import { append, CHAT, type CreateHarness, codeOf, present } from './harness.js';

/** Declares one part of `describeBrokerConformance`. */
export function describeEnding(create: CreateHarness): void {
  describe('the state', () => {
    it('each change of the state is reported once, and the state `closed` is final', async () => {
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

    it('a removed listener receives no more changes', async () => {
      await using harness = await create();
      const states: string[] = [];
      harness.broker.onStateChange((state) => states.push(state))();
      await harness.broker.close();
      expect(states).toEqual([]);
    });
  });

  describe('close', () => {
    it('`close()` ends a blocked read, and later calls are refused with the code `closed`', async () => {
      await using harness = await create();
      const { broker } = harness;
      const lease = present(await broker.acquireLease(CHAT, 'a'));
      const cursors = new Map([[CHAT, '0-0']]);
      const blocked = codeOf(broker.readAfter(cursors, { count: 1, blockMs: 600_000 }));
      await broker.inspect(CHAT);
      await broker.close();
      expect(await blocked).toBe('closed');
      const calls = {
        append: append(broker, { stream: CHAT, fields: { n: '1' } }),
        register: broker.register('a'),
        unregister: broker.unregister('a'),
        heartbeat: broker.heartbeat('a', new Map([[CHAT, { epoch: 'e', cursor: '0-0', entriesAdded: 0 }]])),
        readAfter: broker.readAfter(cursors, { count: 1, blockMs: 0 }),
        readRange: broker.readRange(CHAT, { count: 1 }),
        claimSlot: broker.claimSlot('a'),
        releaseSlot: broker.releaseSlot('a'),
        acquireLease: broker.acquireLease(CHAT, 'a'),
        releaseLease: broker.releaseLease(lease),
        runLedgerPass: broker.runLedgerPass(lease, { consumer: 'c', count: 1 }),
        trim: broker.trim(lease),
        deadLetter: broker.deadLetter({
          stream: CHAT,
          entry: { id: '1-1', fields: {} },
          reason: 'r',
          rejectedBy: 'a',
        }),
        findRejected: broker.findRejected(CHAT, ['1-1']),
        listDeadLetters: broker.listDeadLetters(CHAT, { count: 1 }),
        readDeadLetter: broker.readDeadLetter(CHAT, '1-1'),
        requeueDeadLetter: broker.requeueDeadLetter(CHAT, '1-1'),
        dropDeadLetters: broker.dropDeadLetters(CHAT, ['1-1']),
        inspect: broker.inspect(CHAT),
      };
      for (const [name, call] of Object.entries(calls))
        expect([name, await codeOf(call)]).toEqual([name, 'closed']);
    });

    it('`close()` finishes the appends that were accepted before the call', async () => {
      await using harness = await create();
      const { broker } = harness;
      const appended = Promise.all(
        Array.from({ length: 100 }, (_, n) => append(broker, { stream: CHAT, fields: { n: String(n) } })),
      );
      const closed = broker.close();
      expect((await appended).length).toBe(100);
      await closed;
    });
  });
}
