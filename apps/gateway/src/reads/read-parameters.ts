// Reads the query of a request that reads a room. Pure.
import type { Position } from '@millrace/broker';
import { readClientPosition } from '../replay/client-position.js';

/** The parameters of a reader's request. */
export interface ReadParameters {
  /** The position after which events are read. `undefined` for a reader that begins now. */
  readonly after: Position | undefined;
  /** Maximum number of events on a page. */
  readonly limit: number;
  /** Maximum time for which the answer waits if there is no event. 0 for an answer at once. */
  readonly waitMs: number;
}

/** The limits of an answer. */
export interface ReadLimits {
  readonly maxEvents: number;
  /** An answer waits no longer than this, even if the reader may ask for more. */
  readonly maxWaitMs: number;
}

/** A wrong parameter, with the text for the problem. */
export interface WrongParameter {
  readonly wrong: string;
}

const DEFAULT_LIMIT = 100;

// A reader need not know how long its gateway waits: a longer `wait` is valid, and the empty page comes earlier.
const ALWAYS_VALID_WAIT_SECONDS = 90;

/** Returns the greatest valid `wait`, in seconds. */
export function greatestWaitSeconds({ maxWaitMs }: Pick<ReadLimits, 'maxWaitMs'>): number {
  return Math.max(ALWAYS_VALID_WAIT_SECONDS, Math.floor(maxWaitMs / 1_000));
}

/**
 * Reads the parameters `after`, `limit` and `wait` (in seconds).
 *
 * @param lastEventId the header `Last-Event-ID`. It wins over `after`: an EventSource that reconnects requests its first URL
 *   again, with the old `after`. An empty header counts as none: a client that has received no ID yet may send it
 */
export function readParameters(
  query: ReadonlyMap<string, string>,
  lastEventId: string | undefined,
  limits: ReadLimits,
): ReadParameters | WrongParameter {
  const hasHeader = lastEventId !== undefined && lastEventId !== '';
  const given = hasHeader ? lastEventId : query.get('after');
  const after = given === undefined || given === '' ? undefined : readClientPosition(given);
  if (after === undefined && given !== undefined && given !== '') {
    const name = hasHeader ? 'Last-Event-ID' : 'after';
    return { wrong: `\`${name}\` is not a position that a gateway gave out.` };
  }
  const limit = wholeNumber(query.get('limit'), Math.min(DEFAULT_LIMIT, limits.maxEvents));
  if (limit === undefined || limit < 1 || limit > limits.maxEvents)
    return { wrong: `\`limit\` must be a whole number from 1 to ${limits.maxEvents}.` };
  const maxWaitSeconds = greatestWaitSeconds(limits);
  const waitSeconds = wholeNumber(query.get('wait'), 0);
  if (waitSeconds === undefined || waitSeconds > maxWaitSeconds)
    return { wrong: `\`wait\` must be a whole number of seconds from 0 to ${maxWaitSeconds}.` };
  return { after, limit, waitMs: Math.min(waitSeconds * 1_000, limits.maxWaitMs) };
}

/** Returns `undefined` for a text that is not a whole number of at most six digits. */
function wholeNumber(text: string | undefined, otherwise: number): number | undefined {
  if (text === undefined) return otherwise;
  return /^\d{1,6}$/.test(text) ? Number(text) : undefined;
}
