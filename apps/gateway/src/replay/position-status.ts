// How a client's place in a stream stands to what this gateway has read of it. Pure.
import {
  type CurrentStreamPosition,
  compareEntryIds,
  type ReportedTip,
  type StreamPosition,
} from '@millrace/broker';

/** How far this gateway has read a stream, and what the last heartbeat said of its end. */
export interface KnownStream extends CurrentStreamPosition {
  readonly told?: ReportedTip | undefined;
}

/**
 * - `reached`: this gateway has read at least as far.
 * - `lost`: the stream has no such place: it was lost since, or its newest entry is older.
 * - `unread`: the stream has it, and this gateway has not read that far yet.
 * - `unproven`: another server has the stream, and nobody has proven yet that it has this part of it.
 * - `unknown`: only the broker can tell, and has not been heard since.
 */
export type Standing = 'reached' | 'lost' | 'unread' | 'unproven' | 'unknown';

/** @param sinceMs when the client came, in local monotonic time: what the broker was asked before says nothing about its place */
export function standingOf(
  { epoch, cursor }: StreamPosition,
  current: KnownStream,
  sinceMs: number,
): Standing {
  const { previousEpoch, told } = current;
  const hasHeard = told !== undefined && told.askedAtMs >= sinceMs;
  const isOfPreviousEpoch = previousEpoch?.epoch === epoch;
  const holds =
    epoch === current.epoch || (isOfPreviousEpoch && compareEntryIds(cursor, previousEpoch.upTo) <= 0);
  if (holds && compareEntryIds(cursor, current.cursor) <= 0) return 'reached';
  if (!hasHeard) return 'unknown';
  if (holds) return compareEntryIds(cursor, told.lastId) <= 0 ? 'unread' : 'lost';
  return isOfPreviousEpoch ? 'unproven' : 'lost';
}
