// The publisher's errors. An event that breaks the contract is a `ContractError` of @millrace/contract instead.

/** Stable codes of {@link PublisherError}; each is explained in docs/errors.md. */
export const PUBLISHER_ERROR_CODES = ['broker_unavailable', 'outbox_full', 'publisher_closed'] as const;

/** One of {@link PUBLISHER_ERROR_CODES}. */
export type PublisherErrorCode = (typeof PUBLISHER_ERROR_CODES)[number];

/**
 * An event was not published, or nobody knows whether it was.
 *
 * `broker_unavailable`: the store was away for too long; publish again with the same `eventId` after `retryAfterMs`, which
 * is safe for 5 minutes. `outbox_full`: too much waits for the store already. `publisher_closed`: not any more.
 */
export class PublisherError extends Error {
  override readonly name = 'PublisherError';
  readonly code: PublisherErrorCode;
  /** Give it as `options.eventId` when you publish again. */
  readonly eventId: string;
  readonly retryAfterMs: number | undefined;
  /** `unknown`: it was sent, and nobody heard what became of it. */
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
