// Checks how old an event is (rule 4 of the data model), and how far a producer's clock is off. Pure.
import { type Entry, entryIdMs } from '@millrace/broker';
import { hasUtcOffset, type ReceivedEvent, timestampToMs } from '@millrace/contract';

/** The time from which an event's age is measured, and the current broker time. */
export interface FreshnessRule {
  readonly freshness: 'entry' | 'timestamp';
  readonly brokerTimeMs: number;
}

/**
 * Returns the time at which the entry was appended, by the broker's clock. This is the first part of the entry's ID, but not later
 * than `brokerTimeMs`: an ID lies in the future if a producer chose it or the broker's clock went back.
 */
export function appendedAtMs({ id }: Pick<Entry, 'id'>, brokerTimeMs: number): number {
  return Math.min(entryIdMs(id), brokerTimeMs);
}

/**
 * True when the producer wrote its timestamp without an offset from UTC. The gateway reads such a timestamp as UTC. It may be hours
 * off, because programs that leave the offset out often mean their own time zone.
 */
export function isNaive(entry: Entry): boolean {
  return !hasUtcOffset(entry.fields['timestamp'] ?? '');
}

/** True when an event is older than its type allows. A type without a limit is never stale. */
export function isStale(received: ReceivedEvent, entry: Entry, rule: FreshnessRule): boolean {
  const { maxAgeMs } = received.declaration;
  if (maxAgeMs === null) return false;
  const { freshness, brokerTimeMs } = rule;
  const byEntry = freshness === 'entry' || isNaive(entry);
  const madeAtMs = byEntry ? appendedAtMs(entry, brokerTimeMs) : timestampToMs(received.event.timestamp);
  return brokerTimeMs - madeAtMs > maxAgeMs;
}

/** Returns how far the producer's clock was ahead of the broker's when the event was appended. Negative if it was behind. */
export function clockSkewMs(received: ReceivedEvent, appendedMs: number): number {
  return timestampToMs(received.event.timestamp) - appendedMs;
}
