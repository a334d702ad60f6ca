// Compares a client's position in a stream with this gateway's own progress in the stream. Pure.
import {
  type CurrentStreamPosition,
  compareEntryIds,
  isPositionValid,
  type ReportedTip,
  type StreamPosition,
} from '@millrace/broker';

/** The progress of this gateway in a stream, and the end of the stream that the last heartbeat reported. */
export interface KnownStream extends CurrentStreamPosition {
  readonly reportedEnd?: ReportedTip | undefined;
}

/**
 * The status of a client's position in a stream:
 * - `reached`: this gateway has read the stream at least up to the position.
 * - `lost`: the stream does not contain the position, because the stream was lost or its newest entry is older than the
 *   position.
 * - `unread`: the stream contains the position, but this gateway has not read that far yet.
 * - `unproven`: another server has the stream now, and may lack entries up to the position.
 * - `unknown`: the status depends on the stream's end, which no heartbeat has reported since the client's join.
 */
export type PositionStatus = 'reached' | 'lost' | 'unread' | 'unproven' | 'unknown';

/**
 * Returns the status of a client's position.
 *
 * @param sinceMs local monotonic time of the client's join. A report of the stream's end may be too old to judge the position
 *   if it was requested earlier
 */
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
