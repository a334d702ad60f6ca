// Entry IDs as Redis writes them: `<milliseconds>-<sequence>`, both parts up to 2^64-1. The functions work on the decimal
// text, because a JavaScript number would round a part beyond 2^53. Pure.

/** An entry ID as Redis writes it: `<milliseconds>-<sequence>`. Compare IDs with `compareEntryIds`, never as text. @beta */
export type EntryId = string;

/** The ID before all entries. A subscriber whose cursor is at this ID has read nothing. @beta */
export const FIRST_ENTRY_ID: EntryId = '0-0';

const MAX_PART = '18446744073709551615';

/** The largest possible ID. No entry can be appended after it. @beta */
export const LAST_ENTRY_ID: EntryId = `${MAX_PART}-${MAX_PART}`;

const CANONICAL = /^(?:0|[1-9]\d{0,19})-(?:0|[1-9]\d{0,19})$/;
/** Matches canonical IDs with at most 19 digits per part, which cannot exceed 2^64-1. */
const SHORT = /^(?:0|[1-9]\d{0,18})-(?:0|[1-9]\d{0,18})$/;

/**
 * True when `value` is a complete entry ID in canonical form: without signs, spaces or leading zeros, and with no part beyond
 * 2^64-1.
 * @beta
 */
export function isEntryId(value: unknown): value is EntryId {
  if (typeof value !== 'string') return false;
  if (SHORT.test(value)) return true;
  if (!CANONICAL.test(value)) return false;
  const dash = value.indexOf('-');
  return (
    compareDigits(value.slice(0, dash), MAX_PART) <= 0 && compareDigits(value.slice(dash + 1), MAX_PART) <= 0
  );
}

/**
 * Compares two canonical IDs. The result is negative if `a` is older, 0 if they are equal, and positive if `a` is newer.
 * Exact for the whole range of both parts.
 * @beta
 */
export function compareEntryIds(a: EntryId, b: EntryId): number {
  if (a === b) return 0;
  const dashA = a.indexOf('-');
  const dashB = b.indexOf('-');
  if (dashA !== dashB) return dashA - dashB;
  const byMs = compareDigits(a.slice(0, dashA), b.slice(0, dashB));
  return byMs === 0 ? compareDigits(a.slice(dashA + 1), b.slice(dashB + 1)) : byMs;
}

/** Returns the smaller of two IDs. @beta */
export function minEntryId(a: EntryId, b: EntryId): EntryId {
  return compareEntryIds(a, b) <= 0 ? a : b;
}

/** Returns the larger of two IDs. */
export function maxEntryId(a: EntryId, b: EntryId): EntryId {
  return compareEntryIds(a, b) >= 0 ? a : b;
}

/** Returns the smallest ID above `id`, or `id` itself if it is the largest possible ID. @beta */
export function nextEntryId(id: EntryId): EntryId {
  const { ms, sequence } = splitEntryId(id);
  if (sequence !== MAX_PART) return `${ms}-${addOne(sequence)}`;
  return ms === MAX_PART ? id : `${addOne(ms)}-0`;
}

/** Returns the largest ID below `id`, or `id` itself if it is `0-0`. @beta */
export function previousEntryId(id: EntryId): EntryId {
  const { ms, sequence } = splitEntryId(id);
  if (sequence !== '0') return `${ms}-${subtractOne(sequence)}`;
  return ms === '0' ? id : `${subtractOne(ms)}-${MAX_PART}`;
}

/**
 * Returns the milliseconds of an ID. Usually, this is the broker time at which the entry was appended, in milliseconds since
 * 1970.
 * @beta
 */
export function entryIdMs(id: EntryId): number {
  return Number(id.slice(0, id.indexOf('-')));
}

/** Returns both parts of an ID, as decimal text. */
export function splitEntryId(id: EntryId): { readonly ms: string; readonly sequence: string } {
  const dash = id.indexOf('-');
  return { ms: id.slice(0, dash), sequence: id.slice(dash + 1) };
}

/**
 * Compares decimal numbers without leading zeros. The longer text is the larger number. Texts of equal length compare as
 * text.
 */
function compareDigits(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function addOne(digits: string): string {
  return digits.length < 16 ? String(Number(digits) + 1) : String(BigInt(digits) + 1n);
}

function subtractOne(digits: string): string {
  return digits.length < 16 ? String(Number(digits) - 1) : String(BigInt(digits) - 1n);
}
