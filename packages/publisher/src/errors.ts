// The publisher's errors. An event that breaks the contract is a `ContractError` of @millrace/contract instead.

/** Stable codes of {@link PublisherError}; each is explained in docs/errors.md. */
export const PUBLISHER_ERROR_CODES = ['broker_unavailable', 'publisher_closed'] as const;

/** One of {@link PUBLISHER_ERROR_CODES}. */
export type PublisherErrorCode = (typeof PUBLISHER_ERROR_CODES)[number];

/**
 * An event was not published, or nobody knows whether it was.
 *
 * `broker_unavailable`: the outcome is unknown; publish again with the same `eventId` after `retryAfterMs`, which
 * is safe for 5 minutes. `publisher_closed`: it was not published.
 */
export class PublisherError extends Error {
  override readonly name = 'PublisherError';
  readonly code: PublisherErrorCode;
  /** Give it as `options.eventId` when you publish again. */
  readonly eventId: string;
  readonly retryAfterMs: number | undefined;

  constructor(
    code: PublisherErrorCode,
    message: string,
    details: { readonly eventId: string; readonly retryAfterMs?: number; readonly cause?: unknown },
  ) {
    super(message, { cause: details.cause });
    this.code = code;
    this.eventId = details.eventId;
    this.retryAfterMs = details.retryAfterMs;
  }
}
