// Checks for which JSON Schema has no exact keyword. TypeBox compiles them together with the schema, as refinements, so that no
// global registry of formats is needed. Each check has words for issues, and JSON Schema keywords for the generated documents.
import { Refine, type TRefineAdd, type TSchema } from 'typebox';

// A registered symbol, so that two copies of this package in one program can read each other's schemas.
const NAMED_CHECK = Symbol.for('@millrace/contract/named-check');

/** The name and the words of a rule for which JSON Schema has no exact keyword. @beta */
export interface NamedCheck {
  /** Stable name, reported as `Issue.rule`, such as `format:uuid`. */
  readonly rule: string;
  /** The expected value, in words that follow "must be", such as `a UUID`. */
  readonly expected: string;
  /** Standard keywords that express the rule, exactly or nearly, in JSON Schema, AsyncAPI and OpenAPI documents. */
  readonly jsonSchema?: Readonly<Record<string, unknown>>;
}

interface CheckFunction {
  (value: unknown): boolean;
  [NAMED_CHECK]?: NamedCheck;
}

/**
 * Adds a named check to a schema. The static type stays as it is. The check runs only on values that the schema accepts. The check
 * must be pure and must not throw.
 * @beta
 */
export function checked<Schema extends TSchema, Value>(
  schema: Schema,
  check: (value: Value) => boolean,
  named: NamedCheck,
): TRefineAdd<Schema> {
  const run: CheckFunction = (value) => check(value as Value); // The schema has accepted the value.
  run[NAMED_CHECK] = Object.freeze({ ...named });
  return Refine(schema, run, () => named.expected);
}

/** Returns the named check of a refinement, or `undefined` if {@link checked} did not make the refinement. */
export function namedCheckOf(check: (value: unknown) => boolean): NamedCheck | undefined {
  return (check as CheckFunction)[NAMED_CHECK];
}
