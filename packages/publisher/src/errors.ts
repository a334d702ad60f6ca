// The publisher's errors. An event that breaks the contract is a `ContractError` of @millrace/contract instead.

/** Stable codes of {@link PublisherError}; each is explained in docs/errors.md. */
export const PUBLISHER_ERROR_CODES = [
  'broker_unavailable',
  'stream_refused',
  'outbox_full',
  'publisher_closed',
] as const;

/** One of {@link PUBLISHER_ERROR_CODES}. */
export type PublisherErrorCode = (typeof PUBLISHER_ERROR_CODES)[number];

/** How long a caller should wait before it tries again. */
const RETRY_AFTER_MS = 1_000;

/**
 * An event was not published, or it is not known whether it was.
 *
 * `broker_unavailable`: the store was away for too long; publish again with the same `eventId` after `retryAfterMs`, which
 * is safe for 5 minutes. `stream_refused`: the store refuses this stream until it is repaired, and has not stored the event;
 * other streams may work. `outbox_full`: too many events wait for the store already. `publisher_closed`: the publisher was closed.
 */
export class PublisherError extends Error {
  override readonly name = 'PublisherError';
  readonly code: PublisherErrorCode;
  /** Give it as `options.eventId` when you publish again. */
  readonly eventId: string;
  readonly retryAfterMs: number | undefined;
  /** `unknown`: the event was sent, and no answer came. */
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

/** The stream must be repaired first, so trying again at once is no use. */
const REPAIR_RETRY_MS = 10_000;

/** The store refuses the event's stream; the message says which and why. */
export function streamRefused(eventId: string, stream: string, cause: Error): PublisherError {
  const message = `The event store refuses ${stream} (${cause.message}); the event was not stored. Repair the stream, then publish it again.`;
  const details = { eventId, outcome: 'not_stored', retryAfterMs: REPAIR_RETRY_MS, cause } as const;
  return new PublisherError('stream_refused', message, details);
}

/** The store was away for too long for this event. `mayBeStored`: it was sent, and no answer came. */
export function brokerUnavailable(eventId: string, mayBeStored: boolean, cause?: unknown): PublisherError {
  const message = mayBeStored
    ? 'The event store cannot be reached; whether the event was stored is not known. Publish it again with the same eventId.'
    : 'The event store cannot be reached; the event was not stored. Publish it again later.';
  const outcome = mayBeStored ? 'unknown' : 'not_stored';
  return new PublisherError('broker_unavailable', message, {
    eventId,
    outcome,
    retryAfterMs: RETRY_AFTER_MS,
    cause,
  });
}

/** Too many events wait for the store already. */
export function queueFull(eventId: string): PublisherError {
  return new PublisherError(
    'outbox_full',
    'Too many events wait for the event store; this one was not published. Publish it again later.',
    { eventId, retryAfterMs: RETRY_AFTER_MS, outcome: 'not_stored' },
  );
}
