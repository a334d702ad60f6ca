// Conformance: names that subscribers announce to each other.
import { describe, expect, it } from 'vitest';
import { type CreateHarness, codeOf } from './harness.js';

/** Declares one part of `describeBrokerConformance`. */
export function describeAnnouncing(create: CreateHarness): void {
  describe('announced names', () => {
    it('`announced()` returns the names of all subscribers, each once, whatever characters they contain', async () => {
      await using harness = await create();
      const { broker } = harness;
      expect(await broker.announced()).toEqual(new Set());
      await broker.announce('a', ['chat', 'order|placed', 'grüße "{}"']);
      await broker.announce('b', ['chat', 'ticket']);
      expect(await broker.announced()).toEqual(new Set(['chat', 'order|placed', 'grüße "{}"', 'ticket']));
    });

    it('an announcement replaces its subscriber’s earlier names, and an empty list removes them', async () => {
      await using harness = await create();
      const { broker } = harness;
      await broker.announce('a', ['old']);
      await broker.announce('b', ['other']);
      await broker.announce('a', ['new']);
      expect(await broker.announced()).toEqual(new Set(['new', 'other']));
      await broker.announce('a', []);
      expect(await broker.announced()).toEqual(new Set(['other']));
    });

    it('an announcement expires ten seconds after its subscriber’s last announcement', async () => {
      await using harness = await create();
      const { broker } = harness;
      await broker.announce('dead', ['theirs']);
      await harness.passTime(6_000);
      await broker.announce('live', ['ours']);
      expect(await broker.announced()).toEqual(new Set(['theirs', 'ours']));
      await harness.passTime(4_100);
      expect(await broker.announced()).toEqual(new Set(['ours']));
    });

    it('announced names are refused if they are too many or too long', async () => {
      await using harness = await create();
      const { broker } = harness;
      const many = Array.from({ length: 1_001 }, (_, n) => `n${n}`);
      expect(await codeOf(broker.announce('a', many))).toBe('invalid_argument');
      expect(await codeOf(broker.announce('a', ['x'.repeat(257)]))).toBe('invalid_argument');
      expect(await codeOf(broker.announce('a', many.slice(1)))).toBe('resolved');
    });
  });
}
