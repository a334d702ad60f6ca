/**
 * Timestamps as RFC 3339 text with an offset: check, comparison and conversion. Works on the text, so that
 * nothing is lost of a fraction of any length.
 */

const SHAPE = /^\d\d\d\d-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;
const DAYS_IN_MONTH = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;
const MINUTE_MS = 60_000;
const SECONDS_END = 19;

/** Two decimal digits as a number. The caller knows that they are digits. */
function twoDigits(text: string, at: number): number {
  return (text.charCodeAt(at) - 48) * 10 + text.charCodeAt(at + 1) - 48;
}

function daysInMonth(year: number, month: number): number {
  const isLeapYear = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return month === 2 && isLeapYear ? 29 : (DAYS_IN_MONTH[month - 1] ?? 0);
}

/** Minutes that local time is ahead of UTC. */
function offsetMinutes(text: string): number {
  if ((text.charCodeAt(text.length - 1) | 32) === 122) return 0;
  const at = text.length - 6;
  const minutes = twoDigits(text, at + 1) * 60 + twoDigits(text, at + 4);
  return text.charCodeAt(at) === 45 ? -minutes : minutes;
}

/** Whole seconds since 1970 in milliseconds. A leap second is the same as the second after it. */
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

/** The digits after the point, `''` without a fraction. */
function fractionDigits(text: string): string {
  if (text.charCodeAt(SECONDS_END) !== 46) return '';
  let end = SECONDS_END + 1;
  while (text.charCodeAt(end) >= 48 && text.charCodeAt(end) <= 57) end += 1;
  return text.slice(SECONDS_END + 1, end);
}

/** RFC 3339, section 5.7: a leap second is the last second of a month in UTC. */
function isAtMonthEnd(text: string): boolean {
  const next = new Date(wholeSecondsMs(text));
  return next.getUTCDate() === 1 && next.getUTCHours() === 0 && next.getUTCMinutes() === 0;
}

/**
 * True for an RFC 3339 date-time: with an offset or `Z`, any number of fraction digits, a day that the
 * calendar has, and second 60 only where a leap second can be (the end of a month in UTC).
 * The separator is `T`; a blank is not accepted.
 */
export function isTimestamp(text: string): boolean {
  if (!SHAPE.test(text)) return false;
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  const second = twoDigits(text, 17);
  // Every month has 28 days, so the year is read only for the last three.
  if (month < 1 || month > 12 || day < 1) return false;
  if (day > 28 && day > daysInMonth(twoDigits(text, 0) * 100 + twoDigits(text, 2), month)) return false;
  if (twoDigits(text, 11) > 23 || twoDigits(text, 14) > 59 || !isOffset(text)) return false;
  return second < 60 || (second === 60 && isAtMonthEnd(text));
}

function isOffset(text: string): boolean {
  if ((text.charCodeAt(text.length - 1) | 32) === 122) return true;
  return twoDigits(text, text.length - 5) <= 23 && twoDigits(text, text.length - 2) <= 59;
}

/**
 * A checked timestamp as milliseconds since 1970, the fraction cut to milliseconds.
 * Use it instead of `Date.parse`, which knows no leap second.
 */
export function timestampToMs(text: string): number {
  return wholeSecondsMs(text) + Number(fractionDigits(text).slice(0, 3).padEnd(3, '0'));
}

/**
 * Orders two checked timestamps by the instant they name: negative, zero or positive. Exact to the last
 * digit of the fraction, and independent of the offset they are written in.
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
