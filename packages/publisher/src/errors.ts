// The publisher's errors. An event that breaks the contract causes a `ContractError` of @millrace/contract instead.
import { BrokerError } from '@millrace/broker';

/** Stable codes of {@link PublisherError}. docs/errors.md explains each code. @public */
export const PUBLISHER_ERROR_CODES = [
  'broker_unavailable',
  'stream_refused',
  'outbox_full',
  'publisher_closed',
  'invalid_argument',
  'invalid_option',
] as const;

/** One of {@link PUBLISHER_ERROR_CODES}. @public */
export type PublisherErrorCode = (typeof PUBLISHER_ERROR_CODES)[number];

/** Time that a caller should wait before it tries again. */
const RETRY_AFTER_MS = 1_000;

/**
 * Thrown if an event was not published, or may not have been published.
 *
 * - `broker_unavailable`: the store was unavailable for too long. Publish the event again with the same `eventId` after
 *   `retryAfterMs`. It is safe to do so for 5 minutes.
 * - `stream_refused`: the store refuses this stream until the stream is repaired, and has not stored the event. Other streams
 *   may work.
 * - `outbox_full`: too many events already wait for the store.
 * - `publisher_closed`: the publisher was closed.
 * - `invalid_argument`: a room ID or user ID is not valid. The error concerns no event, so `eventId` is empty.
 * - `invalid_option`: an option of the publisher is wrong or unknown. The error concerns no event, so `eventId` is empty.
 * @public
 */
export class PublisherError extends Error {
  override readonly name = 'PublisherError';
  readonly code: PublisherErrorCode;
  /** ID of the event. Pass it as `options.eventId` when you publish the event again. */
  readonly eventId: string;
  readonly retryAfterMs: number | undefined;
  /** `not_stored`: the event is not in its stream. `unknown`: the event was sent, but no answer came. */
  readonly outcome: 'not_stored' | 'unknown';

  constructor(
    code: PublisherErrorCode,
    message: string,
    details: {
      readonly eventId: string;
      readonly outcome: 'not_stored' | 'unknown';
      readonly retryAfterMs?: number;
      readonly cause?: unknown;
    },
  ) {
    super(message, { cause: details.cause });
    this.code = code;
    this.eventId = details.eventId;
    this.outcome = details.outcome;
    this.retryAfterMs = details.retryAfterMs;
  }
}

/** Returns the error for a wrong option. `fault` names the option, what is allowed, and the value unless it is a secret. */
export function invalidOption(fault: string): PublisherError {
  return new PublisherError('invalid_option', `Options of the publisher: ${fault}`, {
    eventId: '',
    outcome: 'not_stored',
  });
}

/**
 * Time that a caller should wait before it tries a refused stream again. The time is long, because somebody
 * must repair the stream first.
 */
const REPAIR_RETRY_MS = 10_000;

/** Returns the error for an event in a stream that the store refuses. The message names the stream and the reason. */
export function streamRefused(eventId: string, stream: string, cause: Error): PublisherError {
  const message = `The event store refuses ${stream} (${cause.message}); the event was not stored. Repair the stream, then publish it again.`;
  const details = { eventId, outcome: 'not_stored', retryAfterMs: REPAIR_RETRY_MS, cause } as const;
  return new PublisherError('stream_refused', message, details);
}

/**
 * Says why the store is unavailable, without a period at the end. A store that is full answers, and somebody must give it memory.
 * @param cause the cause of a {@link PublisherError}
 * @beta
 */
export function describeStoreFailure(cause: unknown): string {
  const isFull = cause instanceof BrokerError && cause.code === 'out_of_memory';
  return isFull
    ? 'The event store is out of memory (maxmemory of Redis)'
    : 'The event store cannot be reached';
}

/**
 * Returns the error for an event that was not accepted in time. `mayBeStored` is true if the event was sent, but no answer came.
 */
export function brokerUnavailable(eventId: string, mayBeStored: boolean, cause?: unknown): PublisherError {
  const message = mayBeStored
    ? `${describeStoreFailure(cause)}; whether the event was stored is not known. Publish it again with the same eventId.`
    : `${describeStoreFailure(cause)}; the event was not stored. Publish it again later.`;
  const outcome = mayBeStored ? 'unknown' : 'not_stored';
  return new PublisherError('broker_unavailable', message, {
    eventId,
    outcome,
    retryAfterMs: RETRY_AFTER_MS,
    cause,
  });
}

/** Returns the error of a closed publisher. */
export function publisherClosed(eventId: string): PublisherError {
  return new PublisherError('publisher_closed', 'The publisher is closed.', {
    eventId,
    outcome: 'not_stored',
  });
}

/**
 * Returns the error for an erasure that could not be completed. An error that is not of the broker is a fault of the program, and is
 * returned unchanged.
 */
export function erasureFailed(cause: unknown): unknown {
  if (!(cause instanceof BrokerError)) return cause;
  const isRefused = cause.code === 'refused';
  if (!isRefused && !cause.isTransient && cause.code !== 'closed') return cause;
  const message = isRefused
    ? `The event store refuses an erasure (${cause.message}). Some events may be erased. Repair the stream or the rights of the Redis user, then call erase again.`
    : `${describeStoreFailure(cause)}. Some events may be erased. Call erase again later.`;
  return new PublisherError(isRefused ? 'stream_refused' : 'broker_unavailable', message, {
    eventId: '',
    outcome: 'unknown',
    retryAfterMs: isRefused ? REPAIR_RETRY_MS : RETRY_AFTER_MS,
    cause,
  });
}

/** Returns the error for a change of a membership that was not stored in every stream of its room. */
export function membershipUnavailable(cause: BrokerError): PublisherError {
  const isRefused = cause.code === 'refused';
  const message = isRefused
    ? `The event store refuses a stream of the room (${cause.message}); the change may be stored in the others. Repair the stream, then repeat the call.`
    : `${describeStoreFailure(cause)}; whether the change was stored in every stream of the room is not known. Repeat the call.`;
  return new PublisherError(isRefused ? 'stream_refused' : 'broker_unavailable', message, {
    eventId: '',
    outcome: 'unknown',
    retryAfterMs: isRefused ? REPAIR_RETRY_MS : RETRY_AFTER_MS,
    cause,
  });
}

/** Returns the error for an event that is refused because too many events already wait for the store. */
export function queueFull(eventId: string, cause?: unknown): PublisherError {
  return new PublisherError(
    'outbox_full',
    'Too many events wait for the event store; this one was not published. Publish it again later.',
    { eventId, retryAfterMs: RETRY_AFTER_MS, outcome: 'not_stored', cause },
  );
}
