// Conformance: coalescing windows that several processes share.
import { WINDOW_LIMITS, type WindowClaim, type WindowStore } from '@millrace/broker';
import { describe, expect, it } from 'vitest';
import { type CreateHarness, codeOf } from './harness.js';

const name = { roomId: 'abc123', slot: 'typing' };
const windowMs = 100;
// Long, so that a slow machine loses no claim it still needs.
const leaseMs = 60_000;

const input = (id: string, text = `text of ${id}`) => ({ id, text });
const claimNow = (windows: WindowStore, token: string, ms = leaseMs): Promise<WindowClaim> =>
  windows.claim(name, { token, leaseMs: ms, isForced: true });

/** Part of `describeBrokerConformance`. */
export function describeWindows(create: CreateHarness): void {
  describe('windows', () => {
    it('open with the first input, take more of them, and are handed out once, in order', async () => {
      await using harness = await create();
      const { windows } = harness.broker;
      const first = await windows.add(name, [input('a')], windowMs);
      expect(first).toEqual({ isOpened: true, dueInMs: windowMs, outcomes: ['added'] });
      const second = await windows.add(name, [input('b'), input('ü', '{"ü":"\\n"}')], windowMs);
      expect(second).toMatchObject({ isOpened: false, outcomes: ['added', 'added'] });
      expect(second.dueInMs).toBeLessThanOrEqual(windowMs);
      await harness.passTime(windowMs);
      const claim = await windows.claim(name, { token: 't', leaseMs, isForced: false });
      expect(claim).toMatchObject({
        status: 'claimed',
        inputs: ['text of a', 'text of b', '{"ü":"\\n"}'],
        endings: [],
      });
      expect(await windows.commit(name, 't')).toBe(true);
      expect(await claimNow(windows, 't2')).toEqual({ status: 'idle' });
    });

    it('are not handed out before they are due, unless that is forced', async () => {
      await using harness = await create();
      const { windows } = harness.broker;
      await windows.add(name, [input('a')], 60_000);
      const early = await windows.claim(name, { token: 't', leaseMs, isForced: false });
      expect(early.status).toBe('waiting');
      expect((await claimNow(windows, 't')).status).toBe('claimed');
    });

    it('take an ID once while they wait, and again afterwards', async () => {
      await using harness = await create();
      const { windows } = harness.broker;
      await windows.add(name, [input('a'), input('a', 'other')], windowMs);
      expect((await windows.add(name, [input('a')], windowMs)).outcomes).toEqual(['repeat']);
      expect(await claimNow(windows, 't')).toMatchObject({ inputs: ['text of a'] });
      expect(await windows.add(name, [input('a')], windowMs)).toMatchObject({
        isOpened: true,
        outcomes: ['added'],
      });
    });

    it('go to one caller; who comes meanwhile is told how long to wait', async () => {
      await using harness = await create();
      const { windows } = harness.broker;
      await windows.add(name, [input('a')], windowMs);
      const claims = await Promise.all(['p', 'q', 'r'].map((token) => claimNow(windows, token)));
      expect(claims.map(({ status }) => status).sort()).toEqual(['busy', 'busy', 'claimed']);
    });

    it('are taken over unchanged from who did not commit in time, and who lost them cannot commit', async () => {
      await using harness = await create();
      const { windows } = harness.broker;
      await windows.add(name, [input('a'), input('b')], windowMs);
      await windows.end(name, { key: 'ana', rank: 1, text: 'e1' }, 60_000);
      const first = await claimNow(windows, 'dead', 1);
      await windows.add(name, [input('c')], windowMs);
      await windows.end(name, { key: 'bob', rank: 1, text: 'e2' }, 60_000);
      await harness.passTime(2);
      const second = await claimNow(windows, 'heir');
      expect(second).toEqual({ ...first, ageMs: expect.any(Number) });
      expect(second).toMatchObject({ inputs: ['text of a', 'text of b'], endings: ['e1'] });
      expect(await windows.commit(name, 'dead')).toBe(false);
      expect(await windows.commit(name, 'heir')).toBe(true);
      expect(await claimNow(windows, 'next')).toMatchObject({ inputs: ['text of c'], endings: ['e1', 'e2'] });
    });

    it('are kept by a claim that is renewed, and by nobody else', async () => {
      await using harness = await create();
      const { windows } = harness.broker;
      await windows.add(name, [input('a')], windowMs);
      await claimNow(windows, 'slow', 1);
      expect(await windows.renew(name, 'slow', leaseMs)).toBe(true);
      await harness.passTime(2);
      expect((await claimNow(windows, 'heir')).status).toBe('busy');
      expect(await windows.renew(name, 'heir', leaseMs)).toBe(false);
      await windows.commit(name, 'slow');
      expect(await windows.renew(name, 'slow', leaseMs)).toBe(false);
    });

    it('keep one ending per key, the highest, until it is over', async () => {
      await using harness = await create();
      const { windows } = harness.broker;
      await windows.end(name, { key: 'bob', rank: 1, text: 'nothing to end' }, 60_000);
      await windows.add(name, [input('b')], windowMs);
      await windows.end(name, { key: 'ana', rank: 2, text: 'new' }, 60_000);
      await windows.end(name, { key: 'ana', rank: 1, text: 'old' }, 60_000);
      await windows.end(name, { key: 'bob', rank: 1, text: 'short' }, 1);
      await harness.passTime(2);
      expect(await claimNow(windows, 't')).toMatchObject({ endings: ['new'] });
      await windows.commit(name, 't');
      // It outlasts the window.
      await windows.add(name, [input('a')], windowMs);
      expect(await claimNow(windows, 't2')).toMatchObject({ endings: ['new'] });
    });

    it('forget the older endings beyond their bound', async () => {
      await using harness = await create();
      const { windows } = harness.broker;
      await windows.add(name, [input('a')], windowMs);
      for (let n = 0; n < WINDOW_LIMITS.maxEndings + 10; n++) {
        await windows.end(name, { key: `user-${n}`, rank: 1, text: `e${n}` }, 60_000);
      }
      const claim = await claimNow(windows, 't');
      const endings = claim.status === 'claimed' ? claim.endings : [];
      expect(endings.length).toBeLessThanOrEqual(WINDOW_LIMITS.maxEndings);
      expect(endings).toContain(`e${WINDOW_LIMITS.maxEndings + 9}`);
    });

    it('are full at their bounds, and take no more until they are claimed', async () => {
      await using harness = await create();
      const { windows } = harness.broker;
      for (let at = 0; at < WINDOW_LIMITS.maxInputs; at += 512) {
        const inputs = Array.from({ length: 512 }, (_, n) => input(`id-${at + n}`, 'x'));
        await windows.add(name, inputs, windowMs);
      }
      expect((await windows.add(name, [input('id-0'), input('more')], windowMs)).outcomes).toEqual([
        'repeat',
        'full',
      ]);
      const claim = await claimNow(windows, 't');
      expect(claim.status === 'claimed' && claim.inputs.length).toBe(WINDOW_LIMITS.maxInputs);
      await windows.add(name, [input('big', 'x'.repeat(WINDOW_LIMITS.maxBytes))], windowMs);
      expect((await windows.add(name, [input('b')], windowMs)).outcomes).toEqual(['full']);
    });

    it('are found when nobody flushes them in time, oldest first, and only those of the slot', async () => {
      await using harness = await create();
      const { windows } = harness.broker;
      const rooms = ['one', 'a:b', 'tüp'];
      for (const roomId of rooms) {
        await windows.add({ roomId, slot: 'typing' }, [input('a')], 1);
        await harness.passTime(2);
      }
      await windows.add({ roomId: 'other', slot: 'read_receipt' }, [input('a')], 1);
      await windows.add({ roomId: 'young', slot: 'typing' }, [input('a')], 60_000);
      await harness.passTime(2);
      const found = await windows.overdue('typing', { graceMs: 0, count: 10 });
      expect(found.map(({ roomId }) => roomId)).toEqual(rooms);
      expect(await windows.overdue('typing', { graceMs: 60_000, count: 10 })).toEqual([]);
      const flushing = { roomId: 'one', slot: 'typing' };
      await windows.claim(flushing, { token: 't', leaseMs, isForced: false });
      // A flush that is not finished is overdue too.
      expect(await windows.overdue('typing', { graceMs: 0, count: 1 })).toEqual([flushing]);
      await windows.commit(flushing, 't');
      expect(await windows.overdue('typing', { graceMs: 0, count: 1 })).toEqual([
        { roomId: 'a:b', slot: 'typing' },
      ]);
    });

    it('refuse what is no window', async () => {
      await using harness = await create();
      const { windows } = harness.broker;
      const adding = (roomId: string, slot: string, text = 'x') =>
        codeOf(windows.add({ roomId, slot }, [input('a', text)], windowMs));
      expect(
        await Promise.all([
          adding('', 'typing'),
          adding('a\nb', 'typing'),
          adding('r', 'a:b'),
          adding('r', 'typing', 'two\nlines'),
          codeOf(windows.add(name, [], windowMs)),
        ]),
      ).toEqual(Array(5).fill('invalid_argument'));
    });
  });
}
