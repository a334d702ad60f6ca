// The comparison decides about the entries of other programs by their intake rules, as a gateway does.
import { eventCatalog } from '@millrace/contract';
import { expect, test } from 'vitest';
import { toCollected } from '../../src/intake/collector/pattern.js';
import { Intake } from '../../src/intake/intake.js';
import { DEFAULTS } from '../../src/settings/options.js';
import { EntryPlanner } from '../../src/shadow/entry-plan.js';

test('an entry of another form is planned by the rule of its stream', () => {
  const stream = 'events:notification';
  const intake = new Intake({
    [stream]: {
      jsonField: 'message',
      fields: { event_type: { from: 'kind', values: { note: 'notification', ping: null } } },
      flatPayload: true,
    },
  });
  const planner = new EntryPlanner({ ...DEFAULTS, catalog: eventCatalog, intake });
  const planOf = (id: string, message: string) => planner.planFor(stream, { id, fields: { message } });
  expect(planOf('1768557600000-0', '{"kind":"note","room_id":"r"}')).toEqual({
    kind: 'deliver',
    eventType: 'notification',
  });
  expect(planOf('1768557600000-1', '{"kind":"ping"}')).toEqual({
    kind: 'skip',
    eventType: '',
    reason: 'the intake rule produces no event for it',
  });
  expect(planOf('1768557600000-2', 'secret')).toEqual({
    kind: 'refuse',
    eventType: '',
    reason: `intake of ${stream}: the field message must be the JSON text of an object`,
  });
});

test('an entry of a source gets its plan from the rule of its pattern, and its copy gets no plan', () => {
  const into = 'events:chat';
  const intake = new Intake({ 'rooms:*': { into, room: 'room-{*}', flatPayload: true } });
  const planner = new EntryPlanner({ ...DEFAULTS, catalog: eventCatalog, intake });
  const fields = {
    event_type: 'notification',
    timestamp: '2026-01-16T10:00:00Z',
    title: 'hello',
    type: 'info',
  };
  const entry = { id: '1768557600000-0', fields };
  expect(planner.planCopied(into, 'rooms:7', entry)).toEqual({ kind: 'deliver', eventType: 'notification' });
  const copy = { id: '1768557600001-0', fields: toCollected('rooms:7', entry).fields };
  expect(planner.planFor(into, copy)).toBeUndefined();
});
