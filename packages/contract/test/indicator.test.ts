// Indicators that follow from the rules of event types, both built-in types and types of the application.
import { agentEvents } from '@millrace/testkit';
import { describe, expect, it } from 'vitest';
import {
  createCoalescing,
  defineCatalog,
  defineEventType,
  eventCatalog,
  indicatorsOf,
} from '../src/index.js';

const agent = '3f2504e0-4f89-41d3-9a0c-0305e82c3301';
const { agentViewing } = agentEvents({ expiresAfterMs: 30_000 });
const catalog = defineCatalog({
  ...eventCatalog,
  eventTypes: [...eventCatalog.eventTypes, agentViewing],
});

function viewing(isViewing: boolean, agentId = agent) {
  return catalog.assertEvent({
    event_id: crypto.randomUUID(),
    event_type: 'agent_viewing',
    timestamp: '2026-01-16T10:00:00Z',
    room_id: 'room',
    payload: { agent_id: agentId, agent_name: 'Ana', is_viewing: isViewing },
  });
}

describe('an indicator', () => {
  it('an indicator’s events are coalesced per user in a slot with its name, and the last event remains', () => {
    const coalescing = createCoalescing(catalog);
    expect(coalescing.slotOf(viewing(true))).toEqual({ roomId: 'room', slot: 'agent_viewing', key: agent });
    const inputs = [viewing(true), viewing(false, agent.toUpperCase())].map((event) => ({
      event,
      key: coalescing.slotOf(event)?.key ?? '',
    }));
    expect(coalescing.fold(inputs).events).toMatchObject([
      { payload: { is_viewing: false }, metadata: { coalesced_count: 2 } },
    ]);
  });

  it('an indicator’s showing and ending events may have one type or two types', () => {
    const indicators = indicatorsOf(catalog.eventTypes);
    expect([...indicators.keys()]).toEqual(['typing', 'agent_viewing']);
    const user = { user_id: agent, username: 'Ana' };
    for (const isShown of [true, false]) {
      expect(indicators.get('agent_viewing')?.eventOf(user, isShown)).toEqual({
        type: 'agent_viewing',
        payload: { agent_id: agent, agent_name: 'Ana', is_viewing: isShown },
      });
      expect(indicators.get('typing')?.eventOf(user, isShown)).toEqual({
        type: isShown ? 'typing_start' : 'typing_stop',
        payload: { ...user, is_typing: isShown },
      });
    }
    const [typingStart] = eventCatalog.eventTypes.filter(({ name }) => name === 'typing_start');
    const alone = indicatorsOf(typingStart === undefined ? [] : [typingStart]);
    expect(alone.get('typing')?.eventOf(user, false)).toBeUndefined();
  });

  it('an indicator’s event type gets a coalescing rule, and keeps this rule when it is declared again', () => {
    const { streams } = eventCatalog;
    // Removes the coalescing rule that `defineEventType` has added to the declaration.
    const byHand = Object.fromEntries(
      Object.entries(agentViewing).filter(([name]) => name !== 'coalescing'),
    ) as typeof agentViewing;
    const found = defineCatalog({ streams, eventTypes: [byHand] }).find('agent_viewing');
    expect(found?.coalescing).toMatchObject({ slot: 'agent_viewing', windowMs: 100 });
    expect(defineEventType({ ...agentViewing, maxAgeMs: 1_000 }).coalescing).toBe(agentViewing.coalescing);
  });
});
