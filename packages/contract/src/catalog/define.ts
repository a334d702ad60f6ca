// The functions that declare streams and event types. The functions check a declaration immediately, and
// freeze it.
import type { TSchema } from 'typebox';
import { coalescingOf } from '../indicator.js';
import type { EventTypeDeclaration, StreamDeclaration } from './declaration.js';
import { checkEventType, checkStream } from './declaration-checks.js';

/**
 * Declares a stream.
 * @throws ContractError `invalid_declaration`
 *
 * @example
 * ```ts
 * const orders = defineStream({ name: 'events:orders', maxLength: 10_000 });
 * ```
 * @beta
 */
export function defineStream<const Name extends string>(
  stream: StreamDeclaration<Name>,
): StreamDeclaration<Name> {
  checkStream(stream);
  return Object.freeze({ ...stream });
}

/**
 * Declares an event type. The payload's static type follows from its schema.
 * @throws ContractError `invalid_declaration`
 *
 * @example
 * ```ts
 * const orderPlaced = defineEventType({
 *   name: 'order_placed',
 *   payload: Type.Object({ id: Type.String(), items: Type.Integer({ minimum: 1 }) }),
 *   stream: 'events:orders',
 *   lane: 'high', // a publisher with a backlog sends it before medium and low events
 *   maxAgeMs: null, // never stale
 *   replay: { mode: 'all' }, // a client that reconnects receives every event that it missed
 * });
 * ```
 * @beta
 */
export function defineEventType<
  const Name extends string,
  Schema extends TSchema,
  const Stream extends string,
>(type: EventTypeDeclaration<Name, Schema, Stream>): EventTypeDeclaration<Name, Schema, Stream> {
  checkEventType(type);
  return Object.freeze({ ...withCoalescing(type) });
}

/**
 * Adds the coalescing rule that follows from the indicator of a type. Returns the type unchanged if it has no indicator, or if it
 * declares its own coalescing rule.
 */
export function withCoalescing<Type extends EventTypeDeclaration>(type: Type): Type {
  const { indicator, coalescing } = type;
  if (indicator === undefined || coalescing !== undefined) return type;
  return Object.freeze({ ...type, coalescing: coalescingOf(indicator) });
}
