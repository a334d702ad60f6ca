// The result of every parse function: a typed value, or the issues of the input.
import type { Issue } from './issue.js';

/** A parse that succeeded. @beta */
export interface ParseSuccess<T> {
  readonly ok: true;
  readonly value: T;
}

/** A parse that failed. @beta */
export interface ParseFailure {
  readonly ok: false;
  /**
   * At least one issue, at most `MAX_ISSUES`. An unknown event type comes first, then the declared fields in their order. Values
   * that some client cannot read come last.
   */
  readonly issues: readonly Issue[];
  /**
   * The name of the event type, if the catalog has this type. This name is safe to use in metrics, because it
   * is always a name from the catalog.
   */
  readonly eventType?: string;
}

/** A typed value, or the issues of the input. Wrong input never causes an exception. @beta */
export type ParseResult<T> = ParseSuccess<T> | ParseFailure;
