// The tenants share the memory of the replay ring.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { PreparedCall } from '@millrace/signalr';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LargestFirst } from '../../src/replay/largest-first.js';
import { ReplayRing } from '../../src/replay/replay-ring.js';
import type { ReplayLimits } from '../../src/replay/replay-shares.js';
import { NO_TENANT, UNKNOWN_TENANT } from '../../src/tenants/tenant.js';

setFlagsFromString('--expose-gc');

const tenantOf = (roomId: string): string =>
  roomId.includes(':') ? (roomId.split(':')[0] ?? '') : NO_TENANT;

function createRing(
  limits: Partial<ReplayLimits> & { readonly tenantOf?: (roomId: string) => string } = {},
): ReplayRing {
  const ring = new ReplayRing({ windowMs: 300_000, maxBytes: 100_000, tenantOf, ...limits });
  ring.begin('chat', '0-0');
  return ring;
}

/** Adds an event that takes about 1,000 bytes in the ring. */
function add(ring: ReplayRing, ms: number, roomId: string, stream = 'chat'): void {
  const text = JSON.stringify({ n: ms, filler: 'x'.repeat(720) });
  ring.add({ stream, id: `${ms}-0`, roomId, call: new PreparedCall('chat_message', text) });
}

const after = (ms: number) => new Map([['chat', `${ms}-0`]]);
const held = (ring: ReplayRing, roomId: string, from = 0): readonly number[] =>
  ring
    .eventsAfter([roomId], after(from), 10_000)
    .events.map(({ text }) => (JSON.parse(text) as { n: number }).n);

describe('the replay memory of tenants', () => {
  it('a tenant that publishes more than the memory holds loses its own events, and other tenants lose none', () => {
    const ring = createRing();
    for (let ms = 1; ms <= 2_000; ms += 1) add(ring, ms, ms % 100 === 0 ? 'quiet:1' : `import:${ms % 7}`);
    expect(held(ring, 'quiet:1')).toHaveLength(20);
    expect(ring.covers(['quiet:1'], after(0))).toBe(true);
    expect(ring.holdsSince(['quiet:1'], 0)).toBe(true);
    expect(ring.covers(['import:1'], after(0))).toBe(false);
    expect(ring.holdsSince(['import:1'], 0)).toBe(false);
    expect(ring.bytes).toBeLessThanOrEqual(100_000);
    expect(ring.bytes).toBeGreaterThan(97_000);
    expect(ring.tenantsOverShare(2_000)).toBe(1);
  });

  it('rooms of two tenants are replayed together only as far as memory has the events of both', () => {
    const ring = createRing();
    for (let ms = 1; ms <= 2_000; ms += 1) add(ring, ms, ms % 100 === 0 ? 'quiet:1' : 'import:1');
    const both = ['quiet:1', 'import:1'];
    expect([ring.covers(both, after(0)), ring.holdsSince(both, 0)]).toEqual([false, false]);
    expect(ring.floor('chat', both)).toBe(ring.floor('chat', ['import:1']));
    const last = Array.from({ length: 51 }, (_, n) => 1_950 + n);
    expect(ring.pageAfter(both, after(1_949), { maxEvents: 51, maxBytes: 1e6 }).events).toHaveLength(51);
    const events = ring.eventsAfter(both, after(1_949), 1_000).events;
    expect(events.map(({ text }) => (JSON.parse(text) as { n: number }).n)).toEqual(last);
  });

  it('all rooms without a tenant have one share of the memory together', () => {
    const ring = createRing();
    add(ring, 1, 'quiet:1');
    for (let ms = 2; ms <= 500; ms += 1) add(ring, ms, `plain ${ms}`);
    expect(ring.covers(['quiet:1'], after(0))).toBe(true);
    expect(ring.covers(['plain 1'], after(0))).toBe(false);
    expect(ring.covers(['never seen'], after(0))).toBe(false);
    expect(ring.tenantsOverShare(500)).toBe(0);
  });

  it('a tenant never has more than maxBytesPerTenant, even if memory is free', () => {
    const ring = createRing({ maxBytesPerTenant: 10_000 });
    for (let ms = 1; ms <= 50; ms += 1) add(ring, ms, 'import:1');
    expect(held(ring, 'import:1').at(0)).toBeGreaterThan(39);
    expect(ring.bytes).toBeLessThanOrEqual(11_000);
    for (let ms = 51; ms <= 70; ms += 1) add(ring, ms, 'plain');
    expect(held(ring, 'plain')).toHaveLength(20);
  });

  it('a room keeps its tenant while the ring has its events, whatever the function answers later', () => {
    let tenant = 'import';
    const ring = createRing({ tenantOf: (roomId) => (roomId === 'moving' ? tenant : tenantOf(roomId)) });
    add(ring, 1, 'moving');
    tenant = 'quiet';
    for (let ms = 2; ms <= 500; ms += 1) add(ring, ms, 'moving');
    expect(ring.covers(['moving'], after(0))).toBe(false);
    expect(ring.covers(['quiet:1'], after(0))).toBe(true);
  });

  it('events that are lost while their room’s tenant is unknown count for every room', () => {
    let isFailing = true;
    const ring = createRing({ tenantOf: (roomId) => (isFailing ? UNKNOWN_TENANT : tenantOf(roomId)) });
    for (let ms = 1; ms <= 300; ms += 1) add(ring, ms, 'import:1');
    isFailing = false;
    for (let ms = 301; ms <= 310; ms += 1) add(ring, ms, 'import:1');
    const all = held(ring, 'import:1');
    expect(all.at(-1)).toBe(310);
    // The ring must not claim to cover an event that it has lost.
    const [first = 0] = all;
    expect(ring.covers(['import:1'], after(first - 2))).toBe(false);
    expect(ring.covers(['import:1'], after(first - 1))).toBe(true);
    expect(ring.covers(['other:1'], after(first - 2))).toBe(false);
  });

  it('tenants without recent events are forgotten, and their losses count for all tenants', () => {
    const ring = createRing({ windowMs: 1_000 });
    for (let ms = 1; ms <= 300; ms += 1) add(ring, ms, 'import:1');
    add(ring, 301, 'quiet:1');
    expect(ring.covers(['quiet:1'], after(0))).toBe(true);
    add(ring, 1_301, 'quiet:1');
    expect(held(ring, 'import:1')).toEqual([]);
    expect(ring.bytes).toBeLessThan(5_000);
    expect(ring.floor('chat')).toBe('300-0');
    expect(ring.covers(['import:1'], after(299))).toBe(false);
    expect(held(ring, 'quiet:1', 300)).toEqual([301, 1_301]);
  });

  it('a stream that begins again forgets the events and the losses of every tenant', () => {
    const ring = createRing();
    ring.begin('ticket', '0-0');
    for (let ms = 1; ms <= 300; ms += 1) add(ring, ms, 'import:1');
    add(ring, 301, 'import:1', 'ticket');
    ring.begin('chat', '5-0');
    expect(held(ring, 'import:1')).toEqual([301]);
    expect(ring.covers(['import:1'], after(5))).toBe(true);
    expect(ring.covers(['import:1'], after(4))).toBe(false);
  });

  it('too many tenants shorten the replay period of all tenants, but leave no gap', () => {
    const ring = createRing({ maxBytes: 50_000_000 });
    for (let ms = 1; ms <= 10_050; ms += 1) add(ring, ms, `${ms}:1`);
    expect(ring.size).toBe(10_000);
    expect(ring.floor('chat')).toBe('50-0');
    expect(ring.covers(['51:1'], after(50))).toBe(true);
    expect(ring.covers(['51:1'], after(49))).toBe(false);
    expect(held(ring, '51:1')).toEqual([51]);
  });

  it('the memory of an evicted event is freed although events of other tenants arrived beside it', async () => {
    const collectGarbage = runInNewContext('gc') as () => void;
    const bytesHeld = (): number => {
      collectGarbage();
      return process.memoryUsage().arrayBuffers;
    };
    const before = bytesHeld();
    const ring = createRing({ maxBytes: 10_000_000 });
    for (let ms = 1; ms <= 60_000; ms += 1) add(ring, ms, ms % 20 === 0 ? `quiet ${ms % 3}:1` : 'import:1');
    await expect.poll(() => bytesHeld() - before).toBeLessThan(1.3 * 10_000_000);
    expect(held(ring, 'quiet 0:1')).toHaveLength(1_000);
  });

  it('a tenant within its share keeps the same events as in a ring of its own (random histories)', () => {
    const step = fc.record({ tenant: fc.integer({ min: 0, max: 3 }), room: fc.nat(2), count: fc.nat(40) });
    fc.assert(
      fc.property(fc.array(step, { minLength: 10, maxLength: 60 }), fc.nat(3_000), (steps, gone) => {
        const limits = { windowMs: 2_000, maxBytes: 100_000 };
        const shared = createRing(limits);
        const alone = new Map(
          [0, 1, 2, 3].map((tenant) => [tenant, createRing({ ...limits, maxBytes: 1e9 })]),
        );
        const bytes = new Map<number, number>();
        let ms = 0;
        for (const { tenant, room, count } of steps)
          for (let n = 0; n < count; n += 1) {
            ms += 1 + (n % 3);
            add(shared, ms, `${tenant}:${room}`);
            const own = alone.get(tenant);
            if (own === undefined) continue;
            add(own, ms, `${tenant}:${room}`);
            bytes.set(tenant, Math.max(bytes.get(tenant) ?? 0, own.bytes));
          }
        shared.evict(ms);
        // A quarter of the memory that remains after the overhead of the four tenants.
        const share = (100_000 - 4 * 1_000) / 4;
        for (const [tenant, own] of alone) {
          own.evict(ms);
          for (const room of [0, 1, 2]) {
            const roomId = `${tenant}:${room}`;
            const cursor = Math.max(gone, ms - 2_000);
            if ((bytes.get(tenant) ?? 0) <= share) {
              expect(held(shared, roomId)).toEqual(held(own, roomId));
              expect(shared.covers([roomId], after(cursor))).toBe(own.covers([roomId], after(cursor)));
            }
            // The ring never claims to cover an event that it has lost.
            if (!shared.covers([roomId], after(gone))) continue;
            expect(held(shared, roomId, gone)).toEqual(held(own, roomId, gone));
          }
        }
        expect(shared.bytes).toBeLessThanOrEqual(100_000);
      }),
    );
  });
});

describe('LargestFirst', () => {
  it('the heap finds the largest item after any number of changes', () => {
    const change = fc.record({ index: fc.nat(9), bytes: fc.nat(100), isDeleted: fc.boolean() });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
        const heap = new LargestFirst<{ bytes: number; heapIndex: number }>();
        const items = new Map<number, { bytes: number; heapIndex: number }>();
        for (const { index, bytes, isDeleted } of changes) {
          const known = items.get(index);
          if (known === undefined) {
            const item = { bytes, heapIndex: 0 };
            items.set(index, item);
            heap.add(item);
          } else if (isDeleted) {
            items.delete(index);
            heap.delete(known);
          } else {
            known.bytes = bytes;
            heap.resized(known);
          }
          const expected =
            items.size === 0 ? undefined : Math.max(...[...items.values()].map((item) => item.bytes));
          expect(heap.largest?.bytes).toBe(expected);
        }
      }),
    );
  });
});
