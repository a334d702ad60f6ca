// Indicators as they follow from the rule of an event type, which is built-in or belongs to the application.
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
  it('an indicator is coalesced per user in the slot of its own name, and the last event of a window counts', () => {
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

  it('an indicator returns the event that shows it and the event that ends it, with one event type or with two', () => {
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

  it('an indicator keeps its window in a declaration written by hand, and in a declaration that is declared again', () => {
    const { streams } = eventCatalog;
    // The declaration as it is in the source code.
    const byHand = Object.fromEntries(
      Object.entries(agentViewing).filter(([name]) => name !== 'coalescing'),
    ) as typeof agentViewing;
    const found = defineCatalog({ streams, eventTypes: [byHand] }).find('agent_viewing');
    expect(found?.coalescing).toMatchObject({ slot: 'agent_viewing', windowMs: 100 });
    expect(defineEventType({ ...agentViewing, maxAgeMs: 1_000 }).coalescing).toBe(agentViewing.coalescing);
  });
});
