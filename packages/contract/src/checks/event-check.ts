// The compiled checks of one event type. The checks are compiled on first use, so that a catalog costs no
// time at the start. The checks of types that are not used are never compiled.
import { messageOf } from '@millrace/internal';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/schema';
import type { EventTypeDeclaration } from '../catalog/declaration.js';
import type { CatalogRules } from '../catalog/declaration-checks.js';
import { ContractError } from '../contract-error.js';
import { envelopeSchema } from '../event/envelope.js';
import { explain } from './explain.js';
import { actualTypeOf, type Issue, MAX_ISSUES } from './issue.js';
import { explainUnreadable, isReadable } from './unreadable.js';

type Check = (value: unknown) => boolean;

/**
 * Compiles the schema of a type on first use. A value on which the check throws does not match the schema: a schema may
 * contain functions of the application, and their faults must not stop the reader of a stream.
 */
function compileOnFirstUse(schema: TSchema, typeName: string): Check {
  let check: Check | undefined;
  return (value) => {
    check ??= compile(schema, typeName);
    try {
      return check(value);
    } catch {
      return false;
    }
  };
}

/** @throws ContractError `invalid_declaration` if the schema cannot be compiled, for example because of a wrong pattern */
function compile(schema: TSchema, typeName: string): Check {
  try {
    // If `eval` is forbidden, for example by a browser's content security policy, TypeBox interprets the schema instead.
    const compiled = Compile(schema);
    return (input) => compiled.Check(input);
  } catch (cause) {
    const reason = messageOf(cause);
    const message = `event type "${typeName}": the payload schema cannot be compiled: ${reason}`;
    throw new ContractError('invalid_declaration', message, { cause });
  }
}

/** Explains why a value was refused. If the explanation throws, as the check did, the value as a whole is named. */
function explainSafely(schema: TSchema, value: unknown, path: string): readonly Issue[] {
  try {
    return explain(schema, value, path);
  } catch {
    const expected = 'a value that the check of its schema can handle (it threw an error)';
    return [
      { path: path === '' ? '/payload' : path, rule: 'check', expected, actualType: actualTypeOf(value) },
    ];
  }
}

/** Checks events of one type, and explains why a value was refused. */
export interface EventCheck {
  readonly declaration: EventTypeDeclaration;
  isEvent(value: unknown): boolean;
  isPayload(value: unknown): boolean;
  /** Returns the reasons why a value is not an event of this type. Called after `isEvent` has refused the value. */
  explainEvent(value: unknown): readonly Issue[];
  explainPayload(value: unknown): readonly Issue[];
}

interface Nested {
  readonly payload?: unknown;
  readonly metadata?: unknown;
}

/**
 * Returns the schema that a payload must follow. If the catalog requires the recommended fields, this is
 * `payload`. Otherwise it is `openPayload`, or `payload` for a type without `openPayload`.
 */
export function checkedPayload(
  { payload, openPayload }: Pick<EventTypeDeclaration, 'payload' | 'openPayload'>,
  { openPayloads }: Pick<CatalogRules, 'openPayloads'>,
): TSchema {
  return openPayloads === 'recommended' ? payload : (openPayload ?? payload);
}

/** Creates the checks of one event type in a catalog. */
export function createEventCheck(declaration: EventTypeDeclaration, rules: CatalogRules): EventCheck {
  const payloadSchema = checkedPayload(declaration, rules);
  const eventSchema = envelopeSchema(payloadSchema, rules.eventIdRule);
  const followsEnvelope = compileOnFirstUse(eventSchema, declaration.name);
  const followsPayload = compileOnFirstUse(payloadSchema, declaration.name);
  return {
    declaration,
    isEvent(value) {
      if (!followsEnvelope(value)) return false;
      const { payload, metadata } = value as Nested; // The cast is safe: the check above accepts only objects.
      return isReadable(payload) && isReadable(metadata);
    },
    isPayload: (value) => followsPayload(value) && isReadable(value),
    explainEvent(value) {
      const { payload, metadata } = value as Nested; // The cast is safe: the caller passes only objects.
      const unreadable = [explainUnreadable(payload, '/payload'), explainUnreadable(metadata, '/metadata')];
      return firstIssues([...explainSafely(eventSchema, value, ''), ...unreadable]);
    },
    explainPayload: (value) =>
      firstIssues([...explainSafely(payloadSchema, value, '/payload'), explainUnreadable(value, '/payload')]),
  };
}

function firstIssues(issues: readonly (Issue | undefined)[]): readonly Issue[] {
  return issues.filter((issue) => issue !== undefined).slice(0, MAX_ISSUES);
}
