// The flat form of an event in a stream: six text fields, which any language can write with a plain `XADD`. `payload` and
// `metadata` are JSON texts.
import { actualTypeOf, describeIssue, type Issue } from '../checks/issue.js';
import type { ParseResult } from '../checks/parse-result.js';
import { explainNotFinite, explainUnreadable, MAX_NESTING } from '../checks/unreadable.js';
import { ContractError } from '../contract-error.js';
import { bracketsIn } from '../text/json-scan.js';
import { utf8Bytes } from '../text/utf8-bytes.js';
import type { StreamEvent } from './envelope.js';

/** The fields of a stream entry. @beta */
export type EntryFields = Readonly<Record<string, string>>;

/**
 * Field of entries that a publisher of Millrace wrote into a stream in which other programs write entries of another form. The
 * entry has the form of an event already. Other entries do not need this field.
 * @beta
 */
export const PUBLISHED_FIELD = 'millrace';

/** An entry whose JSON texts were parsed, but not checked against a schema. */
export interface UncheckedEntry extends Pick<WrittenTexts, 'payloadText' | 'metadataText'> {
  readonly event: Readonly<Record<string, unknown>>;
}

type JsonResult = { readonly ok: true; readonly value: unknown } | { readonly ok: false };

function readJson(text: string): JsonResult {
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    // The error of `JSON.parse` quotes the text, which may be private. Therefore the caller reports only the
    // rule.
    return { ok: false };
  }
}

/**
 * Maximum size of payload and metadata together, in bytes of JSON text, unless the catalog sets another limit. The limit prevents
 * one event from filling the queues of a whole room.
 * @public
 */
export const MAX_EVENT_BYTES = 262_144;

/** Returns the issue of an event whose texts are too large, or `undefined` if they are not. */
export function sizeIssue(
  payloadText: string,
  metadataText: string,
  maxEventBytes: number,
): Issue | undefined {
  // A UTF-16 code unit takes at most three bytes of UTF-8. Therefore the bytes of most texts need not be counted.
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

/** Parses the JSON texts of a flat entry. Reports a missing payload. The event's schema reports other missing fields later. */
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
    // The check needs the text, because `toJSON` may have replaced the value.
    if (typeof text === 'string') issue = issueOfJson(value, text, `/${field}`);
  } catch (cause) {
    throw new ContractError('unencodable_event', `${field} cannot be written as JSON`, { cause });
  }
  if (typeof text !== 'string')
    throw new ContractError('unencodable_event', `${field} cannot be written as JSON`);
  if (issue === undefined) return text;
  throw new ContractError('unencodable_event', describeIssue(issue), { issues: [issue] });
}

/**
 * Returns the first issue of a value and of `text`, which `JSON.stringify` made from the value. The slow
 * checks run only if a quick check of the text shows that they may be needed.
 */
function issueOfJson(value: unknown, text: string, path: string): Issue | undefined {
  const unreadable = mayBeUnreadable(text) ? explainUnreadable(JSON.parse(text), path) : undefined;
  return unreadable ?? (text.includes('null') ? explainNotFinite(value, path) : undefined);
}

/**
 * True when `text` may contain a value that some clients cannot read. The slow check is needed only then. `text` must be the
 * output of `JSON.stringify`.
 */
function mayBeUnreadable(text: string): boolean {
  return (
    text.includes('"__proto__":') || text.includes('\\ud') || bracketsIn(text, MAX_NESTING) > MAX_NESTING
  );
}

/** The texts of an event, as its producer wrote them. @beta */
export interface WrittenTexts {
  /** The timestamp exactly as it was written, in any form of ISO 8601. The event itself contains the normal form. */
  readonly timestampText: string;
  /**
   * The payload exactly as it was written. It is valid JSON, possibly with line breaks and repeated names, and can be copied into a
   * frame unchanged. If a name is repeated, only its last value was checked against the schema.
   */
  readonly payloadText: string;
  /** The metadata exactly as it was written. Absent when the event has no metadata. */
  readonly metadataText?: string;
}

/**
 * Writes an event as the fields of a stream entry. Does not check the event against its schema again, because the event was parsed
 * by a catalog or built by typed code. Extra fields inside `payload` and `metadata` are written. Extra fields of the envelope are
 * left out.
 * @param written original texts, which are used unchanged. Missing texts are made from the event's values
 * @throws ContractError `event_too_large`, or `unencodable_event` for a value that JSON cannot represent or that some client cannot
 * read
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
