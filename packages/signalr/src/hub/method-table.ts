/*
 * The methods of a hub as the dispatcher needs them: found by name without regard to case, types erased.
 */
import { type HubMethodsOf, methodKey } from './hub-definition.js';

/** One method, ready to run. */
export interface MethodEntry {
  /** As declared. */
  readonly name: string;
  /** @throws whatever the hub's parser throws */
  parse(args: readonly unknown[]): readonly unknown[];
  invoke(context: unknown, args: readonly unknown[]): unknown;
}

/** Key: `methodKey` of the name. */
export type MethodTable = ReadonlyMap<string, MethodEntry>;

export function createMethodTable<Context>(methods: HubMethodsOf<Context>): MethodTable {
  return new Map(
    Object.entries(methods).map(([name, declared]) => [methodKey(name), entryOf(name, declared)]),
  );
}

function entryOf<Context>(name: string, declared: HubMethodsOf<Context>[string]): MethodEntry {
  const isPlain = typeof declared === 'function';
  // Erasure: the context is the one that this hub makes for its own connections, and the arguments are what
  // this method's own parser returned; a plain method takes unknown.
  const invoke = (isPlain ? declared : declared.invoke) as (context: unknown, ...args: unknown[]) => unknown;
  return {
    name,
    parse: isPlain ? (args) => args : declared.parse,
    invoke: (context, args) => invoke(context, ...args),
  };
}
