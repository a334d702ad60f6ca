import { randomUUID } from 'node:crypto';
import type { Entry } from '@millrace/broker';
import { eventCatalog } from '@millrace/contract';
import { describe, expect, it } from 'vitest';
import { type DecisionRules, decide } from '../../src/dispatch/decide.js';
import { SeenEvents } from '../../src/dispatch/seen-events.js';

const nowMs = Date.parse('2026-01-16T10:00:00Z');
const stream = 'events:notification';

function entry(fields: Record<string, string> = {}, appendedMs = nowMs - 7): Entry {
  const event = {
    event_id: randomUUID(),
    event_type: 'notification',
    timestamp: new Date(nowMs).toISOString(),
    room_id: 'room',
    payload: { type: 'info', title: 'Hi' },
  };
  return { id: `${appendedMs}-0`, fields: { ...eventCatalog.encodeEntry(event), ...fields } };
}

function rules(over: Partial<DecisionRules> = {}): DecisionRules & { readonly seen: SeenEvents } {
  const seen = new SeenEvents({ keepMs: 300_000, maxIds: 100 });
  const positions = { belongs: (_roomId: string, name: string) => name === stream };
  return { catalog: eventCatalog, freshness: 'entry', positions, ...over, seen };
}

describe('decide', () => {
  it('the decision about an entry stays the same until its event’s ID is remembered as seen', () => {
    const { seen, ...others } = rules();
    const arrived = entry();
    const first = decide(stream, arrived, nowMs, { ...others, seen });
    expect(first).toMatchObject({ action: 'deliver', stream, entry: arrived, appendedMs: nowMs - 7 });
    expect(decide(stream, arrived, nowMs, { ...others, seen })).toEqual(first);
    if (first.action !== 'deliver') throw new Error('it is to be delivered');
    seen.add(first.received, first.appendedMs);
    const again = decide(stream, arrived, nowMs, { ...others, seen });
    expect(again).toMatchObject({ action: 'drop', reason: 'duplicate' });
  });

  it('an old event is dropped as stale unless the age check is off', () => {
    const old = entry({}, nowMs - 300_001);
    expect(decide(stream, old, nowMs, rules())).toMatchObject({ action: 'drop', reason: 'stale' });
    expect(decide(stream, old, nowMs, rules({ freshness: 'none' }))).toMatchObject({ action: 'deliver' });
  });

  it('a rejection names the event type only if the catalog does not have it', () => {
    const unknown = decide(stream, entry({ event_type: 'order_placed' }), nowMs, rules());
    expect(unknown).toMatchObject({ action: 'reject', unknownType: 'order_placed' });
    expect(decide(stream, entry({ payload: '1' }), nowMs, rules())).not.toHaveProperty('unknownType');
    expect(decide('events:chat.p1', entry(), nowMs, rules())).toEqual({
      action: 'reject',
      reason: 'the room belongs to another partition',
    });
  });
});
