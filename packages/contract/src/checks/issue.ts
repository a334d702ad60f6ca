// An issue: the path of one wrong field of an event, the broken rule, the expected value, and the kind of the actual value. An
// issue never contains the value itself, because the value may be private or huge.

/** The kind of a value, as an issue names it. `undefined` means a missing field. @public */
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

/** One broken rule. Plain data that is safe to log and to send to the event's producer. @public */
export interface Issue {
  /**
   * JSON Pointer (RFC 6901) to the field, or `''` for the event as a whole. The path contains only names of
   * declared fields, with one exception: the path to a value that some client cannot read also contains names
   * that are not declared, and is cut after 256 characters.
   */
  readonly path: string;
  /** Stable name of the rule, such as `required`, `type`, `const`, `minimum` or `format:uuid-v4`. */
  readonly rule: string;
  /** The expected value, in words that follow "must be". */
  readonly expected: string;
  /** The kind of the actual value. */
  readonly actualType: ActualType;
}

/**
 * Maximum number of issues that one parse reports. Further issues are left out, because a person needs only the first few.
 * @beta
 */
export const MAX_ISSUES = 16;

/** The rule of an issue about an event type that is not in the catalog. */
export const NOT_IN_CATALOG = 'event-type';
const TYPE_REMEDY = 'another type must be declared in the catalog, which publishers and gateways share';

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
 * Returns an issue as a sentence: `/payload/is_typing must be true for typing_start, got boolean`.
 * The sentence contains no value from the event.
 * @beta
 */
export function describeIssue(issue: Issue, eventType?: string): string {
  const where = issue.path === '' ? 'the event' : issue.path;
  if (issue.rule === NOT_IN_CATALOG) return `${where} must be ${issue.expected}; ${TYPE_REMEDY}`;
  const forType = eventType === undefined ? '' : ` for ${eventType}`;
  const got = issue.actualType === 'undefined' ? 'nothing' : issue.actualType;
  return `${where} must be ${issue.expected}${forType}, got ${got}`;
}

/** Returns all issues as one line, for an error message or a log. @beta */
export function describeIssues(issues: readonly Issue[], eventType?: string): string {
  return issues.map((issue) => describeIssue(issue, eventType)).join('; ');
}
