import { randomUUID } from 'node:crypto';
import { type Entry, LAST_ENTRY_ID } from '@millrace/broker';
import { defineCatalog, eventCatalog } from '@millrace/contract';
import { fakeClock } from '@millrace/testkit';
import { describe, expect, it } from 'vitest';
import { Router, type RouterOptions } from '../../src/dispatch/dispatcher.js';
import { RoomIndicators } from '../../src/indicators/room-indicators.js';

const nowMs = Date.parse('2026-01-16T10:00:00Z');

function setUp(options: Partial<RouterOptions> = {}, brokerTimeMs = nowMs) {
  const clock = fakeClock();
  const sent: unknown[] = [];
  const remembered: [string, string][] = [];
  const dropped: string[] = [];
  const rejected: string[] = [];
  const skewed: (string | null | undefined)[] = [];
  const naive: string[] = [];
  const delivered: { recipients: number; delayMs: number }[] = [];
  const router = new Router(
    {
      catalog: eventCatalog,
      freshness: 'entry',
      dedupeWindowMs: 300_000,
      maxDedupeIds: 1_000,
      clockSkewLimitMs: 30_000,
      ...options,
    },
    {
      rooms: {
        brokerTimeMs: () => brokerTimeMs,
        indicators: new RoomIndicators(eventCatalog),
        positions: {
          ofRoom: (roomId) => `position/${roomId.length}`,
          at: (_roomId, placeOf) => placeOf('events:notification').cursor,
          belongs: (_roomId, stream) => stream !== 'events:chat.p1',
        },
        replay: { remember: (_stream, id, _received, { text }) => remembered.push([id, text]) },
      },
      sender: {
        hasMembers: () => true,
        send: (_received, call) => sent.push(JSON.parse(call?.text ?? '')),
      },
      rejections: { take: (_stream, _entry, { reason }) => rejected.push(reason) },
      clock,
      observer: {
        delivered: (_received, recipients, delayMs) => delivered.push({ recipients, delayMs }),
        dropped: (_received, reason) => dropped.push(reason),
        clockSkewed: ({ event }) => skewed.push(event.metadata?.source_instance),
        naive: ({ event }) => naive.push(event.timestamp),
      },
    },
  );
  return { router, sent, remembered, dropped, rejected, skewed, naive, delivered };
}

function notification(fields: Record<string, string> = {}): Record<string, string> {
  return {
    ...eventCatalog.encodeEntry({
      event_id: randomUUID(),
      event_type: 'notification',
      timestamp: new Date(nowMs).toISOString(),
      room_id: 'room "1"',
      payload: { type: 'info', title: 'Hi' },
    }),
    ...fields,
  };
}

const earlier = { epoch: 'epoch', cursor: 'earlier' };

const entryAt = (timeMs: number, fields: Record<string, string>): Entry => ({ id: `${timeMs}-0`, fields });

describe('Router', () => {
  it('relays the payload text as it was written, with the position of this entry', () => {
    const { router, sent, delivered } = setUp();
    const payload = '{ "title" : "Grüße\\u0021",\n"type":"info","n":1.0e2,"extra":[null] }';
    const fields = notification({ payload, metadata: '{"trace_id":"t"}' });
    router.route('events:notification', entryAt(nowMs - 7, fields));
    expect(sent).toEqual([
      {
        event_id: fields.event_id,
        event_type: 'notification',
        timestamp: fields.timestamp,
        room_id: 'room "1"',
        payload: { title: 'Grüße!', type: 'info', n: 100, extra: [null] },
        metadata: { trace_id: 't' },
        position: 'position/8',
      },
    ]);
    expect(delivered).toEqual([{ recipients: 1, delayMs: 7 }]);
  });

  it('takes a timestamp without an offset as UTC, counts it, and judges its age by the entry', () => {
    const { router, sent, dropped, skewed, naive } = setUp({ freshness: 'timestamp' });
    // Written by a program two hours west of Greenwich.
    const fields = notification({ timestamp: '2026-01-16T08:00:00.5' });
    router.route('events:notification', entryAt(nowMs - 7, fields));
    const offset = notification({ timestamp: '2026-01-16 08:00:00+00' });
    router.route('events:notification', entryAt(nowMs - 6, offset));
    expect(sent).toMatchObject([{ timestamp: '2026-01-16T08:00:00.5Z' }]);
    expect(naive).toEqual(['2026-01-16T08:00:00.5Z']);
    expect([dropped, skewed]).toEqual([['stale'], []]);
  });

  it('writes an ID of any text as JSON', () => {
    const { router, sent } = setUp({ catalog: defineCatalog({ ...eventCatalog, eventIdRule: 'text' }) });
    const event_id = '"},{';
    router.route('events:notification', entryAt(nowMs, notification({ event_id })));
    expect(sent).toMatchObject([{ event_id, event_type: 'notification' }]);
  });

  it('recalls what was delivered before: a repeat is not sent, and it is remembered with its position', () => {
    const { router, sent, remembered, dropped } = setUp();
    const fields = notification();
    router.recall('events:notification', entryAt(nowMs - 5_000, fields), () => earlier);
    router.recall(
      'events:notification',
      entryAt(nowMs - 4_000, { ...fields, payload: 'broken' }),
      () => earlier,
    );
    router.route('events:notification', entryAt(nowMs, fields));
    expect(sent).toEqual([]);
    expect(dropped).toEqual(['duplicate']);
    expect(remembered.map(([id, text]) => [id, (JSON.parse(text) as { position: string }).position])).toEqual(
      [[`${nowMs - 5_000}-0`, 'earlier']],
    );
  });

  it('counts an entry whose ID lies a day ahead as made now: no ID is forgotten for it, and no producer’s clock is blamed', () => {
    const { router, sent, dropped, skewed, delivered } = setUp();
    const fields = notification();
    router.route('events:notification', entryAt(nowMs - 1_000, fields));
    router.route('events:notification', entryAt(nowMs + 86_400_000, notification()));
    router.route('events:notification', { id: LAST_ENTRY_ID, fields: notification() });
    router.route('events:notification', entryAt(nowMs + 86_400_001, fields));
    expect(sent).toHaveLength(3);
    expect(dropped).toEqual(['duplicate']);
    expect(skewed).toEqual([]);
    expect(delivered.map(({ delayMs }) => delayMs)).toEqual([1_000, 0, 0]);
  });

  it('rejects an event in a partition that is not its room’s, and does not recall it', () => {
    const { router, sent, remembered, rejected } = setUp();
    const fields = notification();
    router.recall('events:chat.p1', entryAt(nowMs, fields), () => earlier);
    router.route('events:chat.p1', entryAt(nowMs, fields));
    expect(rejected).toEqual(['the room belongs to another partition']);
    expect([sent, remembered]).toEqual([[], []]);
    router.route('events:chat', entryAt(nowMs, fields));
    expect(sent).toHaveLength(1);
  });

  it('rejects an entry that is not UTF-8 although its text would pass, does not recall it, and takes a good one with its ID', () => {
    const { router, sent, remembered, rejected } = setUp();
    const fields = notification({ payload: '{"type":"info","title":"\uFFFD"}' });
    const broken = { ...entryAt(nowMs, fields), isUtf8: false as const };
    router.recall('events:notification', broken, () => earlier);
    router.route('events:notification', broken);
    expect(rejected).toEqual(['a field holds bytes that are not UTF-8 text']);
    expect([sent, remembered]).toEqual([[], []]);
    router.route('events:notification', entryAt(nowMs, fields));
    expect(sent).toHaveLength(1);
  });

  it('accepts a known type in any stream', () => {
    const { router, sent } = setUp();
    router.route('events:chat', entryAt(nowMs, notification()));
    expect(sent).toHaveLength(1);
  });

  it('delivers a repeated event_id once, whatever its case', () => {
    const { router, sent, dropped } = setUp();
    const fields = notification();
    router.route('events:notification', entryAt(nowMs, fields));
    router.route(
      'events:notification',
      entryAt(nowMs + 1, { ...fields, event_id: fields.event_id?.toUpperCase() ?? '' }),
    );
    expect(sent).toHaveLength(1);
    expect(dropped).toEqual(['duplicate']);
  });

  it('knows a repeat also when more typing came in between than it remembers IDs', () => {
    const { router, sent, dropped } = setUp({ maxDedupeIds: 10 });
    const fields = notification();
    const typing = (number: number) =>
      eventCatalog.encodeEntry({
        event_id: randomUUID(),
        event_type: 'typing_start',
        timestamp: new Date(nowMs).toISOString(),
        room_id: `room ${number}`,
        payload: { user_id: randomUUID(), username: 'maria', is_typing: true },
      });
    router.route('events:notification', entryAt(nowMs, fields));
    for (let number = 0; number < 20; number += 1)
      router.route('events:chat', entryAt(nowMs, typing(number)));
    const last = typing(20);
    router.route('events:chat', entryAt(nowMs, last));
    router.route('events:chat', entryAt(nowMs, last));
    router.route('events:notification', entryAt(nowMs, fields));
    expect(sent).toHaveLength(22);
    expect(dropped).toEqual(['duplicate', 'duplicate']);
  });

  it.each([
    [299_000, 1, []],
    [300_000, 1, []],
    [300_001, 0, ['stale']],
  ])('takes a medium event of age %d ms as it should', (ageMs, deliveries, reasons) => {
    const { router, sent, dropped } = setUp();
    router.route('events:notification', entryAt(nowMs - ageMs, notification()));
    expect(sent).toHaveLength(deliveries);
    expect(dropped).toEqual(reasons);
  });

  it('delivers a high event however old it is', () => {
    const { router, sent } = setUp();
    const fields = notification({
      event_type: 'status_change',
      payload: JSON.stringify({
        request_id: randomUUID(),
        old_status: 'a',
        new_status: 'b',
        changed_by: 'c',
        changed_at: '2026-01-16T10:00:00Z',
      }),
    });
    router.route('events:ticket', entryAt(nowMs - 86_400_000, fields));
    expect(sent).toHaveLength(1);
  });

  it('measures age by the timestamp when told so', () => {
    const old = notification({ timestamp: new Date(nowMs - 300_001).toISOString() });
    const byEntry = setUp();
    byEntry.router.route('events:notification', entryAt(nowMs, old));
    expect(byEntry.sent).toHaveLength(1);
    expect(byEntry.skewed).toHaveLength(1);
    const byTimestamp = setUp({ freshness: 'timestamp' });
    byTimestamp.router.route('events:notification', entryAt(nowMs, old));
    expect(byTimestamp.dropped).toEqual(['stale']);
  });

  it('does not remember a stale or rejected event, so that a good one with its ID passes', () => {
    const { router, sent, rejected } = setUp();
    const fields = notification();
    router.route('events:notification', entryAt(nowMs - 400_000, fields));
    router.route('events:notification', entryAt(nowMs, { ...fields, payload: 'broken' }));
    router.route('events:notification', entryAt(nowMs + 1, fields));
    expect(sent).toHaveLength(1);
    expect(rejected).toEqual(['/payload must be valid JSON text, got string']);
  });

  it('rejects what breaks the contract, with path and rule but no value', () => {
    const { router, rejected, sent } = setUp();
    router.route(
      'events:notification',
      entryAt(nowMs, notification({ payload: '["secret value",{"title":5}]' })),
    );
    router.route('events:notification', entryAt(nowMs, notification({ event_type: 'secret_value' })));
    router.route('events:notification', entryAt(nowMs, {}));
    expect(sent).toEqual([]);
    expect(rejected).toHaveLength(3);
    expect(rejected[0]).toContain('/payload');
    expect(JSON.stringify(rejected)).not.toContain('secret');
  });

  it('rejects a payload over the bound', () => {
    const { router, rejected, sent } = setUp({
      catalog: defineCatalog({ ...eventCatalog, maxEventBytes: 100 }),
    });
    const withTitle = (title: string) => notification({ payload: JSON.stringify({ type: 'info', title }) });
    router.route('events:notification', entryAt(nowMs, withTitle('x'.repeat(90))));
    router.route('events:notification', entryAt(nowMs, withTitle('ü'.repeat(40))));
    router.route('events:notification', entryAt(nowMs, withTitle('x'.repeat(60))));
    expect(rejected).toHaveLength(2);
    expect(rejected[0]).toContain('/payload must be at most 100 bytes of JSON');
    expect(sent).toHaveLength(1);
  });

  it('counts a producer whose clock is far off, and still delivers', () => {
    const { router, sent, skewed } = setUp();
    const at = (offsetMs: number) => notification({ timestamp: new Date(nowMs + offsetMs).toISOString() });
    router.route(
      'events:notification',
      entryAt(nowMs, { ...at(-30_001), metadata: '{"source_instance":"api-1"}' }),
    );
    router.route('events:notification', entryAt(nowMs, at(30_000)));
    expect(skewed).toEqual(['api-1']);
    expect(sent).toHaveLength(2);
  });
});
