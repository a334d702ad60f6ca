// Compares a client's position in a stream with what this gateway has read of it. Pure.
import {
  type CurrentStreamPosition,
  compareEntryIds,
  isPositionValid,
  type ReportedTip,
  type StreamPosition,
} from '@millrace/broker';

/** How far this gateway has read a stream, and what the last heartbeat reported of its end. */
export interface KnownStream extends CurrentStreamPosition {
  readonly reportedEnd?: ReportedTip | undefined;
}

/**
 * - `reached`: this gateway has read at least as far.
 * - `lost`: the stream has no such position: it was lost since, or its newest entry is older.
 * - `unread`: the stream has it, and this gateway has not read that far yet.
 * - `unproven`: another server has the stream now, and it is not proven yet that it has this part of it.
 * - `unknown`: only the broker can answer this, and no heartbeat has arrived since.
 */
export type PositionStatus = 'reached' | 'lost' | 'unread' | 'unproven' | 'unknown';

/** @param sinceMs time at which the client came, in local monotonic time: an earlier report of the broker says nothing about its position */
export function positionStatusOf(
  position: StreamPosition,
  current: KnownStream,
  sinceMs: number,
): PositionStatus {
  const { cursor } = position;
  const { reportedEnd } = current;
  const hasReport = reportedEnd !== undefined && reportedEnd.askedAtMs >= sinceMs;
  const isValid = isPositionValid(position, current);
  if (isValid && compareEntryIds(cursor, current.cursor) <= 0) return 'reached';
  if (!hasReport) return 'unknown';
  if (isValid) return compareEntryIds(cursor, reportedEnd.lastId) <= 0 ? 'unread' : 'lost';
  return position.epoch === current.previousEpoch?.epoch ? 'unproven' : 'lost';
}
