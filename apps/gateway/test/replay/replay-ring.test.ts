import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { PreparedCall } from '@millrace/signalr';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DeliveredEvent, ReplayRing } from '../../src/replay/replay-ring.js';

setFlagsFromString('--expose-gc');

const cursors = (chat: string, ticket = '0-0') =>
  new Map([
    ['chat', chat],
    ['ticket', ticket],
  ]);

function createRing(options: { windowMs?: number; maxBytes?: number } = {}): ReplayRing {
  const ring = new ReplayRing({ windowMs: 300_000, maxBytes: 10_000_000, ...options });
  ring.begin('chat', '0-0');
  ring.begin('ticket', '0-0');
  return ring;
}

function event(id: string, over: Partial<DeliveredEvent> & { readonly text?: string } = {}): DeliveredEvent {
  const { text = `{"n":"${id}"}`, ...more } = over;
  return { stream: 'chat', id, roomId: 'room', call: new PreparedCall('chat_message', text), ...more };
}

const textsOf = (ring: ReplayRing, after: ReturnType<typeof cursors>, maxEvents = 1_000) =>
  ring
    .eventsAfter(['room'], after, maxEvents)
    .events.map(({ text }) => (JSON.parse(text) as { n: string }).n);

describe('ReplayRing', () => {
  it('the ring returns the events of a room after the client’s cursors, in the order of delivery', () => {
    const ring = createRing();
    ring.add(event('1-0'));
    ring.add(event('1-0', { stream: 'ticket', text: '{"n":"t1-0"}' }));
    ring.add(event('2-0', { roomId: 'other' }));
    ring.add(event('3-0'));
    ring.add(event('2-0', { stream: 'ticket', text: '{"n":"t2-0"}' }));
    expect(textsOf(ring, cursors('0-0'))).toEqual(['1-0', 't1-0', '3-0', 't2-0']);
    expect(textsOf(ring, cursors('1-0', '1-0'))).toEqual(['3-0', 't2-0']);
    expect(textsOf(ring, cursors('0-0', '2-0'))).toEqual(['1-0', '3-0']);
    expect(textsOf(ring, cursors('3-0', '2-0'))).toEqual([]);
    expect(ring.eventsAfter(['nowhere'], cursors('0-0'), 10).events).toEqual([]);
  });

  it('an event with an ID in the future evicts no other event, and is evicted at its real age', () => {
    const ring = createRing();
    ring.add(event('1000-0'));
    ring.add(event('86400000-0', { atMs: 2_000 }));
    ring.add(event('86400000-1', { atMs: 3_000 }));
    expect(textsOf(ring, cursors('0-0'))).toEqual(['1000-0', '86400000-0', '86400000-1']);
    ring.evict(302_001);
    expect(textsOf(ring, cursors('86400000-0'))).toEqual(['86400000-1']);
    expect(ring.covers(['room'], cursors('0-0'))).toBe(false);
    // The floor is now the entry that was appended at 2,000 ms.
    expect(ring.coveredMs('chat', 302_001)).toBe(300_000);
    expect(ring.coveredMs('chat', 100_000)).toBe(98_000);
  });

  it('entry IDs are compared as numbers', () => {
    const ring = createRing();
    for (const id of ['9-0', '10-9', '10-10']) ring.add(event(id));
    expect(textsOf(ring, cursors('9-0'))).toEqual(['10-9', '10-10']);
    expect(textsOf(ring, cursors('10-9'))).toEqual(['10-10']);
  });

  it('the memory of evicted and replaced events is freed', async () => {
    const collectGarbage = runInNewContext('gc') as () => void;
    const bytesHeld = (): number => {
      collectGarbage();
      return process.memoryUsage().arrayBuffers;
    };
    const before = bytesHeld();
    const ring = createRing({ maxBytes: 20_000_000 });
    // Events of many rooms, of one room and of one key are added. The ring keeps them in different lists.
    for (let n = 1; n <= 6_000; n += 1) {
      const more = [{ roomId: `room ${n}` }, {}, { latestKey: 'ana' }][n % 3];
      ring.add(event(`${n}-0`, { text: 'x'.repeat(10_000), ...more }));
    }
    // V8 frees buffers on another thread, some time after the garbage collection.
    await expect.poll(() => bytesHeld() - before).toBeLessThan(1.25 * 20_000_000);
    expect(ring.bytes).toBeGreaterThan(19_000_000);
  });

  it('the ring does not change text with non-ASCII characters', () => {
    const ring = createRing();
    ring.add(event('1-0', { text: '{"n":"Grüße 👋"}' }));
    expect(textsOf(ring, cursors('0-0'))).toEqual(['Grüße 👋']);
  });

  it('the ring returns one event more than the maximum, so that the caller notices that there are too many', () => {
    const ring = createRing();
    for (let n = 1; n <= 10; n += 1) ring.add(event(`${n}-0`));
    expect(textsOf(ring, cursors('0-0'), 4)).toEqual(['6-0', '7-0', '8-0', '9-0', '10-0']);
    expect(textsOf(ring, cursors('6-0'), 4)).toEqual(['7-0', '8-0', '9-0', '10-0']);
  });

  it('the ring keeps only the newest event of each key in a room', () => {
    const ring = createRing();
    ring.add(event('1-0', { latestKey: 'ana' }));
    ring.add(event('2-0', { latestKey: 'bob' }));
    ring.add(event('3-0', { latestKey: 'ana' }));
    ring.add(event('4-0', { latestKey: 'ana', roomId: 'other' }));
    expect(textsOf(ring, cursors('0-0'))).toEqual(['2-0', '3-0']);
  });

  it('the next slice of the ring contains the events that were added after the previous slice', () => {
    const ring = createRing();
    ring.add(event('1-0'));
    const { sequence } = ring.eventsAfter(['room'], cursors('0-0'), 10);
    expect(ring.eventsSince([{ roomId: 'room', sequence }], 1_000).events).toEqual([]);
    ring.add(event('2-0'));
    ring.add(event('3-0', { roomId: 'other' }));
    ring.add(event('4-0'));
    const later = ring.eventsSince([{ roomId: 'room', sequence }], 1_000);
    expect(later.events.map(({ text }) => text)).toEqual(['{"n":"2-0"}', '{"n":"4-0"}']);
    expect(ring.eventsSince([{ roomId: 'room', sequence: later.sequence }], 1_000).events).toEqual([]);
    expect(ring.eventsSince([{ roomId: 'nowhere', sequence: 0 }], 1_000).events).toEqual([]);
  });

  it('a slice of the ring has at least one event, and ends at the requested number of bytes', () => {
    const ring = createRing();
    ring.add(event('1-0'));
    const { sequence } = ring;
    for (let n = 2; n <= 6; n += 1) ring.add(event(`${n}-0`, { text: `${n}`.repeat(100) }));
    ring.add(event('7-0', { text: '7'.repeat(1_000) }));
    const taken: string[] = [];
    for (let at = sequence; ; ) {
      const slice = ring.eventsSince([{ roomId: 'room', sequence: at }], 400);
      if (slice.events.length === 0) break;
      taken.push(slice.events.map(({ text }) => text.slice(0, 1)).join(''));
      at = slice.sequence;
    }
    expect(taken).toEqual(['234', '567']);
    expect(ring.eventsSince([{ roomId: 'room', sequence }], 0).events).toHaveLength(1);
  });

  it('a slice of several rooms has their events in the order of delivery, beginning in each room after its own sequence number', () => {
    const ring = createRing();
    ring.add(event('1-0', { roomId: 'a' }));
    const { sequence } = ring;
    const rooms = ['b', 'a', 'a', 'c', 'b'];
    for (const [n, roomId] of rooms.entries()) ring.add(event(`${n + 2}-0`, { roomId }));
    const wanted = [
      { roomId: 'a', sequence },
      { roomId: 'b', sequence: sequence + 1 },
      { roomId: 'a', sequence: sequence + 2, mayReceive: () => true },
    ];
    const whole = ring.eventsSince(wanted, 1_000);
    expect(whole.events.map(({ text }) => text)).toEqual(
      ['3-0', '4-0', '4-0', '6-0'].map((id) => `{"n":"${id}"}`),
    );
    expect(whole.origins.map(({ room }) => room)).toEqual([0, 0, 2, 1]);
    // Two requests ask for the same event, and the slice ends between them. So it is complete only up to the event before.
    const cut = ring.eventsSince(wanted, (whole.events[0]?.bytes.length ?? 0) + 1);
    expect([cut.events.length, cut.sequence]).toEqual([2, sequence + 2]);
  });

  it('the ring reports whether it has lost events after a sequence number', () => {
    const ring = createRing();
    ring.add(event('1-0', { latestKey: 'ana' }));
    ring.add(event('2-0', { latestKey: 'ana' }));
    const { sequence } = ring;
    ring.add(event('3-0'));
    expect(ring.holdsSince(['room'], sequence)).toBe(true);
    // The evicted event does not count as lost, because a newer event of the same key replaced it.
    ring.evict(300_001 + 1);
    expect(ring.holdsSince(['room'], 0)).toBe(true);
    ring.evict(300_002 + 1);
    expect(ring.holdsSince(['room'], 0)).toBe(false);
    expect(ring.holdsSince(['room'], sequence)).toBe(true);
    ring.evict(300_003 + 1);
    expect(ring.holdsSince(['room'], sequence)).toBe(false);
    expect(ring.holdsSince(['room'], ring.sequence)).toBe(true);
  });

  it('the ring covers cursors at or after the floor of their stream', () => {
    const ring = createRing();
    ring.begin('chat', '5-0');
    ring.begin('ticket', '7-0');
    expect(ring.covers(['room'], cursors('5-0', '7-0'))).toBe(true);
    expect(ring.covers(['room'], cursors('9-0', '9-0'))).toBe(true);
    expect(ring.covers(['room'], cursors('4-9', '7-0'))).toBe(false);
    expect(ring.covers(['room'], cursors('5-0', '6-0'))).toBe(false);
    expect(ring.covers(['room'], new Map([['chat', '9-0']]))).toBe(true);
    expect(ring.covers(['room'], new Map([['chat.p1', '9-0']]))).toBe(false);
  });

  it('events that are too old are evicted, and the floor of their stream rises', () => {
    const ring = createRing({ windowMs: 1_000 });
    ring.add(event('1000-0'));
    ring.add(event('1500-0'));
    ring.evict(2_100);
    expect(ring.floor('chat')).toBe('1000-0');
    expect(ring.floor('ticket')).toBe('0-0');
    expect(textsOf(ring, cursors('1000-0'))).toEqual(['1500-0']);
    expect(ring.covers(['room'], cursors('999-0'))).toBe(false);
    expect(ring.covers(['room'], cursors('1000-0'))).toBe(true);
  });

  it('the ring stays within its maximum size by keeping events for a shorter time', () => {
    const ring = createRing({ maxBytes: 20_000 });
    for (let n = 1; n <= 500; n += 1)
      ring.add(event(`${n}-0`, { text: JSON.stringify({ n: 'x'.repeat(500) }) }));
    expect(ring.bytes).toBeLessThanOrEqual(20_000);
    expect(ring.size).toBe(24);
    expect(ring.floor('chat', ['room'])).toBe('476-0');
  });

  it('replaced events count in the size of the ring until they are evicted', () => {
    const ring = createRing({ windowMs: 1_000 });
    for (let n = 1; n <= 5_000; n += 1) ring.add(event(`${n}-0`, { latestKey: 'ana' }));
    expect(ring.size).toBeLessThanOrEqual(1_001);
    expect(textsOf(ring, cursors('0-0'))).toEqual(['5000-0']);
    expect(ring.covers(['room'], cursors('0-0'))).toBe(true);
  });

  it('a stream that begins again changes only the generation of rooms that use this stream', () => {
    const ring = createRing();
    const [both, ticket] = [ring.generationOf(['chat', 'ticket']), ring.generationOf(['ticket'])];
    ring.begin('chat', '5-0');
    expect(ring.generationOf(['chat', 'ticket'])).not.toBe(both);
    expect(ring.generationOf(['ticket'])).toBe(ticket);
  });

  it('the ring forgets the events of a stream that begins again, and keeps those of other streams', () => {
    const ring = createRing({ windowMs: 1_000 });
    ring.add(event('9000-0'));
    ring.add(event('1-0', { stream: 'ticket', text: '{"n":"t"}' }));
    ring.begin('chat', '0-0');
    ring.add(event('1-0'));
    expect(textsOf(ring, cursors('0-0'))).toEqual(['t', '1-0']);
    ring.evict(11_000);
    expect(ring.floor('chat')).toBe('1-0');
    expect(ring.size).toBe(0);
    expect(ring.bytes).toBe(0);
  });

  it('the ring returns the same events as a simple list, for random histories', () => {
    const step = fc.record({
      room: fc.constantFrom('room', 'b'),
      stream: fc.constantFrom('chat', 'ticket'),
      gapMs: fc.nat(300),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), fc.nat(8_000), fc.nat(8_000), (steps, chat, ticket) => {
        const ring = createRing({ windowMs: 5_000 });
        const all: { stream: string; id: string; room: string }[] = [];
        let nowMs = 0;
        for (const { room, stream, gapMs } of steps) {
          nowMs += gapMs + 1;
          const id = `${nowMs}-0`;
          all.push({ stream, id, room });
          ring.add(event(id, { stream, roomId: room, text: JSON.stringify({ n: stream + id }) }));
        }
        const after = cursors(`${chat}-0`, `${ticket}-0`);
        if (!ring.covers(['room'], after)) return;
        const expected = all
          .filter(
            ({ stream, id, room }) =>
              room === 'room' && Number.parseInt(id, 10) > (stream === 'chat' ? chat : ticket),
          )
          .map(({ stream, id }) => stream + id);
        expect(textsOf(ring, after)).toEqual(expected);
      }),
    );
  });
});
