/*
 * The methods of a hub for the dispatcher: found by name without regard to case, with their types erased.
 */
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
  // The types can be erased safely: the context belongs to a connection of this hub, and the arguments come from the parser and the
  // guards of the same method. A plain method has unknown arguments.
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
