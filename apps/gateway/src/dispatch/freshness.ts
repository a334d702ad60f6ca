// How old an event may be (rule 4 of the data model), and how far a producer's clock is off. Pure.
import { type Entry, entryIdMs } from '@millrace/broker';
import { hasUtcOffset, type ReceivedEvent, timestampToMs } from '@millrace/contract';

/** What the age is measured from, and against which clock. */
export interface FreshnessRule {
  readonly freshness: 'entry' | 'timestamp';
  readonly brokerTimeMs: number;
}

/**
 * When the entry was appended, by the broker's clock: the first part of its ID. A producer may have chosen that, or the clock may
 * have gone back: nothing was appended later than now.
 */
export function appendedAtMs({ id }: Pick<Entry, 'id'>, brokerTimeMs: number): number {
  return Math.min(entryIdMs(id), brokerTimeMs);
}

/**
 * True when the producer wrote its timestamp without an offset from UTC. It is taken as UTC, and may be hours off: programs that
 * leave the offset out often mean their own zone.
 */
export function isNaive(entry: Entry): boolean {
  return !hasUtcOffset(entry.fields['timestamp'] ?? '');
}

/** Whether an event is older than its type allows. A type without a limit is never stale. */
export function isStale(received: ReceivedEvent, entry: Entry, rule: FreshnessRule): boolean {
  const { maxAgeMs } = received.declaration;
  if (maxAgeMs === null) return false;
  const { freshness, brokerTimeMs } = rule;
  const byEntry = freshness === 'entry' || isNaive(entry);
  const madeAtMs = byEntry ? appendedAtMs(entry, brokerTimeMs) : timestampToMs(received.event.timestamp);
  return brokerTimeMs - madeAtMs > maxAgeMs;
}

/** How far the producer's clock was from the broker's when the event was appended; positive when it runs ahead. */
export function clockSkewMs(received: ReceivedEvent, appendedMs: number): number {
  return timestampToMs(received.event.timestamp) - appendedMs;
}
