// The helpdesk's error class. Each code has the HTTP status that the API answers with.

/** Stable codes of {@link HelpdeskError}, with the HTTP status of each. */
const helpdeskErrorStatus = {
  invalid_request: 422,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  overloaded: 503,
} as const;

/** A code of {@link HelpdeskError}. */
export type HelpdeskErrorCode = keyof typeof helpdeskErrorStatus;

/** A request that the API refuses. The caller sees the message. */
export class HelpdeskError extends Error {
  override readonly name = 'HelpdeskError';
  readonly code: HelpdeskErrorCode;

  constructor(code: HelpdeskErrorCode, message: string) {
    super(message);
    this.code = code;
  }

  /** The HTTP status to answer with. */
  get status(): number {
    return helpdeskErrorStatus[this.code];
  }
}
