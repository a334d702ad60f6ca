// The rules for an `event_id`. A catalog chooses one rule for all its events.
import { utf8Bytes } from './utf8-bytes.js';
import { isUuid, isUuidV4 } from './uuid.js';

/**
 * - `uuid-v4`: a version 4 UUID, as the data model requires
 * - `uuid`: a UUID of any version, such as the time-ordered version 7
 * - `text`: 1 to 256 bytes of UTF-8 without control characters
 *
 * UUIDs are compared in lower case; other texts are compared as they are.
 */
export type EventIdRule = (typeof EVENT_ID_RULES)[number];

/** Every rule, the default first. */
export const EVENT_ID_RULES = ['uuid-v4', 'uuid', 'text'] as const;

/** Longest `event_id` of the rule `text`, in bytes of UTF-8. */
export const MAX_EVENT_ID_BYTES = 256;

const CONTROL = /\p{Cc}/u;

function isIdText(text: string): boolean {
  const isInBounds = text.length > 0 && text.length <= MAX_EVENT_ID_BYTES;
  return isInBounds && !CONTROL.test(text) && text.isWellFormed() && utf8Bytes(text) <= MAX_EVENT_ID_BYTES;
}

const checks: Readonly<Record<EventIdRule, (text: string) => boolean>> = {
  'uuid-v4': isUuidV4,
  uuid: isUuid,
  text: isIdText,
};

/** True when a text is an ID by this rule. */
export function isEventId(text: string, rule: EventIdRule): boolean {
  return checks[rule](text);
}

/** The form in which IDs are compared: two events with the same form are one event. */
export function comparableId(id: string, rule: EventIdRule): string {
  return rule === 'text' ? id : id.toLowerCase();
}
