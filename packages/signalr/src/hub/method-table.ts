/*
 * The methods of a hub as the dispatcher needs them: found by name without regard to case, types erased.
 */
import { type HubMethodsOf, type MethodKind, methodKey } from './hub-definition.js';

/** One method, ready to run. */
export interface MethodEntry {
  /** As declared. */
  readonly name: string;
  readonly kind: MethodKind;
  /** One guard per stream that the client uploads. */
  readonly uploads: readonly ((item: unknown) => boolean)[];
  readonly authorize:
    | ((context: unknown, ...args: readonly unknown[]) => boolean | Promise<boolean>)
    | undefined;
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
  // Erasure: the context is the one that this hub makes for its own connections, and the arguments are what
  // this method's own parser returned and its own guards let pass; a plain method takes unknown.
  type Invoke = (context: unknown, ...args: readonly unknown[]) => unknown;
  if (typeof declared === 'function') {
    const invoke = declared as Invoke;
    return {
      name,
      kind: 'call',
      uploads: [],
      authorize: undefined,
      parse: (args) => args,
      invoke: (context, args) => invoke(context, ...args),
    };
  }
  const invoke = declared.invoke as Invoke;
  return {
    name,
    kind: declared.kind,
    uploads: declared.uploads as MethodEntry['uploads'],
    authorize: declared.authorize as MethodEntry['authorize'],
    parse: declared.parse,
    invoke: (context, args) => invoke(context, ...args),
  };
}
