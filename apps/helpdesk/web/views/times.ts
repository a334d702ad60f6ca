// Formats times and durations.
import { texts } from '../../src/texts.js';

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const day = new Intl.DateTimeFormat('en-GB', { weekday: 'long', day: 'numeric', month: 'long' });
const shortDay = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });

/** Formats a time as 14:02. */
export function clockTime(iso: string): string {
  return clock.format(new Date(iso));
}

/** Formats a day as Today, Yesterday or Friday 21 November. */
export function dayName(iso: string, now = new Date()): string {
  const date = new Date(iso);
  if (areSameDay(date, now)) return texts.chat.today;
  if (areSameDay(date, new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1)))
    return texts.chat.yesterday;
  return day.format(date);
}

/** Formats a time of today as 14:02, and an earlier day as 21 Nov. */
export function listTime(iso: string, now = new Date()): string {
  const date = new Date(iso);
  return areSameDay(date, now) ? clock.format(date) : shortDay.format(date);
}

/** Formats a duration: whole milliseconds below a second (840 ms), otherwise seconds with one decimal (6.2 s). */
export function duration(milliseconds: number): string {
  return milliseconds < 1_000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1_000).toFixed(1)} s`;
}

/** True if two times are on the same day in the local time zone. */
export function isSameDay(a: string, b: string): boolean {
  return areSameDay(new Date(a), new Date(b));
}

function areSameDay(a: Date, b: Date): boolean {
  return a.getFullYear() === b.getFullYear() && a.getMonth() === b.getMonth() && a.getDate() === b.getDate();
}
