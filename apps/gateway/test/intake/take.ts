// Applies one rule to one entry, for the tests of rules.
import type { EntryFields } from '@millrace/contract';
import { Intake, type IntakeOptions, noEvent } from '../../src/intake/intake.js';
import type { IntakeRule } from '../../src/intake/rule.js';

/** The stream of all entries. */
export const stream = 'events:chat';
/** The ID of all entries: 16 January 2026, 10:00:00.123 UTC. */
export const entryId = '1768557600123-4';

/** Returns the fields of the event, `skipped`, or the reason of the refusal with its step. */
export function take(rule: IntakeRule, fields: EntryFields, options?: IntakeOptions): EntryFields | string {
  const taken = new Intake({ [stream]: rule }, options).take(stream, { id: entryId, fields });
  const none = noEvent(taken);
  if (none === undefined) return taken.fields;
  return none.kind === 'skipped' ? 'skipped' : `${none.step}: ${none.reason}`;
}

/** Returns the payload text of the event. */
export function payloadOf(rule: IntakeRule, payload: string): string | undefined {
  const taken = take(rule, { event_type: 'notification', room_id: 'room', payload });
  if (typeof taken === 'string') throw new Error(`there is no event: ${taken}`);
  return taken['payload'];
}
