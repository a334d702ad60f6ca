// Checks the age of an event (rule 4 of the data model), and measures the error of a producer's clock. Pure.
import { type Entry, entryIdMs } from '@millrace/broker';
import { hasUtcOffset, type ReceivedEvent, timestampToMs } from '@millrace/contract';

/** The time from which an event's age is measured, and the current broker time. */
export interface FreshnessRule {
  readonly freshness: 'entry' | 'timestamp';
  readonly brokerTimeMs: number;
}

/**
 * Returns the time at which the entry was appended, by the broker's clock. This is the time in the entry's ID, at most
 * `brokerTimeMs`. The ID may contain a later time, because a producer chose it or because the broker's clock went back.
 */
export function appendedAtMs({ id }: Pick<Entry, 'id'>, brokerTimeMs: number): number {
  return Math.min(entryIdMs(id), brokerTimeMs);
}

/**
 * True if the producer wrote the timestamp without an offset from UTC. The gateway reads it as UTC. That may be wrong by
 * hours, because programs that leave out the offset often mean their local time zone.
 */
export function isNaive(entry: Entry): boolean {
  return !hasUtcOffset(entry.fields['timestamp'] ?? '');
}

/** True when an event is older than its type allows. An event of a type without a limit is never stale. */
export function isStale(received: ReceivedEvent, entry: Entry, rule: FreshnessRule): boolean {
  const { maxAgeMs } = received.declaration;
  if (maxAgeMs === null) return false;
  const { freshness, brokerTimeMs } = rule;
  const byEntry = freshness === 'entry' || isNaive(entry);
  const madeAtMs = byEntry ? appendedAtMs(entry, brokerTimeMs) : timestampToMs(received.event.timestamp);
  return brokerTimeMs - madeAtMs > maxAgeMs;
}

/**
 * Returns how far the producer's clock was ahead of the broker's clock when the event was appended. Negative if the producer's
 * clock was behind.
 */
export function clockSkewMs(received: ReceivedEvent, appendedMs: number): number {
  return timestampToMs(received.event.timestamp) - appendedMs;
}
