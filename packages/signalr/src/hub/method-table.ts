/*
 * The methods of a hub as the dispatcher needs them: by name without regard to case, with their types erased.
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
  // The types can be erased: the context is one of this hub's own connections, and the arguments come from this method's own parser
  // and guards. A plain method has unknown arguments.
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
