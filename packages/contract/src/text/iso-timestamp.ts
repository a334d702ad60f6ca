// Timestamps of the data model: any ISO 8601 date-time. Each form is converted to the normal form, which is
// RFC 3339. Timestamps are delivered and compared in this form. Pure.
import { isLeapYear, isRfc3339 } from './rfc3339.js';

/** Maximum length of a timestamp, in characters. Real timestamps are much shorter. @beta */
export const MAX_TIMESTAMP_CHARS = 128;

// The patterns match calendar dates, ordinal dates and week dates. Each kind of date has an extended format (with separators) and a
// basic format (without separators).
const EXTENDED_DATE = '(?<y>\\d{4})-(?:(?<mo>\\d\\d)-(?<d>\\d\\d)|(?<o>\\d{3})|W(?<w>\\d\\d)-(?<wd>[1-7]))';
const EXTENDED_TIME = '(?<h>\\d\\d)(?::(?<mi>\\d\\d)(?::(?<s>\\d\\d))?)?';
const BASIC_DATE = '(?<y>\\d{4})(?:(?<mo>\\d\\d)(?<d>\\d\\d)|(?<o>\\d{3})|W(?<w>\\d\\d)(?<wd>[1-7]))';
const BASIC_TIME = '(?<h>\\d\\d)(?:(?<mi>\\d\\d)(?<s>\\d\\d)?)?';
/** A decimal fraction of the last part of the time, after a point or a comma. */
const FRACTION = '(?:[.,](?<f>\\d+))?';
/** The offset from UTC. Its minus sign is the usual hyphen, or the character U+2212 that the standard names. */
const OFFSET = '(?<z>[Zz]|(?<sign>[+\\-\\u2212])(?<oh>[01]\\d|2[0-3])(?::?(?<om>[0-5]\\d))?)?';
// The separator between date and time is a `T`, or the blank that many programs write. Date and time must have the same format,
// because the standard forbids a mix of the extended and the basic format.
const FORMS = [
  new RegExp(`^${EXTENDED_DATE}[Tt ]${EXTENDED_TIME}${FRACTION}${OFFSET}$`),
  new RegExp(`^${BASIC_DATE}[Tt ]${BASIC_TIME}${FRACTION}${OFFSET}$`),
];

/**
 * All forms as one regular expression for the keyword `pattern` of JSON Schema (draft 7 and 2020-12), without named groups. The
 * pattern cannot check the calendar. For example, it accepts 31 February.
 */
export const TIMESTAMP_PATTERN = `^(?:${plain(EXTENDED_DATE)}[Tt ]${plain(EXTENDED_TIME)}|${plain(BASIC_DATE)}[Tt ]${plain(BASIC_TIME)})${plain(FRACTION)}${plain(OFFSET)}$`;

function plain(pattern: string): string {
  return pattern.replace(/\(\?<[a-z]+>/g, '(?:');
}

type Parts = Readonly<Record<string, string | undefined>>;

/**
 * Returns the normal form (RFC 3339) of an ISO 8601 date-time, or `undefined` for any other text. A text in normal form is returned
 * unchanged. A time without an offset is UTC. Hour 24 is the beginning of the next day.
 * @beta
 */
export function normalizeTimestamp(text: string): string | undefined {
  if (text.length > MAX_TIMESTAMP_CHARS) return undefined;
  if (isRfc3339(text)) return text;
  const parts = partsOf(text);
  const date = parts === undefined ? undefined : dateOf(parts);
  const time = parts === undefined ? undefined : timeOf(parts);
  if (parts === undefined || date === undefined || time === undefined) return undefined;
  const normal = `${textOf(time.isNextDay ? dayAfter(date) : date)}T${time.text}${offsetOf(parts)}`;
  // The check of the normal form refuses the other invalid values, such as year 10000, minute 60 and impossible leap seconds.
  return isRfc3339(normal) ? normal : undefined;
}

/** True for any ISO 8601 date-time: see {@link normalizeTimestamp}. @beta */
export function isTimestamp(text: string): boolean {
  return normalizeTimestamp(text) !== undefined;
}

/** True when a valid timestamp has an offset from UTC. A timestamp without an offset is UTC. @beta */
export function hasUtcOffset(text: string): boolean {
  return /(?:[Zz]|[+\-\u2212]\d\d(?::?\d\d)?)$/.test(text.slice(Math.max(0, text.search(/[Tt ]/))));
}

function partsOf(text: string): Parts | undefined {
  for (const form of FORMS) {
    const groups = form.exec(text)?.groups;
    if (groups !== undefined) return groups;
  }
  return undefined;
}

interface CalendarDate {
  readonly year: number;
  /** The month, 1 to 12. */
  readonly month: number;
  readonly day: number;
}

/**
 * Returns the calendar date, or `undefined` for an ordinal or week date that does not exist. A date with a month and a day is
 * not checked here.
 */
function dateOf({ y, mo, d, o, w, wd }: Parts): CalendarDate | undefined {
  const year = Number(y);
  if (mo !== undefined) return { year, month: Number(mo), day: Number(d) };
  if (o !== undefined) {
    const dayOfYear = Number(o);
    const isDay = dayOfYear >= 1 && dayOfYear <= (isLeapYear(year) ? 366 : 365);
    return isDay ? calendarDate(year, 1, dayOfYear) : undefined;
  }
  const week = Number(w);
  if (week < 1 || week > weeksIn(year)) return undefined;
  // Week 1 contains the year's first Thursday, and therefore 4 January.
  return calendarDate(year, 1, 4 - weekdayOf(year, 4) + (week - 1) * 7 + Number(wd));
}

/** Returns the date of a day number. The day number may lie outside the month, as day 0 or day 40. */
function calendarDate(year: number, month: number, day: number): CalendarDate {
  const date = utcDate(year, month, day);
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
}

function dayAfter({ year, month, day }: CalendarDate): CalendarDate {
  return calendarDate(year, month, day + 1);
}

function utcDate(year: number, month: number, day: number): Date {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date;
}

/** Returns the weekday of a day in January, from 1 (Monday) to 7 (Sunday). */
function weekdayOf(year: number, day: number): number {
  return utcDate(year, 1, day).getUTCDay() || 7;
}

/** Returns the number of weeks in a year. It is 53 if 1 January is a Thursday, or a Wednesday in a leap year, otherwise 52. */
function weeksIn(year: number): number {
  const first = weekdayOf(year, 1);
  return first === 4 || (first === 3 && isLeapYear(year)) ? 53 : 52;
}

function textOf({ year, month, day }: CalendarDate): string {
  return `${digits(year, 4)}-${digits(month, 2)}-${digits(day, 2)}`;
}

function digits(value: number, length: number): string {
  return String(value).padStart(length, '0');
}

/** Returns the time of day as `hh:mm:ss` with its fraction, or `undefined` for a time after 24:00. */
function timeOf({ h = '', mi, s, f = '' }: Parts): { text: string; isNextDay: boolean } | undefined {
  if (h === '24') {
    const isMidnight = !/[1-9]/.test(`${mi ?? ''}${s ?? ''}${f}`);
    return isMidnight ? { text: '00:00:00', isNextDay: true } : undefined;
  }
  if (s !== undefined) return { text: `${h}:${mi}:${s}${f === '' ? '' : `.${f}`}`, isNextDay: false };
  // Converts a fraction of an hour or of a minute to seconds. The result is exact for a fraction of any length.
  const [seconds, rest] = scaled(f, mi === undefined ? 3_600n : 60n);
  const minute = mi === undefined ? Math.floor(seconds / 60) : Number(mi);
  const text = `${h}:${digits(minute, 2)}:${digits(seconds % 60, 2)}${rest}`;
  return { text, isNextDay: false };
}

/** Multiplies `0.<fraction>` by `factor`. Returns the integer part, and the fraction as `.digits` or as an empty string. */
function scaled(fraction: string, factor: bigint): readonly [number, string] {
  if (fraction === '') return [0, ''];
  const product = String(BigInt(fraction) * factor).padStart(fraction.length + 1, '0');
  const rest = product.slice(-fraction.length).replace(/0+$/, '');
  return [Number(product.slice(0, -fraction.length)), rest === '' ? '' : `.${rest}`];
}

function offsetOf({ z, sign, oh, om = '00' }: Parts): string {
  if (sign === undefined || oh === undefined) return z === undefined ? 'Z' : z.toUpperCase();
  return `${sign === '+' ? '+' : '-'}${oh}:${om}`;
}
