// The rules for an `event_id`. A catalog chooses one rule for all its events.
import { utf8Bytes } from './utf8-bytes.js';
import { isUuid, isUuidV4 } from './uuid.js';

/**
 * The rule that an `event_id` must follow:
 *
 * - `uuid-v4`: a version 4 UUID, as the data model requires
 * - `uuid`: a UUID of any version, such as the time-ordered version 7
 * - `text`: 1 to 256 bytes of UTF-8 without control characters
 *
 * With the first two rules, IDs are compared in lower case. With the rule `text`, they are compared as they are.
 * @beta
 */
export type EventIdRule = (typeof EVENT_ID_RULES)[number];

/** All rules. The default comes first. */
export const EVENT_ID_RULES = ['uuid-v4', 'uuid', 'text'] as const;

/** Maximum length of an `event_id` with the rule `text`, in bytes of UTF-8. @beta */
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

/** True when `text` is a valid `event_id` under this rule. @beta */
export function isEventId(text: string, rule: EventIdRule): boolean {
  return checks[rule](text);
}

/** Returns the form of an ID that is used for comparison. Two events whose IDs have the same form are the same event. @beta */
export function comparableId(id: string, rule: EventIdRule): string {
  return rule === 'text' ? id : id.toLowerCase();
}
