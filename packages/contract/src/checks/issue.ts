// What is wrong with one field of an event: where, which rule, what was expected, what kind of value came.
// An issue never holds the value itself: it may be private and it may be huge.

/** The kind of a value, as an issue names it. `undefined` stands for a missing field. */
export type ActualType =
  | 'string'
  | 'number'
  | 'boolean'
  | 'null'
  | 'array'
  | 'object'
  | 'undefined'
  | 'bigint'
  | 'symbol'
  | 'function';

/** One broken rule. Plain data, safe to log and to send to whoever sent the event. */
export interface Issue {
  /**
   * JSON Pointer (RFC 6901) to the field, `''` for the event as a whole. Names declared fields only, except to what no client
   * could read: there it names whatever leads to it, cut after 256 characters.
   */
  readonly path: string;
  /** Stable name of the rule, such as `required`, `type`, `const`, `minimum` or `format:uuid-v4`. */
  readonly rule: string;
  /** What the rule wants, in words that follow "must be". */
  readonly expected: string;
  /** The kind of the value that was found. */
  readonly actualType: ActualType;
}

/** Most issues one parse reports. The rest is cut off: the first few are what a person needs. */
export const MAX_ISSUES = 16;

/** Escapes one step of a JSON Pointer (RFC 6901, section 3). */
export function pointerStep(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1');
}

/** Names the kind of a value for {@link Issue.actualType}. */
export function actualTypeOf(value: unknown): ActualType {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

/**
 * One issue as a sentence: `/payload/is_typing must be true for typing_start, got boolean`.
 * Holds no value from the event.
 */
export function describeIssue(issue: Issue, eventType?: string): string {
  const where = issue.path === '' ? 'the event' : issue.path;
  const forType = eventType === undefined ? '' : ` for ${eventType}`;
  const got = issue.actualType === 'undefined' ? 'nothing' : issue.actualType;
  return `${where} must be ${issue.expected}${forType}, got ${got}`;
}

/** All issues as one line, for an error message or a log. */
export function describeIssues(issues: readonly Issue[], eventType?: string): string {
  return issues.map((issue) => describeIssue(issue, eventType)).join('; ');
}
