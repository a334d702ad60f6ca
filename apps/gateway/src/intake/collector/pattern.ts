// A pattern of streams, and the form in which their entries are copied into one declared stream. Pure.
import type { Entry, OutgoingEntry } from '@millrace/broker';
import { isControlRoom, PUBLISHED_FIELD } from '@millrace/contract';
import { madeEventId } from '../made-event-id.js';

/** Streams whose names begin with a prefix. */
export interface Pattern {
  /** The beginning of their names in Redis. */
  readonly prefix: string;
  /** The declared stream into which the entries are copied. */
  readonly into: string;
}

/** The place from which an entry was copied. */
export interface Origin {
  readonly stream: string;
  readonly id: string;
  /**
   * True if the fields were not copied. Either they are not valid UTF-8, or there are more of them than a script can append, or they
   * have the form of Millrace's own entries, which other programs must not write.
   */
  readonly isDamaged: boolean;
}

/** True if one of the rules is that of a pattern. */
export function hasPattern(rules: Readonly<Record<string, object | undefined>>): boolean {
  return Object.values(rules).some((rule) => rule !== undefined && 'into' in rule);
}

/** Returns the beginning of the names that a pattern matches. */
export function prefixOf(pattern: string): string {
  return pattern.slice(0, -1);
}

/** The field of a copied entry that names its origin: the entry ID, a `!` if its fields were not copied, a space, and the stream. */
export const SOURCE_FIELD = 'millrace_source';

/** One field is added to those of the entry. */
const MAX_COPIED_FIELDS = 999;

/** Returns the copy of an entry. Its dedupe ID is the same for every copy. */
export function toCollected(stream: string, entry: Entry): OutgoingEntry {
  const { id, fields, isUtf8 } = entry;
  const dedupeId = madeEventId(stream, id);
  const isDamaged =
    isUtf8 === false ||
    Object.keys(fields).length > MAX_COPIED_FIELDS ||
    fields[PUBLISHED_FIELD] !== undefined ||
    isControlRoom(fields['room_id'] ?? '');
  return isDamaged
    ? { fields: { [SOURCE_FIELD]: `${id}! ${stream}` }, dedupeId }
    : { fields: { ...fields, [SOURCE_FIELD]: `${id} ${stream}` }, dedupeId };
}

/** The name of a stream may contain spaces and line breaks. */
const SOURCE = /^(\d+-\d+)(!?) (.+)$/s;

/** Returns the origin of a copied entry, or `undefined` for any other entry. */
export function originOf(fields: Entry['fields']): Origin | undefined {
  const source = fields[SOURCE_FIELD];
  if (typeof source !== 'string') return undefined;
  const [, id, mark, stream] = SOURCE.exec(source) ?? [];
  return id === undefined || stream === undefined ? undefined : { stream, id, isDamaged: mark === '!' };
}
