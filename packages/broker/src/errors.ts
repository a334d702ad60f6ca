// The error class of this package and its codes. Callers must decide by `code`, never by the message.
import { messageOf } from '@millrace/internal';

/** Every code that a `BrokerError` can have. @beta */
export const BROKER_ERROR_CODES = [
  /**
   * The store cannot be reached, or the connection was lost during the call. The broker reconnects. `mayHaveHappened` tells
   * whether a write may have happened.
   */
  'unavailable',
  /** The store did not answer within the deadline. `mayHaveHappened` tells whether a write may have happened. */
  'timeout',
  /** The broker was closed. */
  'closed',
  /** The store is out of memory, and has written nothing. */
  'out_of_memory',
  /** Too much work already waits, for example because too many coalescing windows are open. Nothing was sent. */
  'overloaded',
  /**
   * The store permanently refuses the command, for example because a key has the wrong type, a permission is missing, or the store
   * is too old.
   */
  'refused',
  /** The caller passed an invalid argument or broke another rule of the port. Nothing was sent. */
  'invalid_argument',
  /** The store has a different number of partitions for a stream than this process. */
  'partitions_differ',
  /** The data in the store has a layout that this build does not know. Nothing was read or written. */
  'layout_differs',
  /** Another program uses the consumer group. Nothing was read from it or acknowledged in it. */
  'foreign_group',
  /** The text is not a position. */
  'invalid_position',
  /** A later build made the position, in a form that this build cannot read. */
  'later_position',
] as const;

/** One of `BROKER_ERROR_CODES`. @beta */
export type BrokerErrorCode = (typeof BROKER_ERROR_CODES)[number];

const TRANSIENT: ReadonlySet<BrokerErrorCode> = new Set([
  'unavailable',
  'timeout',
  'out_of_memory',
  'overloaded',
]);

/** Codes of failed calls that may still have written to the store. */
const OPEN_OUTCOMES: ReadonlySet<BrokerErrorCode> = new Set(['unavailable', 'timeout', 'closed']);

/** Options of a new `BrokerError`. */
export interface BrokerErrorOptions extends ErrorOptions {
  /**
   * True if the store has certainly done nothing. The call never left this process, or the store answered that it did
   * nothing.
   * @defaultValue false
   */
  readonly nothingHappened?: boolean;
}

/**
 * The error of every failed call of the broker. `code` is stable. `cause` is the error that the store or the socket reported.
 * @beta
 */
export class BrokerError extends Error {
  /**
   * Makes `instanceof` true also for errors of another copy of this package. For example, a publisher that was installed from
   * its tarball has its own copy.
   */
  static override [Symbol.hasInstance](value: unknown): value is BrokerError {
    return value instanceof Error && value.name === 'BrokerError';
  }

  override readonly name = 'BrokerError';
  readonly code: BrokerErrorCode;
  /** True if a write may have happened although the call failed. False if the store has certainly done nothing. */
  readonly mayHaveHappened: boolean;

  constructor(code: BrokerErrorCode, message: string, options: BrokerErrorOptions = {}) {
    const { nothingHappened = false, ...rest } = options;
    super(message, rest);
    this.code = code;
    this.mayHaveHappened = OPEN_OUTCOMES.has(code) && !nothingHappened;
  }

  /** True if the same call may succeed later. */
  get isTransient(): boolean {
    return TRANSIENT.has(this.code);
  }
}

/** True if the store answered and permanently refused the call. Calls for other streams may still succeed. */
export function isRefusal(error: unknown): error is BrokerError {
  return error instanceof BrokerError && error.code === 'refused';
}

/** True if the error concerns one stream only: the store refused the call, or another program uses the consumer group there. */
export function isTroubleOfStream(error: unknown): error is BrokerError {
  return isRefusal(error) || (error instanceof BrokerError && error.code === 'foreign_group');
}

/** Returns `error` itself if it is a `BrokerError`. Otherwise returns a `BrokerError` with `code` and with `error` as its cause. */
export function toBrokerError(error: unknown, code: BrokerErrorCode): BrokerError {
  if (error instanceof BrokerError) return error;
  return new BrokerError(code, messageOf(error), { cause: error });
}

/** The error of every call after `close`. */
export function brokerClosed(): BrokerError {
  return new BrokerError('closed', 'The broker is closed');
}
