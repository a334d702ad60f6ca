// The one error class of this package and its codes. Callers decide by `code`, never by the message.

/** Every code a `BrokerError` can carry. */
export const BROKER_ERROR_CODES = [
  /**
   * The store cannot be reached, or the connection was lost meanwhile. The broker reconnects. `mayHaveHappened` says whether a write
   * may have been done.
   */
  'unavailable',
  /** No answer within the deadline. `mayHaveHappened` says whether a write may have been done. */
  'timeout',
  /** The broker was closed. */
  'closed',
  /** The store is out of memory and wrote nothing. */
  'out_of_memory',
  /** Too much is waiting already, for example in a coalescing window; nothing was sent. */
  'overloaded',
  /** The store refused the command for good: wrong type of key, missing permission, too old a version. */
  'refused',
  /** The caller broke a rule of the port; nothing was sent. */
  'invalid_argument',
  /** The store has another number of partitions of a stream. */
  'partitions_differ',
  /** The store holds data in a layout that this build does not know; nothing was read or written. */
  'layout_differs',
  /** The text is not a position. */
  'invalid_position',
  /** The position has a form of a later build, which this build cannot read. */
  'later_position',
] as const;

/** One of `BROKER_ERROR_CODES`. */
export type BrokerErrorCode = (typeof BROKER_ERROR_CODES)[number];

const TRANSIENT: ReadonlySet<BrokerErrorCode> = new Set([
  'unavailable',
  'timeout',
  'out_of_memory',
  'overloaded',
]);

/** Codes with which a write may have reached the store all the same. */
const OPEN_OUTCOMES: ReadonlySet<BrokerErrorCode> = new Set(['unavailable', 'timeout', 'closed']);

/** Options of a new `BrokerError`. */
export interface BrokerErrorOptions extends ErrorOptions {
  /** The call never left this process, or the store answered that it did nothing. @defaultValue false */
  readonly nothingHappened?: boolean;
}

/** Every failure of the broker. `code` is stable; `cause` keeps what the store or the socket reported. */
export class BrokerError extends Error {
  /** Also true for an error of another copy of this package: a publisher installed from its tarball brings one of its own. */
  static override [Symbol.hasInstance](value: unknown): value is BrokerError {
    return value instanceof Error && value.name === 'BrokerError';
  }

  override readonly name = 'BrokerError';
  readonly code: BrokerErrorCode;
  /** True when a write may have been done although it failed here. `false` is certain: the store has nothing of it. */
  readonly mayHaveHappened: boolean;

  constructor(code: BrokerErrorCode, message: string, options: BrokerErrorOptions = {}) {
    const { nothingHappened = false, ...rest } = options;
    super(message, rest);
    this.code = code;
    this.mayHaveHappened = OPEN_OUTCOMES.has(code) && !nothingHappened;
  }

  /** True when repeating the same call later can succeed without any change. */
  get isTransient(): boolean {
    return TRANSIENT.has(this.code);
  }
}

/** True when the store answered and refused the call for good: another stream may still be served. */
export function isRefusal(error: unknown): error is BrokerError {
  return error instanceof BrokerError && error.code === 'refused';
}

/** `error` itself when it is a `BrokerError`, else one with `code` that keeps it as its cause. */
export function toBrokerError(error: unknown, code: BrokerErrorCode): BrokerError {
  if (error instanceof BrokerError) return error;
  return new BrokerError(code, error instanceof Error ? error.message : String(error), { cause: error });
}

/** The error of every call after `close`. */
export function brokerClosed(): BrokerError {
  return new BrokerError('closed', 'The broker is closed');
}
