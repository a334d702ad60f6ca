// Checks, compares and converts timestamps in normal form, which is RFC 3339 with an offset. The functions work on the text, so
// that a fraction of any length stays exact. `iso-timestamp.ts` converts the other forms of ISO 8601 to the normal form.

const DATE =
  '\\d\\d\\d\\d-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|02-(?:0[1-9]|1\\d|2[0-9]))';
const TIME =
  '[Tt](?:[01]\\d|2[0-3]):[0-5]\\d:(?:[0-5]\\d|60)(?:\\.\\d+)?(?:[Zz]|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)';
/**
 * Matches texts that are NOT a date-time, so that a valid text causes no match. V8 needs 10 ns more to record a match than to
 * report that there is no match.
 */
const NOT_DATE_TIME = new RegExp(`^(?!${DATE}${TIME}$)`);
const MINUTE_MS = 60_000;
const SECONDS_END = 19;
const SIX = 54;
const NINE = 57;

/** Returns two decimal digits as a number. The caller has checked that they are digits. */
function twoDigits(text: string, at: number): number {
  return (text.charCodeAt(at) - 48) * 10 + text.charCodeAt(at + 1) - 48;
}

/** True when the year has a 29 February, by the Gregorian calendar. */
export function isLeapYear(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/** Returns the minutes by which local time is ahead of UTC. */
function offsetMinutes(text: string): number {
  if ((text.charCodeAt(text.length - 1) | 32) === 122) return 0;
  const at = text.length - 6;
  const minutes = twoDigits(text, at + 1) * 60 + twoDigits(text, at + 4);
  return text.charCodeAt(at) === 45 ? -minutes : minutes;
}

/** Returns the whole seconds since 1970, in milliseconds. A leap second has the same value as the second after it. */
function wholeSecondsMs(text: string): number {
  const date = new Date(0);
  date.setUTCFullYear(
    twoDigits(text, 0) * 100 + twoDigits(text, 2),
    twoDigits(text, 5) - 1,
    twoDigits(text, 8),
  );
  date.setUTCHours(twoDigits(text, 11), twoDigits(text, 14), twoDigits(text, 17));
  return date.getTime() - offsetMinutes(text) * MINUTE_MS;
}

/** Returns the digits after the point, or `''` if there is no fraction. */
function fractionDigits(text: string): string {
  if (text.charCodeAt(SECONDS_END) !== 46) return '';
  let end = SECONDS_END + 1;
  while (text.charCodeAt(end) >= 48 && text.charCodeAt(end) <= 57) end += 1;
  return text.slice(SECONDS_END + 1, end);
}

/** True when this timestamp can be a leap second, the last second of a month in UTC (RFC 3339, section 5.7). */
function isAtMonthEnd(text: string): boolean {
  const next = new Date(wholeSecondsMs(text));
  return next.getUTCDate() === 1 && next.getUTCHours() === 0 && next.getUTCMinutes() === 0;
}

/**
 * True for a timestamp in normal form: an RFC 3339 date-time with an offset or `Z`. The fraction may have any number of digits. The
 * day must exist. Second 60 is accepted only where a leap second is possible, at the end of a month in UTC. The separator must be
 * `T`, not a blank.
 */
export function isRfc3339(text: string): boolean {
  if (NOT_DATE_TIME.test(text)) return false;
  const isLeapDay = text.charCodeAt(9) === NINE && text.startsWith('02-2', 5);
  const isLeapSecond = text.charCodeAt(17) === SIX;
  if (isLeapDay && !isLeapYear(twoDigits(text, 0) * 100 + twoDigits(text, 2))) return false;
  return !isLeapSecond || isAtMonthEnd(text);
}

/**
 * Converts a timestamp in normal form to milliseconds since 1970. Digits of the fraction beyond milliseconds are cut off.
 * Use it instead of `Date.parse`, which does not support leap seconds.
 * @beta
 */
export function timestampToMs(text: string): number {
  return wholeSecondsMs(text) + Number(fractionDigits(text).slice(0, 3).padEnd(3, '0'));
}

/**
 * Compares the instants of two timestamps in normal form. Returns a negative number, zero or a positive number, like a compare
 * function for `sort`. The result is exact to the last digit of the fractions, and does not depend on the offsets.
 * @beta
 */
export function compareTimestamps(left: string, right: string): number {
  const seconds = wholeSecondsMs(left) - wholeSecondsMs(right);
  if (seconds !== 0) return seconds;
  const leftDigits = fractionDigits(left);
  const rightDigits = fractionDigits(right);
  const width = Math.max(leftDigits.length, rightDigits.length);
  const [a, b] = [leftDigits.padEnd(width, '0'), rightDigits.padEnd(width, '0')];
  return a === b ? 0 : a < b ? -1 : 1;
}
