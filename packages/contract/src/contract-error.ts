// The error class of this package. Its `code` is stable. Its message never contains a value from an event, because the value may be
// private.
import type { Issue } from './checks/issue.js';

/** The stable codes of {@link ContractError}, each with its meaning. @public */
export const CONTRACT_ERROR_CODES = {
  invalid_declaration: 'a stream, event type or catalog is declared wrongly (a programmer’s mistake)',
  unknown_event_type: 'the event type is not in the catalog',
  invalid_event: 'an event does not follow its envelope or payload schema',
  event_too_large: 'payload and metadata have more bytes than the catalog allows',
  invalid_option: 'an option of a function is wrong or unknown (a programmer’s mistake)',
  unencodable_event: 'an event holds something that JSON cannot carry (a cycle, a bigint)',
} as const;

/** One of the stable codes of {@link ContractError}. @public */
export type ContractErrorCode = keyof typeof CONTRACT_ERROR_CODES;

/** Thrown for a wrong declaration, and by functions that throw instead of returning a result. @public */
export class ContractError extends Error {
  /**
   * Makes `instanceof` true also for errors that another copy of this package created. For example, a publisher that was installed
   * from its tarball has its own copy.
   */
  static override [Symbol.hasInstance](value: unknown): value is ContractError {
    return value instanceof Error && value.name === 'ContractError';
  }

  override readonly name = 'ContractError';
  /** Stable code for programs. The message is for people and may change. */
  readonly code: ContractErrorCode;
  /** The issues of the event, field by field. Empty when the error does not concern an event. */
  readonly issues: readonly Issue[];

  constructor(
    code: ContractErrorCode,
    message: string,
    options: { readonly issues?: readonly Issue[]; readonly cause?: unknown } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.issues = options.issues ?? [];
  }
}
