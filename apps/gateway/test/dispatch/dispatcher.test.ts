import { randomUUID } from 'node:crypto';
import { type Entry, LAST_ENTRY_ID } from '@millrace/broker';
import {
  CONTROL_ROOM,
  defineCatalog,
  type EraseControl,
  encodeControlEntry,
  eventCatalog,
} from '@millrace/contract';
import { fakeClock } from '@millrace/testkit';
import { describe, expect, it } from 'vitest';
import type { ControlCount } from '../../src/dispatch/control-entries.js';
import { EventDispatcher, type EventDispatcherOptions } from '../../src/dispatch/dispatcher.js';
import { RoomIndicators } from '../../src/indicators/room-indicators.js';

const nowMs = Date.parse('2026-01-16T10:00:00Z');

function setUp(options: Partial<EventDispatcherOptions> = {}, brokerTimeMs = nowMs) {
  const clock = fakeClock();
  const sent: unknown[] = [];
  const remembered: [string, string][] = [];
  const steps: string[] = [];
  const dropped: string[] = [];
  const rejected: string[] = [];
  const skewed: (string | null | undefined)[] = [];
  const naive: string[] = [];
  const erasures: [EraseControl, boolean][] = [];
  const controls: ControlCount[] = [];
  const delivered: { recipients: number; delayMs: number }[] = [];
  const dispatcher = new EventDispatcher(
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
        replay: {
          remember(_stream, id, _received, { text }) {
            remembered.push([id, text]);
            steps.push('stored');
          },
        },
      },
      sender: {
        hasConnections: () => true,
        send(_received, call) {
          steps.push('sent');
          return sent.push(JSON.parse(call?.text ?? ''));
        },
      },
      erasures: { apply: (control, { positionOf }) => erasures.push([control, positionOf === undefined]) },
      membership: { changeMember: () => {}, signOut: () => {} },
      rejections: { reject: (_stream, _entry, { reason }) => rejected.push(reason) },
      clock,
      observer: {
        delivered: (_received, recipients, delayMs) => delivered.push({ recipients, delayMs }),
        dropped: (_received, reason) => dropped.push(reason),
        skipped: () => dropped.push('skipped'),
        control: (count) => controls.push(count),
        clockSkewed: ({ event }) => skewed.push(event.metadata?.source_instance),
        naiveTimestamp: ({ event }) => naive.push(event.timestamp),
        failed: (_stream, _entry, error) => {
          throw error;
        },
      },
    },
  );
  return {
    dispatcher,
    sent,
    remembered,
    steps,
    dropped,
    rejected,
    skewed,
    naive,
    delivered,
    erasures,
    controls,
  };
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

function controlFields(control: EraseControl): Record<string, string> {
  return encodeControlEntry(control, {
    eventId: randomUUID(),
    userId: randomUUID(),
    timestamp: new Date(nowMs).toISOString(),
    roomId: CONTROL_ROOM,
  });
}

const earlier = { epoch: 'epoch', cursor: 'earlier' };

const entryAt = (timeMs: number, fields: Record<string, string>): Entry => ({ id: `${timeMs}-0`, fields });

describe('EventDispatcher', () => {
  it('the dispatcher relays the payload as it was written, with the position of the entry', () => {
    const { dispatcher, sent, delivered } = setUp();
    const payload = '{ "title" : "Grüße\\u0021",\n"type":"info","n":1.0e2,"extra":[null] }';
    const fields = notification({ payload, metadata: '{"trace_id":"t"}' });
    dispatcher.dispatch('events:notification', entryAt(nowMs - 7, fields));
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

  it('an event is stored for replay before it is sent, so that a client whose queue it fills can continue after it', () => {
    const { dispatcher, steps } = setUp();
    dispatcher.dispatch('events:notification', entryAt(nowMs, notification()));
    expect(steps).toEqual(['stored', 'sent']);
  });

  it('a control entry is followed and counted but never delivered or rejected', () => {
    const catalog = defineCatalog({
      streams: eventCatalog.streams,
      eventTypes: eventCatalog.eventTypes.filter(({ name }) => name === 'notification'),
    });
    const { dispatcher, sent, rejected, remembered, erasures, controls } = setUp({ catalog });
    const control = { kind: 'erase', roomId: 'r', entries: [{ id: '1-0' }] } as const;
    dispatcher.dispatch('events:chat', entryAt(nowMs, controlFields(control)));
    dispatcher.warmUp('events:chat', entryAt(nowMs, controlFields(control)), () => earlier);
    expect(erasures).toEqual([
      [control, true],
      [control, false],
    ]);
    expect(controls).toEqual([{ kind: 'erase', outcome: 'followed' }]);
    expect([sent, rejected, remembered]).toEqual([[], [], []]);
  });

  it('the dispatcher ignores control entries of later builds and malformed ones, and counts them by their reason', () => {
    const { dispatcher, sent, rejected, erasures, controls } = setUp();
    const fields = controlFields({ kind: 'erase', roomId: 'r', entries: [] });
    for (const control of ['{"v":2,"kind":"erase"}', '{"v":1,"kind":"later"}', '{}'])
      dispatcher.dispatch('events:chat', entryAt(nowMs, { ...fields, control }));
    expect(controls.map(({ kind, outcome }) => `${kind} ${outcome}`)).toEqual([
      'unknown ignored_version',
      'unknown ignored_kind',
      'unknown ignored_malformed',
    ]);
    expect([sent, rejected, erasures]).toEqual([[], [], []]);
  });

  it('a repeat of an erased event is a duplicate, however old the event was', () => {
    const { dispatcher, sent, dropped } = setUp();
    const fields = notification();
    const eventId = fields.event_id ?? '';
    dispatcher.warmUp(
      'events:notification',
      entryAt(
        nowMs - 1_000,
        controlFields({ kind: 'erase', roomId: 'r', entries: [{ id: '1-0', eventId }] }),
      ),
      () => earlier,
    );
    dispatcher.dispatch('events:notification', entryAt(nowMs, fields));
    expect([sent, dropped]).toEqual([[], ['duplicate']]);
  });

  it('a timestamp without an offset is read as UTC and counted', () => {
    const { dispatcher, sent, dropped, skewed, naive } = setUp({ freshness: 'timestamp' });
    // A program two hours west of Greenwich wrote this timestamp.
    const fields = notification({ timestamp: '2026-01-16T08:00:00.5' });
    dispatcher.dispatch('events:notification', entryAt(nowMs - 7, fields));
    const offset = notification({ timestamp: '2026-01-16 08:00:00+00' });
    dispatcher.dispatch('events:notification', entryAt(nowMs - 6, offset));
    expect(sent).toMatchObject([{ timestamp: '2026-01-16T08:00:00.5Z' }]);
    expect(naive).toEqual(['2026-01-16T08:00:00.5Z']);
    expect([dropped, skewed]).toEqual([['stale'], []]);
  });

  it('an event ID with quotes and braces is escaped as JSON', () => {
    const { dispatcher, sent } = setUp({ catalog: defineCatalog({ ...eventCatalog, eventIdRule: 'text' }) });
    const event_id = '"},{';
    dispatcher.dispatch('events:notification', entryAt(nowMs, notification({ event_id })));
    expect(sent).toMatchObject([{ event_id, event_type: 'notification' }]);
  });

  it('a repeat of an event from the warm-up is not sent, and the event can be replayed', () => {
    const { dispatcher, sent, remembered, dropped } = setUp();
    const fields = notification();
    dispatcher.warmUp('events:notification', entryAt(nowMs - 5_000, fields), () => earlier);
    dispatcher.warmUp(
      'events:notification',
      entryAt(nowMs - 4_000, { ...fields, payload: 'broken' }),
      () => earlier,
    );
    dispatcher.dispatch('events:notification', entryAt(nowMs, fields));
    expect(sent).toEqual([]);
    expect(dropped).toEqual(['duplicate']);
    expect(remembered.map(([id, text]) => [id, (JSON.parse(text) as { position: string }).position])).toEqual(
      [[`${nowMs - 5_000}-0`, 'earlier']],
    );
  });

  it('an entry with an ID in the future is treated as appended now', () => {
    const { dispatcher, sent, dropped, skewed, delivered } = setUp();
    const fields = notification();
    dispatcher.dispatch('events:notification', entryAt(nowMs - 1_000, fields));
    dispatcher.dispatch('events:notification', entryAt(nowMs + 86_400_000, notification()));
    dispatcher.dispatch('events:notification', { id: LAST_ENTRY_ID, fields: notification() });
    dispatcher.dispatch('events:notification', entryAt(nowMs + 86_400_001, fields));
    expect(sent).toHaveLength(3);
    expect(dropped).toEqual(['duplicate']);
    expect(skewed).toEqual([]);
    expect(delivered.map(({ delayMs }) => delayMs)).toEqual([1_000, 0, 0]);
  });

  it('an event in the wrong partition for its room is rejected, and ignored by the warm-up', () => {
    const { dispatcher, sent, remembered, rejected } = setUp();
    const fields = notification();
    dispatcher.warmUp('events:chat.p1', entryAt(nowMs, fields), () => earlier);
    dispatcher.dispatch('events:chat.p1', entryAt(nowMs, fields));
    expect(rejected).toEqual(['the room belongs to another partition']);
    expect([sent, remembered]).toEqual([[], []]);
    dispatcher.dispatch('events:chat', entryAt(nowMs, fields));
    expect(sent).toHaveLength(1);
  });

  it('an entry that is not UTF-8 is rejected, but a valid entry with the same event ID passes', () => {
    const { dispatcher, sent, remembered, rejected } = setUp();
    const fields = notification({ payload: '{"type":"info","title":"\uFFFD"}' });
    const broken = { ...entryAt(nowMs, fields), isUtf8: false as const };
    dispatcher.warmUp('events:notification', broken, () => earlier);
    dispatcher.dispatch('events:notification', broken);
    expect(rejected).toEqual(['a field holds bytes that are not UTF-8 text']);
    expect([sent, remembered]).toEqual([[], []]);
    dispatcher.dispatch('events:notification', entryAt(nowMs, fields));
    expect(sent).toHaveLength(1);
  });

  it('an event of a known type is accepted in any stream', () => {
    const { dispatcher, sent } = setUp();
    dispatcher.dispatch('events:chat', entryAt(nowMs, notification()));
    expect(sent).toHaveLength(1);
  });

  it('an event is delivered once even if its event_id is repeated in upper case', () => {
    const { dispatcher, sent, dropped } = setUp();
    const fields = notification();
    dispatcher.dispatch('events:notification', entryAt(nowMs, fields));
    dispatcher.dispatch(
      'events:notification',
      entryAt(nowMs + 1, { ...fields, event_id: fields.event_id?.toUpperCase() ?? '' }),
    );
    expect(sent).toHaveLength(1);
    expect(dropped).toEqual(['duplicate']);
  });

  it('a repeated event is recognised even after more typing events than the number of remembered IDs', () => {
    const { dispatcher, sent, dropped } = setUp({ maxDedupeIds: 10 });
    const fields = notification();
    const typing = (number: number) =>
      eventCatalog.encodeEntry({
        event_id: randomUUID(),
        event_type: 'typing_start',
        timestamp: new Date(nowMs).toISOString(),
        room_id: `room ${number}`,
        payload: { user_id: randomUUID(), username: 'maria', is_typing: true },
      });
    dispatcher.dispatch('events:notification', entryAt(nowMs, fields));
    for (let number = 0; number < 20; number += 1)
      dispatcher.dispatch('events:chat', entryAt(nowMs, typing(number)));
    const last = typing(20);
    dispatcher.dispatch('events:chat', entryAt(nowMs, last));
    dispatcher.dispatch('events:chat', entryAt(nowMs, last));
    dispatcher.dispatch('events:notification', entryAt(nowMs, fields));
    expect(sent).toHaveLength(22);
    expect(dropped).toEqual(['duplicate', 'duplicate']);
  });

  it.each([
    [299_000, 1, []],
    [300_000, 1, []],
    [300_001, 0, ['stale']],
  ])(
    'a notification that is %d ms old is delivered or dropped according to the maximum age of its type',
    (ageMs, deliveries, reasons) => {
      const { dispatcher, sent, dropped } = setUp();
      dispatcher.dispatch('events:notification', entryAt(nowMs - ageMs, notification()));
      expect(sent).toHaveLength(deliveries);
      expect(dropped).toEqual(reasons);
    },
  );

  it('an event whose type has no maximum age is delivered at any age', () => {
    const { dispatcher, sent } = setUp();
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
    dispatcher.dispatch('events:ticket', entryAt(nowMs - 86_400_000, fields));
    expect(sent).toHaveLength(1);
  });

  it('the age of an event is measured by its timestamp only if the option `freshness` is “timestamp”', () => {
    const old = notification({ timestamp: new Date(nowMs - 300_001).toISOString() });
    const byEntry = setUp();
    byEntry.dispatcher.dispatch('events:notification', entryAt(nowMs, old));
    expect(byEntry.sent).toHaveLength(1);
    expect(byEntry.skewed).toHaveLength(1);
    const byTimestamp = setUp({ freshness: 'timestamp' });
    byTimestamp.dispatcher.dispatch('events:notification', entryAt(nowMs, old));
    expect(byTimestamp.dropped).toEqual(['stale']);
  });

  it('the ID of a stale or rejected event is not remembered, so that a valid event with it passes', () => {
    const { dispatcher, sent, rejected } = setUp();
    const fields = notification();
    dispatcher.dispatch('events:notification', entryAt(nowMs - 400_000, fields));
    dispatcher.dispatch('events:notification', entryAt(nowMs, { ...fields, payload: 'broken' }));
    dispatcher.dispatch('events:notification', entryAt(nowMs + 1, fields));
    expect(sent).toHaveLength(1);
    expect(rejected).toEqual(['/payload must be valid JSON text, got string']);
  });

  it('an event that breaks the contract is rejected with a reason that names path and rule but no value', () => {
    const { dispatcher, rejected, sent } = setUp();
    dispatcher.dispatch(
      'events:notification',
      entryAt(nowMs, notification({ payload: '["secret value",{"title":5}]' })),
    );
    dispatcher.dispatch('events:notification', entryAt(nowMs, notification({ event_type: 'secret_value' })));
    dispatcher.dispatch('events:notification', entryAt(nowMs, {}));
    expect(sent).toEqual([]);
    expect(rejected).toHaveLength(3);
    expect(rejected[0]).toContain('/payload');
    expect(JSON.stringify(rejected)).not.toContain('secret');
  });

  it('an event with a payload above the maximum size is rejected', () => {
    const { dispatcher, rejected, sent } = setUp({
      catalog: defineCatalog({ ...eventCatalog, maxEventBytes: 100 }),
    });
    const withTitle = (title: string) => notification({ payload: JSON.stringify({ type: 'info', title }) });
    dispatcher.dispatch('events:notification', entryAt(nowMs, withTitle('x'.repeat(90))));
    dispatcher.dispatch('events:notification', entryAt(nowMs, withTitle('ü'.repeat(40))));
    dispatcher.dispatch('events:notification', entryAt(nowMs, withTitle('x'.repeat(60))));
    expect(rejected).toHaveLength(2);
    expect(rejected[0]).toContain('/payload must be at most 100 bytes of JSON');
    expect(sent).toHaveLength(1);
  });

  it('an event of a producer whose clock is far off is counted and still delivered', () => {
    const { dispatcher, sent, skewed } = setUp();
    const at = (offsetMs: number) => notification({ timestamp: new Date(nowMs + offsetMs).toISOString() });
    dispatcher.dispatch(
      'events:notification',
      entryAt(nowMs, { ...at(-30_001), metadata: '{"source_instance":"api-1"}' }),
    );
    dispatcher.dispatch('events:notification', entryAt(nowMs, at(30_000)));
    expect(skewed).toEqual(['api-1']);
    expect(sent).toHaveLength(2);
  });
});
