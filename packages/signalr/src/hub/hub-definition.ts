/*
 * Declares a hub: the messages that it can send to its clients, the methods that clients may call, and the type of its user.
 * A declared hub contains its methods, and carries the static types.
 */
import { callback, checkOptions, listOf, nearestName, type OptionRules, required } from '@millrace/internal';
import { invalidOption, SignalRError } from '../errors.js';
import type { HubContext } from './hub-context.js';
import { FILTERS_RULE, type HubFilter } from './hub-filter.js';
import type { Guard } from './parse-arguments.js';

/**
 * A method without a parser. Its arguments come unchecked from the network, so their type is `unknown`. Check them before
 * use, or declare the method with {@link method}.
 * @beta
 */
export type PlainMethod<Context> = (context: Context, ...args: unknown[]) => unknown;

declare const parsedMethod: unique symbol;

/** A method with checked arguments. Only {@link method} and {@link streamMethod} create it. @beta */
export interface ParsedMethod<
  Context,
  Args extends readonly unknown[] = never,
  Result = unknown,
  Uploads extends readonly unknown[] = readonly never[],
  Kind extends MethodKind = MethodKind,
> {
  readonly kind: Kind;
  readonly parse: (args: readonly unknown[]) => readonly unknown[];
  readonly invoke: (context: Context, ...args: [...Args, ...UploadStreams<Uploads>]) => Result;
  /**
   * The guards of the uploads, without types. With types, TypeScript would infer the types of the uploads from the hub's
   * declaration instead of the guards.
   */
  readonly uploads: readonly unknown[];
  readonly authorize: ((context: Context, ...args: [...Args]) => boolean | Promise<boolean>) | undefined;
  readonly prepare: ((context: Context, ...args: [...Args]) => void) | undefined;
  /** Exists only in the types, not at run time. */
  readonly [parsedMethod]: { readonly args: Args; readonly result: Result; readonly uploads: Uploads };
}

/** `call`: the client receives one answer. `stream`: the client receives a stream of items. @beta */
export type MethodKind = 'call' | 'stream';

/** Turns the client's arguments into typed arguments. Throws if the arguments are not valid. @beta */
export type ArgumentParser = (args: readonly unknown[]) => readonly unknown[];

/**
 * The type of a parser's result. The method's parameters must match this type, and TypeScript does not infer it from them.
 * @beta
 */
export type ParsedArguments<Parse extends ArgumentParser> = ReturnType<Parse>;

/** The guards of a method's uploads: one guard per upload, for the type of its items. @beta */
export type GuardsOf<Items extends readonly unknown[]> = {
  readonly [Index in keyof Items]: Guard<Items[Index]>;
};

/** The streams that are passed to a method with uploads. @beta */
export type UploadStreams<Items extends readonly unknown[]> = {
  readonly [Index in keyof Items]: AsyncIterable<Items[Index]>;
};

/** The options of a method. @beta */
export interface MethodOptions<Context, Args extends readonly unknown[], Uploads extends readonly unknown[]> {
  /**
   * The streams that the client sends: one guard per stream, which checks each item. `invoke` receives the streams after the
   * arguments. A stream buffers at most `streamBufferCapacity` items. When it is full, the server stops reading from the
   * client until the method reads an item.
   */
  readonly uploads?: GuardsOf<Uploads>;
  /**
   * Called before the filters and the method, with the arguments that `parse` returned. If it returns false, the call fails
   * with the text `Failed to invoke 'x' because user is unauthorized`.
   */
  readonly authorize?: (context: Context, ...args: [...Args]) => boolean | Promise<boolean>;
  /**
   * Begins work that `invoke` will need, such as a question to another service. Called as soon as the call is read if it must wait for an
   * earlier call of the same client. Up to 16 such calls are read ahead, so that their work runs at the same time. The calls themselves
   * still run in their order, and may run after changes that `prepare` did not see, so `invoke` decides on its own. The result is
   * ignored, and so is an error.
   */
  readonly prepare?: (context: Context, ...args: [...Args]) => void;
}

/**
 * Declares a method with typed arguments.
 * @param parse receives the client's arguments, of any number and type, and returns the typed arguments. If it throws, only
 *   this call fails. The text of a `HubError` is sent to the caller
 * @param invoke is called with the context, the result of `parse`, and the uploads
 *
 * @example
 * ```ts
 * const chat = defineHub()({
 *   methods: {
 *     rename: method(parseArguments(isString), (context, name) => {
 *       context.items['name'] = name;
 *     }),
 *   },
 * });
 * ```
 * @beta
 */
export function method<
  Context,
  Parse extends ArgumentParser,
  Result,
  const Uploads extends readonly unknown[] = readonly [],
>(
  parse: Parse,
  invoke: (context: Context, ...args: [...ParsedArguments<Parse>, ...UploadStreams<Uploads>]) => Result,
  options: MethodOptions<Context, ParsedArguments<Parse>, Uploads> = {},
): ParsedMethod<Context, ParsedArguments<Parse>, Result, Uploads, 'call'> {
  return declare('call', parse, invoke, options);
}

/**
 * Declares a method that returns a stream of items. The server sends them as fast as the client accepts them.
 * @param invoke returns the items: an async generator, or any other iterable. When the client cancels, `context.cancelSignal` is
 * aborted, and the generator ends at its next `yield`
 *
 * @example
 * ```ts
 * const counter = defineHub()({
 *   methods: {
 *     countTo: streamMethod(parseArguments(isNumber), async function* (_context, end) {
 *       for (let n = 1; n <= end; n += 1) yield n;
 *     }),
 *   },
 * });
 * ```
 * @beta
 */
export function streamMethod<
  Context,
  Parse extends ArgumentParser,
  Item,
  const Uploads extends readonly unknown[] = readonly [],
>(
  parse: Parse,
  invoke: (
    context: Context,
    ...args: [...ParsedArguments<Parse>, ...UploadStreams<Uploads>]
  ) => Items<Item> | Promise<Items<Item>>,
  options: MethodOptions<Context, ParsedArguments<Parse>, Uploads> = {},
): ParsedMethod<Context, ParsedArguments<Parse>, Items<Item>, Uploads, 'stream'> {
  return declare('stream', parse, invoke, options);
}

/** A stream of items. @beta */
export type Items<Item> = AsyncIterable<Item> | Iterable<Item>;

const METHOD_RULES: OptionRules<MethodOptions<never, never, never>> = {
  uploads: listOf(callback),
  authorize: callback,
  prepare: callback,
};

function declare<Declared>(
  kind: MethodKind,
  parse: ArgumentParser,
  invoke: unknown,
  options: { readonly uploads?: unknown; readonly authorize?: unknown; readonly prepare?: unknown },
): Declared {
  const {
    uploads = [],
    authorize,
    prepare,
  } = checkOptions(options, METHOD_RULES, invalidOption, nearestName);
  if (typeof parse !== 'function' || typeof invoke !== 'function')
    throw new SignalRError('invalid_argument', 'A method is declared with two functions: parse and invoke.');
  // The brand `parsedMethod` exists only in the types. Because of it, code cannot pass an unchecked pair of functions as a
  // checked method.
  return { kind, parse, invoke, uploads, authorize, prepare } as Declared;
}

/** The methods of a hub, by name. Clients may write the names in any case. @beta */
export type HubMethodsOf<Context> = Readonly<Record<string, PlainMethod<Context> | AnyParsedMethod<Context>>>;

/** Any declared method that can be called with this context. Its other types are erased. @beta */
export interface AnyParsedMethod<Context> {
  readonly kind: MethodKind;
  readonly parse: (args: readonly unknown[]) => readonly unknown[];
  readonly invoke: (context: Context, ...args: never) => unknown;
  readonly uploads: readonly unknown[];
  readonly authorize: ((context: Context, ...args: never) => boolean | Promise<boolean>) | undefined;
  readonly prepare: ((context: Context, ...args: never) => void) | undefined;
  readonly [parsedMethod]: unknown;
}

/** The hub's decision about a slow connection; see `onBackpressure`. @beta */
export type BackpressureAction = 'keep' | 'close';

/** Hooks and methods of a hub. One object serves all connections: keep the state of one connection in `context.items`. @beta */
export interface HubHandlers<Client, User, Items, Methods> {
  /**
   * Runs before the first message is read. If it throws, the connection is closed, and the client is told not to reconnect
   * automatically.
   */
  readonly onConnected?: (context: HubContext<Client, User, Items>) => void | Promise<void>;
  /**
   * Runs once for every connection whose `onConnected` was started. The connection is still in its groups, but nothing can be
   * sent to it any more. `error` is undefined if the client or the server ended the connection properly.
   *
   * It runs after the methods and the `onConnected` of the connection have ended, at the latest 30 s after the connection. If it takes
   * longer than 30 s itself, the connection ends without it. Both is reported as `hub_code_overdue`.
   */
  readonly onDisconnected?: (context: HubContext<Client, User, Items>, error?: Error) => void | Promise<void>;
  /**
   * Runs after the credentials of a connection were refreshed (`enableAuthenticationRefresh`). In the hook,
   * `context.user` is the new user. The new credentials may come from a refresh request or from
   * `context.refreshAuthentication`. If they are newer than the old credentials, they may also come from a poll or
   * a stateful reconnect. User id, groups and
   * routing do not change. The hook runs in turn with the client's invocations. One run covers all refreshes
   * that arrive while the hook waits for its turn. An error is reported and has no other effect.
   */
  readonly onAuthenticationRefreshed?: (context: HubContext<Client, User, Items>) => void | Promise<void>;
  /**
   * Runs when the client reads too slowly: more than half of its outbound queue (`maximumOutboundBytes` or
   * `maximumOutboundMessages`) is full. Runs again only after the queue has been empty. Without the hook, the connection
   * continues until the queue is full.
   *
   * The hook runs inside the send that filled the queue. Everything before its first `await`, such as leaving groups,
   * therefore happens before any other send. `context.flushed()` waits for an empty queue.
   * @returns `close` to end the connection as `slow_consumer`. The queue is discarded, and the client may reconnect. An error
   *   of the hook is reported and ends the connection in the same way
   */
  readonly onBackpressure?: (
    context: HubContext<Client, User, Items>,
  ) => BackpressureAction | Promise<BackpressureAction>;
  /**
   * Filters around every method, `onConnected` and `onDisconnected`, inside the filters of the server. The first filter is the
   * outermost.
   */
  readonly filters?: readonly HubFilter<HubContext<Client, User, Items>>[];
  readonly methods: Methods;
}

/** Creates the state of a connection. Optional if a plain object is a valid `Items`, otherwise required. @beta */
export type ItemsFactory<Items> =
  Record<string, unknown> extends Items
    ? { readonly createItems?: () => Items }
    : { readonly createItems: () => Items };

type AnyHandlers = HubHandlers<never, never, never, unknown> & { readonly createItems?: () => unknown };

const HANDLER_RULES: OptionRules<AnyHandlers> = {
  onConnected: callback,
  onDisconnected: callback,
  onAuthenticationRefreshed: callback,
  onBackpressure: callback,
  filters: FILTERS_RULE,
  methods: required({
    mustBe: 'an object of functions and declared methods',
    isMet: (methods) =>
      typeof methods === 'object' && methods !== null && Object.values(methods).every(isMethod),
  }),
  createItems: callback,
};

/** True for a function, and for the result of `method` or `streamMethod`. */
function isMethod(value: unknown): boolean {
  const isDeclared = typeof value === 'object' && value !== null && 'invoke' in value;
  return typeof value === 'function' || (isDeclared && typeof value.invoke === 'function');
}

/**
 * A declared hub. `typeof hub` carries all static types: the messages that are sent to clients, and the calls
 * that clients can make.
 * @beta
 */
export interface HubDefinition<Client, User, Items, Methods>
  extends HubHandlers<Client, User, Items, Methods> {
  readonly createItems: (() => Items) | undefined;
  /** Exists only in the types and is never set. `HubClient<typeof hub>` reads it. */
  readonly '~types'?: { readonly client: Client; readonly user: User; readonly items: Items };
}

/**
 * Declares a hub. The first call passes three types that cannot be inferred: the messages to clients (an interface with one
 * function per message), the user that `authenticate` returns, and the items of a connection. The second call passes the
 * hooks and methods.
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
 * @throws SignalRError `invalid_option` for a hook that is not a function or does not exist, `duplicate_method` if the names of
 *   two methods differ only in case.
 * @beta
 */
export function defineHub<Client, User = undefined, Items = Record<string, unknown>>() {
  return <const Methods extends HubMethodsOf<HubContext<Client, User, Items>>>(
    handlers: HubHandlers<Client, User, Items, Methods> & ItemsFactory<Items>,
  ): HubDefinition<Client, User, Items, Methods> => {
    const { createItems, ...given } = checkOptions<AnyHandlers>(
      handlers,
      HANDLER_RULES,
      invalidOption,
      nearestName,
    );
    checkNames(Object.keys(handlers.methods));
    // The check returns the handlers themselves, so they still have their static types.
    const definition = { ...given, createItems } as HubDefinition<Client, User, Items, Methods>;
    return Object.freeze(definition);
  };
}

/** Checks that no two names differ only in case, because clients may write a name in any case. */
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

/** Returns the form of a method name that is used for comparison. SignalR ignores the case of method names. */
export function methodKey(name: string): string {
  return name.toLowerCase();
}

type Awaitable<Result> = Promise<Awaited<Result>>;

/**
 * The client-side arguments for the uploads of a method: streams of the client, such as the official client's `Subject`.
 * @beta
 */
export type UploadSources<Uploads extends readonly unknown[]> = {
  readonly [Index in keyof Uploads]: UploadSource<Uploads[Index]>;
};

/** A stream that a client passes, such as the official client's `Subject` or `IStreamResult`. @beta */
export interface UploadSource<Item> {
  subscribe(subscriber: { next(value: Item): void; error(error: unknown): void; complete(): void }): unknown;
}

type TypesOf<Method> = Method extends {
  readonly [parsedMethod]: {
    readonly args: infer Args extends readonly unknown[];
    readonly result: infer Result;
    readonly uploads: infer Uploads extends readonly unknown[];
  };
}
  ? { readonly args: [...Args, ...UploadSources<Uploads>]; readonly result: Result }
  : never;

type CallOf<Method> = Method extends { readonly kind: MethodKind; readonly [parsedMethod]: unknown }
  ? (...args: TypesOf<Method>['args']) => Awaitable<TypesOf<Method>['result']>
  : Method extends (context: infer _Context, ...args: infer Args) => infer Result
    ? (...args: Args) => Awaitable<Result>
    : never;

type StreamOf<Method> =
  TypesOf<Method>['result'] extends Items<infer Item> ? (...args: TypesOf<Method>['args']) => Item : never;

type MethodsOf<Definition> =
  Definition extends HubDefinition<infer _Client, infer _User, infer _Items, infer Methods> ? Methods : never;

type StreamNames<Methods> = {
  [Name in keyof Methods]: Methods[Name] extends { readonly kind: 'stream' } ? Name : never;
}[keyof Methods];

/**
 * The methods that a client may call on a hub, without the streaming methods. `HubCalls<typeof chat>` maps each method to its
 * client-side type.
 * @beta
 */
export type HubCalls<Definition> = {
  readonly [Name in Exclude<keyof MethodsOf<Definition>, StreamNames<MethodsOf<Definition>>>]: CallOf<
    MethodsOf<Definition>[Name]
  >;
};

/** The streaming methods of a hub. Each is mapped to a function type whose result is the type of one item. @beta */
export type HubStreams<Definition> = {
  readonly [Name in StreamNames<MethodsOf<Definition>>]: StreamOf<MethodsOf<Definition>[Name]>;
};

/** The messages that a hub may send to its clients: the interface passed to `defineHub`. @beta */
export type HubMessages<Definition> = Definition extends {
  readonly '~types'?: { readonly client: infer Client };
}
  ? Client
  : never;
