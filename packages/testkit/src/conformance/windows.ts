// Conformance: coalescing windows that several processes share.
import {
  type Broker,
  compareEntryIds,
  entryIdMs,
  WINDOW_LIMITS,
  type WindowClaim,
  type WindowStore,
} from '@millrace/broker';
import { describe, expect, it } from 'vitest';
import { append, CHAT, type CreateHarness, codeOf } from './harness.js';

const name = { roomId: 'abc123', slot: 'typing' };
const windowMs = 100;
// Long enough that no claim expires during a test on a slow machine.
const leaseMs = 60_000;

/** Returns the options of a window that lasts `ms` and whose events go to the chat stream. */
const lasting = (ms: number) => ({ windowMs: ms, stream: CHAT });
const input = (id: string, text = `text of ${id}`) => ({ id, text });
const texts = (...all: string[]) => all.map((text) => ({ text, asOf: expect.any(String) }));
const claimNow = (windows: WindowStore, token: string, ms = leaseMs): Promise<WindowClaim> =>
  windows.claim(name, { token, leaseMs: ms, isForced: true });

/** Appends an entry that ends the waiting inputs of a key, as a message ends its sender's typing. Returns the entry's ID. */
async function appendEnding(broker: Broker, key: string): Promise<string> {
  const ends = { window: name, key, timestamp: '2026-01-16T10:00:00.000Z' };
  return (await append(broker, { stream: CHAT, fields: { by: key }, ends })).id;
}

/** Declares one part of `describeBrokerConformance`. */
export function describeWindows(create: CreateHarness): void {
  describe('windows', () => {
    it('a window opens with its first input, accepts more inputs, and is claimed once, in order', async () => {
      await using harness = await create();
      const { windows } = harness.broker;
      const first = await windows.add(name, [input('a')], lasting(windowMs));
      expect(first).toEqual({ isOpened: true, dueInMs: windowMs, outcomes: ['added'] });
      const second = await windows.add(name, [input('b'), input('ü', '{"ü":"\\n"}')], lasting(windowMs));
      expect(second).toMatchObject({ isOpened: false, outcomes: ['added', 'added'] });
      expect(second.dueInMs).toBeLessThanOrEqual(windowMs);
      await harness.passTime(windowMs);
      const claim = await windows.claim(name, { token: 't', leaseMs, isForced: false });
      expect(claim).toMatchObject({
        status: 'claimed',
        inputs: texts('text of a', 'text of b', '{"ü":"\\n"}'),
        endings: [],
      });
      expect(await windows.commit(name, 't')).toBe(true);
      expect(await claimNow(windows, 't2')).toEqual({ status: 'idle' });
    });

    it('a window cannot be claimed before it is due, unless the claim is forced', async () => {
      await using harness = await create();
      const { windows } = harness.broker;
      await windows.add(name, [input('a')], lasting(60_000));
      const early = await windows.claim(name, { token: 't', leaseMs, isForced: false });
      expect(early.status).toBe('waiting');
      expect((await claimNow(windows, 't')).status).toBe('claimed');
    });

    it('a window ignores a repeated input ID until the window is claimed', async () => {
      await using harness = await create();
      const { windows } = harness.broker;
      await windows.add(name, [input('a'), input('a', 'other')], lasting(windowMs));
      expect((await windows.add(name, [input('a')], lasting(windowMs))).outcomes).toEqual(['repeat']);
      expect(await claimNow(windows, 't')).toMatchObject({ inputs: texts('text of a') });
      expect(await windows.add(name, [input('a')], lasting(windowMs))).toMatchObject({
        isOpened: true,
        outcomes: ['added'],
      });
    });

    it('a window is claimed by one caller, and the other callers get the status `busy`', async () => {
      await using harness = await create();
      const { windows } = harness.broker;
      await windows.add(name, [input('a')], lasting(windowMs));
      const claims = await Promise.all(['p', 'q', 'r'].map((token) => claimNow(windows, token)));
      expect(claims.map(({ status }) => status).sort()).toEqual(['busy', 'busy', 'claimed']);
    });

    it('an expired claim passes unchanged to another caller, and its first caller cannot commit it', async () => {
      await using harness = await create();
      const { windows } = harness.broker;
      await windows.add(name, [input('a'), input('b')], lasting(windowMs));
      const id = await appendEnding(harness.broker, 'ana');
      const first = await claimNow(windows, 'dead', 1);
      await windows.add(name, [input('c')], lasting(windowMs));
      await appendEnding(harness.broker, 'bob');
      await harness.passTime(2);
      const second = await claimNow(windows, 'heir');
      expect(second).toEqual({ ...first, ageMs: expect.any(Number) });
      expect(second).toMatchObject({
        inputs: texts('text of a', 'text of b'),
        endings: [{ key: 'ana', id }],
      });
      expect(await windows.commit(name, 'dead')).toBe(false);
      expect(await windows.commit(name, 'heir')).toBe(true);
      expect(await claimNow(windows, 'next')).toMatchObject({
        inputs: texts('text of c'),
        endings: [{ key: 'bob' }],
      });
    });

    it('a caller that renews its claim keeps the window, and no other caller can renew the claim', async () => {
      await using harness = await create();
      const { windows } = harness.broker;
      await windows.add(name, [input('a')], lasting(windowMs));
      await claimNow(windows, 'slow', 1);
      expect(await windows.renew(name, 'slow', leaseMs)).toBe(true);
      await harness.passTime(2);
      expect((await claimNow(windows, 'heir')).status).toBe('busy');
      expect(await windows.renew(name, 'heir', leaseMs)).toBe(false);
      await windows.commit(name, 'slow');
      expect(await windows.renew(name, 'slow', leaseMs)).toBe(false);
    });

    it('a window records for each input which stream entries came before it', async () => {
      await using harness = await create();
      const { windows } = harness.broker;
      const ids = [];
      for (const id of ['a', 'b', 'c']) {
        ids.push(await appendEnding(harness.broker, 'bob'));
        await windows.add(name, [input(id)], lasting(windowMs));
      }
      ids.push(await appendEnding(harness.broker, 'ana'));
      const claim = await claimNow(windows, 't');
      const asOf = claim.status === 'claimed' ? claim.inputs.map((waited) => waited.asOf ?? '') : [];
      expect(asOf).toHaveLength(3);
      // In a Redis Cluster, a window and its stream may be on different servers. The window's times then come from another
      // clock.
      const isExact = harness.broker.readGroups.length === 1;
      const compare = (a: string, b: string): number =>
        isExact ? compareEntryIds(a, b) : entryIdMs(a) - entryIdMs(b);
      for (const [at, moment] of asOf.entries()) {
        expect(compare(ids[at] ?? '', moment)).toBeLessThan(isExact ? 0 : 1);
        expect(compare(moment, ids[at + 1] ?? '')).toBeLessThanOrEqual(0);
      }
    });

    it('a window records the newest ending of each key, but only while it contains inputs', async () => {
      await using harness = await create();
      const { windows } = harness.broker;
      await appendEnding(harness.broker, 'bob');
      await windows.add(name, [input('a')], lasting(windowMs));
      await appendEnding(harness.broker, 'ana');
      const newest = await appendEnding(harness.broker, 'ana');
      const claim = await claimNow(windows, 't');
      expect(claim).toMatchObject({ endings: [{ key: 'ana', id: newest }] });
      const { inputs, endings } = claim.status === 'claimed' ? claim : { inputs: [], endings: [] };
      expect(compareEntryIds(inputs[0]?.asOf ?? '', endings[0]?.at ?? '')).toBeLessThanOrEqual(0);
      await windows.commit(name, 't');
      await windows.add(name, [input('a')], lasting(windowMs));
      expect(await claimNow(windows, 't2')).toMatchObject({ endings: [] });
    });

    it('a repeated entry does not end inputs that were added after its first append', async () => {
      await using harness = await create();
      const { windows } = harness.broker;
      const ends = { window: name, key: 'ana', timestamp: '2026-01-16T10:00:00.000Z' };
      const entry = { stream: CHAT, fields: { n: '1' }, dedupeId: 'once', ends };
      await append(harness.broker, entry);
      await windows.add(name, [input('a')], lasting(windowMs));
      expect(await append(harness.broker, entry)).toMatchObject({ isDuplicate: true });
      expect(await claimNow(windows, 't')).toMatchObject({ endings: [] });
    });

    it('a window records endings for a limited number of keys', async () => {
      await using harness = await create();
      const { windows } = harness.broker;
      await windows.add(name, [input('a')], lasting(windowMs));
      const keys = Array.from({ length: WINDOW_LIMITS.maxEndings + 10 }, (_, n) => `user-${n}`);
      await Promise.all(keys.map((key) => appendEnding(harness.broker, key)));
      const claim = await claimNow(windows, 't');
      const endings = claim.status === 'claimed' ? claim.endings.map(({ key }) => key) : [];
      expect(endings.sort()).toEqual(keys.slice(0, WINDOW_LIMITS.maxEndings).sort());
    });

    it('a window with its maximum number of inputs or bytes is full until it is claimed', async () => {
      await using harness = await create();
      const { windows } = harness.broker;
      for (let at = 0; at < WINDOW_LIMITS.maxInputs; at += 512) {
        const inputs = Array.from({ length: 512 }, (_, n) => input(`id-${at + n}`, 'x'));
        await windows.add(name, inputs, lasting(windowMs));
      }
      expect((await windows.add(name, [input('id-0'), input('more')], lasting(windowMs))).outcomes).toEqual([
        'repeat',
        'full',
      ]);
      const claim = await claimNow(windows, 't');
      expect(claim.status === 'claimed' && claim.inputs.length).toBe(WINDOW_LIMITS.maxInputs);
      await windows.add(name, [input('big', 'x'.repeat(WINDOW_LIMITS.maxBytes))], lasting(windowMs));
      expect((await windows.add(name, [input('b')], lasting(windowMs))).outcomes).toEqual(['full']);
    });

    it('`overdue()` finds the windows of a slot that were not flushed in time, the oldest first', async () => {
      await using harness = await create();
      const { windows } = harness.broker;
      const rooms = ['one', 'a:b', 'tüp'];
      for (const roomId of rooms) {
        await windows.add({ roomId, slot: 'typing' }, [input('a')], lasting(1));
        await harness.passTime(2);
      }
      await windows.add({ roomId: 'other', slot: 'read_receipt' }, [input('a')], lasting(1));
      await windows.add({ roomId: 'young', slot: 'typing' }, [input('a')], lasting(60_000));
      await harness.passTime(2);
      const found = await windows.overdue('typing', { graceMs: 0, count: 10 });
      expect(found.map(({ roomId }) => roomId)).toEqual(rooms);
      expect(await windows.overdue('typing', { graceMs: 60_000, count: 10 })).toEqual([]);
      const flushing = { roomId: 'one', slot: 'typing' };
      await windows.claim(flushing, { token: 't', leaseMs, isForced: false });
      // A window whose flush is not finished is also overdue.
      expect(await windows.overdue('typing', { graceMs: 0, count: 1 })).toEqual([flushing]);
      await windows.commit(flushing, 't');
      expect(await windows.overdue('typing', { graceMs: 0, count: 1 })).toEqual([
        { roomId: 'a:b', slot: 'typing' },
      ]);
    });

    it('invalid names and inputs of windows are refused', async () => {
      await using harness = await create();
      const { windows } = harness.broker;
      const adding = (roomId: string, slot: string, text = 'x') =>
        codeOf(windows.add({ roomId, slot }, [input('a', text)], lasting(windowMs)));
      expect(
        await Promise.all([
          adding('', 'typing'),
          adding('a\nb', 'typing'),
          adding('r', 'a:b'),
          adding('r', 'typing', 'two\nlines'),
          codeOf(windows.add(name, [], lasting(windowMs))),
        ]),
      ).toEqual(Array(5).fill('invalid_argument'));
    });
  });
}
