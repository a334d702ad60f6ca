/*
 * Declaring a hub: what its clients can be sent, what they may call, and who they are, as static types and as
 * the table of methods that runs.
 */
import { SignalRError } from '../errors.js';
import type { HubContext } from './hub-context.js';

/**
 * A method without a parser. Its arguments come from the network as they are, so they are `unknown`: check
 * them before use, or declare the method with {@link method}.
 */
export type PlainMethod<Context> = (context: Context, ...args: unknown[]) => unknown;

declare const parsedMethod: unique symbol;

/** A method whose arguments were checked; made by {@link method} only. */
export interface ParsedMethod<Context, Args extends readonly unknown[] = never, Result = unknown> {
  readonly parse: (args: readonly unknown[]) => readonly unknown[];
  readonly invoke: (context: Context, ...args: Args) => Result;
  readonly [parsedMethod]: true;
}

/** From whatever a client sent to typed arguments; throws when that is not possible. */
export type ArgumentParser = (args: readonly unknown[]) => readonly unknown[];

/** What a parser yields. The method's own parameters have no say in it: they must fit. */
export type ParsedArguments<Parse extends ArgumentParser> = ReturnType<Parse>;

/**
 * Declares a method with typed arguments.
 * @param parse gets what the client sent, of any number and type, and returns the typed arguments. When it
 * throws, only this call fails, as .NET fails wrong arguments; a `HubError`'s text is sent to the caller
 * @param invoke is called with the context and what `parse` returned
 */
export function method<Context, Parse extends ArgumentParser, Result>(
  parse: Parse,
  invoke: (context: Context, ...args: ParsedArguments<Parse>) => Result,
): ParsedMethod<Context, ParsedArguments<Parse>, Result> {
  // The brand exists in types only: it keeps an unchecked pair of functions from passing for a checked one.
  return { parse, invoke } as unknown as ParsedMethod<Context, ParsedArguments<Parse>, Result>;
}

/** Methods by name. Clients find them whatever the case of their letters. */
export type HubMethodsOf<Context> = Readonly<Record<string, PlainMethod<Context> | ParsedMethod<Context>>>;

/** Hooks and methods of a hub. One object serves all connections: state of one belongs into `context.items`. */
export interface HubHandlers<Client, User, Items, Methods> {
  /** Runs before the first message is read. If it throws, the connection is closed and must not reconnect by itself. */
  readonly onConnected?: (context: HubContext<Client, User, Items>) => void | Promise<void>;
  /**
   * Runs once for every connection whose `onConnected` was started. The connection is still in its groups and
   * can no longer be sent anything. `error` is absent when either side ended it in an orderly way.
   */
  readonly onDisconnected?: (context: HubContext<Client, User, Items>, error?: Error) => void | Promise<void>;
  readonly methods: Methods;
}

/** The state of a connection: any object without a factory, a typed one with it. */
export type ItemsFactory<Items> =
  Record<string, unknown> extends Items
    ? { readonly createItems?: () => Items }
    : { readonly createItems: () => Items };

/** A declared hub. `typeof hub` holds all static types of both directions. */
export interface HubDefinition<Client, User, Items, Methods>
  extends HubHandlers<Client, User, Items, Methods> {
  readonly createItems: (() => Items) | undefined;
  /** Types only, never set: lets `HubClient<typeof hub>` find them. */
  readonly '~types'?: { readonly client: Client; readonly user: User; readonly items: Items };
}

/**
 * Declares a hub. The first call gives the types that cannot be inferred: what clients can be sent (an
 * interface of functions: name → arguments), the user that `authenticate` yields, and the connection's items.
 * The second call gives the hooks and methods.
 *
 * ```ts
 * interface ChatClient { message(from: string, text: string): void }
 * const chat = defineHub<ChatClient>()({
 *   methods: {
 *     send: method(parseArguments(isString), (context, text) => {
 *       context.clients.others.send('message', context.connectionId, text);
 *     }),
 *   },
 * });
 * ```
 * @throws SignalRError `duplicate_method` when two names differ in case only.
 */
export function defineHub<Client, User = undefined, Items = Record<string, unknown>>() {
  return <const Methods extends HubMethodsOf<HubContext<Client, User, Items>>>(
    handlers: HubHandlers<Client, User, Items, Methods> & ItemsFactory<Items>,
  ): HubDefinition<Client, User, Items, Methods> => {
    checkNames(Object.keys(handlers.methods));
    const {
      onConnected,
      onDisconnected,
      methods,
      createItems,
    }: HubHandlers<Client, User, Items, Methods> & {
      readonly createItems?: () => Items;
    } = handlers;
    return Object.freeze({
      methods,
      createItems,
      ...(onConnected === undefined ? {} : { onConnected }),
      ...(onDisconnected === undefined ? {} : { onDisconnected }),
    });
  };
}

/** Sees each key as clients do: without regard to case. */
function checkNames(names: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of names) {
    const key = methodKey(name);
    if (seen.has(key)) {
      throw new SignalRError(
        'duplicate_method',
        `The method '${name}' is declared twice; case does not count.`,
      );
    }
    seen.add(key);
  }
}

/** The form in which method names are compared: SignalR finds methods whatever the case. */
export function methodKey(name: string): string {
  return name.toLowerCase();
}

type Awaitable<Result> = Promise<Awaited<Result>>;

type CallOf<Method> =
  Method extends ParsedMethod<infer _Context, infer Args, infer Result>
    ? (...args: Args) => Awaitable<Result>
    : Method extends (context: infer _Context, ...args: infer Args) => infer Result
      ? (...args: Args) => Awaitable<Result>
      : never;

/** What a client may call on a hub: `HubCalls<typeof chat>` maps each method to the client's side of it. */
export type HubCalls<Definition> =
  Definition extends HubDefinition<infer _Client, infer _User, infer _Items, infer Methods>
    ? { readonly [Name in keyof Methods]: CallOf<Methods[Name]> }
    : never;

/** What a hub may send to its clients: the interface given to `defineHub`. */
export type HubMessages<Definition> = Definition extends {
  readonly '~types'?: { readonly client: infer Client };
}
  ? Client
  : never;
