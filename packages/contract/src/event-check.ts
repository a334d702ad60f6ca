// The compiled checks of one event type. Compiled on first use, so that a catalog costs nothing at start and
// nothing for types that never come.
import type { TObject, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import type { EventTypeDeclaration } from './declaration.js';
import { envelopeSchema } from './envelope.js';
import { explain } from './explain.js';
import { actualTypeOf, type Issue, MAX_ISSUES } from './issue.js';
import { isNestedWithinLimit, MAX_NESTING } from './nesting.js';

type Check = (value: unknown) => boolean;

function compileOnFirstUse(schema: TSchema): Check {
  let check: Check | undefined;
  return (value) => {
    if (check === undefined) {
      // Without `eval` (a browser's content security policy) TypeBox interprets the schema instead.
      const compiled = Compile(schema);
      check = (input) => compiled.Check(input);
    }
    return check(value);
  };
}

/** What one event type checks, and how it explains a refusal. */
export interface EventCheck {
  readonly declaration: EventTypeDeclaration;
  isEvent(value: unknown): boolean;
  isPayload(value: unknown): boolean;
  /** The reasons why a value is not an event of this type. Called after a refusal. */
  explainEvent(value: unknown): readonly Issue[];
  explainPayload(value: unknown): readonly Issue[];
}

interface Nested {
  readonly payload?: unknown;
  readonly metadata?: unknown;
}

function explainNesting(value: unknown, path: string): readonly Issue[] {
  if (isNestedWithinLimit(value)) return [];
  const expected = `nested at most ${MAX_NESTING} levels deep`;
  return [{ path, rule: 'maxNesting', expected, actualType: actualTypeOf(value) }];
}

/** Creates the checks of one event type. */
export function createEventCheck(declaration: EventTypeDeclaration): EventCheck {
  const eventSchema: TObject = envelopeSchema(declaration);
  const followsEnvelope = compileOnFirstUse(eventSchema);
  const followsPayload = compileOnFirstUse(declaration.payload);
  return {
    declaration,
    isEvent(value) {
      if (!followsEnvelope(value)) return false;
      const { payload, metadata } = value as Nested; // The check above saw an object.
      return isNestedWithinLimit(payload) && isNestedWithinLimit(metadata);
    },
    isPayload: (value) => followsPayload(value) && isNestedWithinLimit(value),
    explainEvent(value) {
      const { payload, metadata } = value as Nested; // Called for objects only.
      return [
        ...explain(eventSchema, value, ''),
        ...explainNesting(payload, '/payload'),
        ...explainNesting(metadata, '/metadata'),
      ].slice(0, MAX_ISSUES);
    },
    explainPayload: (value) =>
      [...explain(declaration.payload, value, '/payload'), ...explainNesting(value, '/payload')].slice(
        0,
        MAX_ISSUES,
      ),
  };
}
