/* The methods of a hub for the dispatcher. They are found by name without regard to case, and their types are erased. */
import { type HubMethodsOf, type MethodKind, methodKey } from './hub-definition.js';

/** One method, ready to run. */
export interface MethodEntry {
  /** The declared name of the method. */
  readonly name: string;
  readonly kind: MethodKind;
  /** One guard per stream that the client uploads. */
  readonly uploads: readonly ((item: unknown) => boolean)[];
  readonly authorize:
    | ((context: unknown, ...args: readonly unknown[]) => boolean | Promise<boolean>)
    | undefined;
  /** Begins the method's work while the call waits. Absent for most methods. */
  readonly prepare: ((context: unknown, ...args: readonly unknown[]) => void) | undefined;
  /**
   * Turns the client's arguments into the method's arguments.
   * @throws any error of the hub's parser
   */
  parse(args: readonly unknown[]): readonly unknown[];
  invoke(context: unknown, args: readonly unknown[]): unknown;
}

/** The methods of a hub by `methodKey` of their names. */
export type MethodTable = ReadonlyMap<string, MethodEntry>;

export function createMethodTable<Context>(methods: HubMethodsOf<Context>): MethodTable {
  return new Map(
    Object.entries(methods).map(([name, declared]) => [methodKey(name), entryOf(name, declared)]),
  );
}

function entryOf<Context>(name: string, declared: HubMethodsOf<Context>[string]): MethodEntry {
  // Erasing the types is safe: the context belongs to a connection of this hub, and the arguments come from the method's own
  // parser and guards. A plain method has unknown arguments.
  type Invoke = (context: unknown, ...args: readonly unknown[]) => unknown;
  if (typeof declared === 'function') {
    const invoke = declared as Invoke;
    return {
      name,
      kind: 'call',
      uploads: [],
      authorize: undefined,
      prepare: undefined,
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
    prepare: declared.prepare as MethodEntry['prepare'],
    parse: declared.parse,
    invoke: (context, args) => invoke(context, ...args),
  };
}
