// The answer of every parse function: a typed value, or the issues that stand in its way.
import type { Issue } from './issue.js';

/** A parse that succeeded. */
export interface ParseSuccess<T> {
  readonly ok: true;
  readonly value: T;
}

/** A parse that failed. */
export interface ParseFailure {
  readonly ok: false;
  /** At least one, at most `MAX_ISSUES`, in the order of the declared fields. */
  readonly issues: readonly Issue[];
  /** The name of the event type, when the catalog knows it. For messages and for metrics: bounded by the catalog. */
  readonly eventType?: string;
}

/** A typed value or issues. Trouble from outside is a result, never an exception. */
export type ParseResult<T> = ParseSuccess<T> | ParseFailure;
