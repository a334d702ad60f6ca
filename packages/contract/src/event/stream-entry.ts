// The flat form of an event in a stream: six text fields, which any language can write with a plain `XADD`. `payload` and
// `metadata` are JSON texts.
import { actualTypeOf, describeIssue, type Issue } from '../checks/issue.js';
import type { ParseResult } from '../checks/parse-result.js';
import { explainNotFinite, explainUnreadable, MAX_NESTING } from '../checks/unreadable.js';
import { ContractError } from '../contract-error.js';
import { bracketsIn } from '../text/json-scan.js';
import { utf8Bytes } from '../text/utf8-bytes.js';
import type { StreamEvent } from './envelope.js';

/** The fields of a stream entry. */
export type EntryFields = Readonly<Record<string, string>>;

/** An entry whose JSON texts were parsed, but not checked against a schema. */
export interface UncheckedEntry extends Pick<WrittenTexts, 'payloadText' | 'metadataText'> {
  readonly event: Readonly<Record<string, unknown>>;
}

type JsonResult = { readonly ok: true; readonly value: unknown } | { readonly ok: false };

function readJson(text: string): JsonResult {
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    // The reason quotes the text, which may be private: the caller reports the rule alone.
    return { ok: false };
  }
}

/**
 * Most bytes that payload and metadata may have together as JSON text, unless the catalog sets another limit. The limit prevents one
 * event from filling the queues of a whole room.
 */
export const MAX_EVENT_BYTES = 262_144;

/** The issue of an event whose texts are too large, `undefined` when they are not. */
export function sizeIssue(
  payloadText: string,
  metadataText: string,
  maxEventBytes: number,
): Issue | undefined {
  // A UTF-16 unit is at most three bytes of UTF-8: most texts need no closer look.
  if ((payloadText.length + metadataText.length) * 3 <= maxEventBytes) return undefined;
  if (utf8Bytes(payloadText) + utf8Bytes(metadataText) <= maxEventBytes) return undefined;
  const expected = `at most ${maxEventBytes} bytes of JSON, metadata included`;
  return { path: '/payload', rule: 'maxBytes', expected, actualType: 'object' };
}

function textIssue(path: string, value: unknown): Issue {
  return value === undefined
    ? { path, rule: 'required', expected: 'present', actualType: 'undefined' }
    : { path, rule: 'type', expected: 'JSON text', actualType: actualTypeOf(value) };
}

function jsonIssue(path: string): Issue {
  return { path, rule: 'json', expected: 'valid JSON text', actualType: 'string' };
}

/**
 * Parses the JSON texts of a flat entry. Missing fields other than the payload are left to the event's schema.
 */
export function parseEntryFields(fields: EntryFields, maxEventBytes: number): ParseResult<UncheckedEntry> {
  const { event_id, event_type, timestamp, room_id, payload: payloadText, metadata: metadataText } = fields;
  if (typeof payloadText !== 'string') return { ok: false, issues: [textIssue('/payload', payloadText)] };
  const tooLarge = sizeIssue(
    payloadText,
    typeof metadataText === 'string' ? metadataText : '',
    maxEventBytes,
  );
  if (tooLarge !== undefined) return { ok: false, issues: [tooLarge] };
  const payload = readJson(payloadText);
  if (!payload.ok) return { ok: false, issues: [jsonIssue('/payload')] };
  if (metadataText === undefined || metadataText === '' || metadataText === 'null') {
    return {
      ok: true,
      value: { event: { event_id, event_type, timestamp, room_id, payload: payload.value }, payloadText },
    };
  }
  if (typeof metadataText !== 'string') return { ok: false, issues: [textIssue('/metadata', metadataText)] };
  const metadata = readJson(metadataText);
  if (!metadata.ok) return { ok: false, issues: [jsonIssue('/metadata')] };
  const event = {
    event_id,
    event_type,
    timestamp,
    room_id,
    payload: payload.value,
    metadata: metadata.value,
  };
  return { ok: true, value: { event, payloadText, metadataText } };
}

function writeJson(value: unknown, field: string): string {
  let text: unknown;
  let issue: Issue | undefined;
  try {
    text = JSON.stringify(value);
    // `toJSON` may replace the value, so the text is checked.
    if (typeof text === 'string') issue = issueOfJson(value, text, `/${field}`);
  } catch (cause) {
    throw new ContractError('unencodable_event', `${field} cannot be written as JSON`, { cause });
  }
  if (typeof text !== 'string')
    throw new ContractError('unencodable_event', `${field} cannot be written as JSON`);
  if (issue === undefined) return text;
  throw new ContractError('unencodable_event', describeIssue(issue), { issues: [issue] });
}

/** The issue of the text that `JSON.stringify` made of a value. Few texts need the slow checks. */
function issueOfJson(value: unknown, text: string, path: string): Issue | undefined {
  const unreadable = mayBeUnreadable(text) ? explainUnreadable(JSON.parse(text), path) : undefined;
  return unreadable ?? (text.includes('null') ? explainNotFinite(value, path) : undefined);
}

/** True when a text that `JSON.stringify` wrote may hold a value that some client cannot read. Few texts need the slow check. */
function mayBeUnreadable(text: string): boolean {
  return (
    text.includes('"__proto__":') || text.includes('\\ud') || bracketsIn(text, MAX_NESTING) > MAX_NESTING
  );
}

/** An event's texts as its producer wrote them. */
export interface WrittenTexts {
  /** Any ISO 8601 date-time. The event itself has it in normal form. */
  readonly timestampText: string;
  /**
   * The payload exactly as it was written: valid JSON, possibly with line breaks and repeated names
   * (the last value of a name was checked). It can be put into a frame as it is.
   */
  readonly payloadText: string;
  /** The metadata exactly as it was written. Absent when the event has none. */
  readonly metadataText?: string;
}

/**
 * Writes an event as the fields of a stream entry. The event was parsed or built by typed code: it is not
 * checked again. Extra fields inside `payload` and `metadata` are written; extra fields of the envelope are not.
 * @param written texts to use as they are; the other texts are made from the event's values
 * @throws ContractError `event_too_large`, or `unencodable_event` for a value that JSON cannot carry
 */
export function encodeEntry(
  event: StreamEvent,
  maxEventBytes: number,
  written: Partial<WrittenTexts> = {},
): Record<string, string> {
  const fields: Record<string, string> = {
    event_id: event.event_id,
    event_type: event.event_type,
    timestamp: written.timestampText ?? event.timestamp,
    room_id: event.room_id,
    payload: written.payloadText ?? writeJson(event.payload, 'payload'),
  };
  if (event.metadata !== undefined && event.metadata !== null) {
    fields.metadata = written.metadataText ?? writeJson(event.metadata, 'metadata');
  }
  const tooLarge = sizeIssue(fields.payload ?? '', fields.metadata ?? '', maxEventBytes);
  if (tooLarge !== undefined) {
    throw new ContractError('event_too_large', describeIssue(tooLarge), { issues: [tooLarge] });
  }
  return fields;
}
