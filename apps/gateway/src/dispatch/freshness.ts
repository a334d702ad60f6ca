// Checks how old an event is (rule 4 of the data model), and how far a producer's clock is off. Pure.
import { type Entry, entryIdMs } from '@millrace/broker';
import { hasUtcOffset, type ReceivedEvent, timestampToMs } from '@millrace/contract';

/** The time from which the age is measured, and the present time of the broker. */
export interface FreshnessRule {
  readonly freshness: 'entry' | 'timestamp';
  readonly brokerTimeMs: number;
}

/**
 * Time at which the entry was appended, by the broker's clock: the first part of its ID. A producer may have chosen the ID, or the clock
 * may have gone back, so it is never later than now.
 */
export function appendedAtMs({ id }: Pick<Entry, 'id'>, brokerTimeMs: number): number {
  return Math.min(entryIdMs(id), brokerTimeMs);
}

/**
 * True when the producer wrote its timestamp without an offset from UTC. The gateway reads it as UTC, and it may be hours off: programs
 * that leave the offset out often mean their own time zone.
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

/** Difference between the producer's clock and the broker's when the event was appended; positive when the producer's is ahead. */
export function clockSkewMs(received: ReceivedEvent, appendedMs: number): number {
  return timestampToMs(received.event.timestamp) - appendedMs;
}
