// The result of every parse function: a typed value, or the issues of the input.
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
  /** The name of the event type, when the catalog has it. Use it in messages and metrics: the catalog bounds its values. */
  readonly eventType?: string;
}

/** A typed value or issues. Wrong input is a result, never an exception. */
export type ParseResult<T> = ParseSuccess<T> | ParseFailure;
