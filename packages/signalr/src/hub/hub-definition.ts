/*
 * Declaring a hub: what its clients can be sent, what they may call, and who they are, as static types and as
 * the table of methods that runs.
 */
import { SignalRError } from '../errors.js';
import type { HubContext } from './hub-context.js';
import type { HubFilter } from './hub-filter.js';
import type { Guard } from './parse-arguments.js';

/**
 * A method without a parser. Its arguments come from the network as they are, so they are `unknown`: check
 * them before use, or declare the method with {@link method}.
 */
export type PlainMethod<Context> = (context: Context, ...args: unknown[]) => unknown;

declare const parsedMethod: unique symbol;

/** A method whose arguments were checked; made by {@link method} or {@link streamMethod} only. */
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
  /** Guards; their types are not here, because a hub would then infer them from what it accepts. */
  readonly uploads: readonly unknown[];
  readonly authorize: ((context: Context, ...args: [...Args]) => boolean | Promise<boolean>) | undefined;
  /** In types only. */
  readonly [parsedMethod]: { readonly args: Args; readonly result: Result; readonly uploads: Uploads };
}

/** Whether a client gets one answer or a stream of items. */
export type MethodKind = 'call' | 'stream';

/** From whatever a client sent to typed arguments; throws when that is not possible. */
export type ArgumentParser = (args: readonly unknown[]) => readonly unknown[];

/** What a parser yields. The method's own parameters have no say in it: they must fit. */
export type ParsedArguments<Parse extends ArgumentParser> = ReturnType<Parse>;

/** A guard for each type of item. */
export type GuardsOf<Items extends readonly unknown[]> = {
  readonly [Index in keyof Items]: Guard<Items[Index]>;
};

/** The streams that a method with uploads is called with. */
export type UploadStreams<Items extends readonly unknown[]> = {
  readonly [Index in keyof Items]: AsyncIterable<Items[Index]>;
};

/** What a method may ask for besides its arguments. */
export interface MethodOptions<Context, Args extends readonly unknown[], Uploads extends readonly unknown[]> {
  /**
   * Streams that the client sends, one guard per stream for its items. `invoke` gets them after the arguments.
   * A stream buffers `streamBufferCapacity` items; then reading from the client stops until the method has read.
   */
  readonly uploads?: GuardsOf<Uploads>;
  /**
   * Asked before the method and the filters, with the arguments that `parse` returned.
   * False refuses the call in words: `Failed to invoke 'x' because user is unauthorized`.
   */
  readonly authorize?: (context: Context, ...args: [...Args]) => boolean | Promise<boolean>;
}

/**
 * Declares a method with typed arguments.
 * @param parse gets what the client sent, of any number and type, and returns the typed arguments. When it
 * throws, only this call fails, as .NET fails wrong arguments; a `HubError`'s text is sent to the caller
 * @param invoke is called with the context, what `parse` returned, and the uploads
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
 * Declares a method whose result is a stream of items, sent as fast as the client takes them.
 * @param invoke returns the items: an async generator, or anything else that can be iterated. When the client
 * cancels, `context.cancelSignal` is aborted and the generator is ended where it next yields
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

/** A stream of items. */
export type Items<Item> = AsyncIterable<Item> | Iterable<Item>;

function declare<Declared>(
  kind: MethodKind,
  parse: ArgumentParser,
  invoke: unknown,
  options: { readonly uploads?: unknown; readonly authorize?: unknown },
): Declared {
  // The brand exists in types only: it keeps an unchecked pair of functions from passing for a checked one.
  return { kind, parse, invoke, uploads: options.uploads ?? [], authorize: options.authorize } as Declared;
}

/** Methods by name. Clients find them whatever the case of their letters. */
export type HubMethodsOf<Context> = Readonly<Record<string, PlainMethod<Context> | AnyParsedMethod<Context>>>;

/** Any declared method that can be called with this context; its other types no longer matter. */
export interface AnyParsedMethod<Context> {
  readonly kind: MethodKind;
  readonly parse: (args: readonly unknown[]) => readonly unknown[];
  readonly invoke: (context: Context, ...args: never) => unknown;
  readonly uploads: readonly unknown[];
  readonly authorize: ((context: Context, ...args: never) => boolean | Promise<boolean>) | undefined;
  readonly [parsedMethod]: unknown;
}

/** What becomes of a slow connection; see `onBackpressure`. */
export type BackpressureVerdict = 'keep' | 'close';

/** Hooks and methods of a hub. One object serves all connections: state of one belongs into `context.items`. */
export interface HubHandlers<Client, User, Items, Methods> {
  /** Runs before the first message is read. If it throws, the connection is closed and must not reconnect by itself. */
  readonly onConnected?: (context: HubContext<Client, User, Items>) => void | Promise<void>;
  /**
   * Runs once for every connection whose `onConnected` was started. The connection is still in its groups and
   * can no longer be sent anything. `error` is absent when either side ended it in an orderly way.
   */
  readonly onDisconnected?: (context: HubContext<Client, User, Items>, error?: Error) => void | Promise<void>;
  /**
   * Runs when a connection's credentials were refreshed, by request or (where refreshing is on) because a poll or another socket
   * brought such that last longer: `context.user` is the fresh one. Its user id, groups and routing are unchanged. It runs in turn
   * with the client's invocations; refreshes that come while it waits for its turn are told with it. An error is reported and
   * changes nothing.
   */
  readonly onAuthenticationRefreshed?: (context: HubContext<Client, User, Items>) => void | Promise<void>;
  /**
   * The client reads more slowly than it is sent: half of what may wait for it (`maximumOutboundBytes` or
   * `maximumOutboundMessages`) waits now. Runs in the middle of the send that did it: what the hook does before its first `await`,
   * such as leaving groups, is done before anything else is sent. Once, and again only after nothing waited any more, which
   * `context.flushed()` tells. Without the hook the connection goes on until its bounds are reached.
   * @returns `close`: the client is too slow to be served. It ends as `slow_consumer`, what waits is given up, and it may reconnect.
   * An error is reported and ends it likewise.
   */
  readonly onBackpressure?: (
    context: HubContext<Client, User, Items>,
  ) => BackpressureVerdict | Promise<BackpressureVerdict>;
  /** Code around every method and hook, the first outermost, inside of those of the server. */
  readonly filters?: readonly HubFilter<HubContext<Client, User, Items>>[];
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
      onAuthenticationRefreshed,
      onBackpressure,
      filters,
      methods,
      createItems,
    }: HubHandlers<Client, User, Items, Methods> & {
      readonly createItems?: () => Items;
    } = handlers;
    return Object.freeze({
      methods,
      createItems,
      ...(onAuthenticationRefreshed === undefined ? {} : { onAuthenticationRefreshed }),
      ...(onBackpressure === undefined ? {} : { onBackpressure }),
      ...(filters === undefined ? {} : { filters }),
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

/** What a client passes for a method's uploads: streams of its own kind, such as the official client's `Subject`. */
export type UploadSources<Uploads extends readonly unknown[]> = {
  readonly [Index in keyof Uploads]: UploadSource<Uploads[Index]>;
};

/** A stream as a client gives it; the official client's `Subject` and `IStreamResult` are such. */
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

/** What a client may call on a hub: `HubCalls<typeof chat>` maps each method to the client's side of it. */
export type HubCalls<Definition> = {
  readonly [Name in Exclude<keyof MethodsOf<Definition>, StreamNames<MethodsOf<Definition>>>]: CallOf<
    MethodsOf<Definition>[Name]
  >;
};

/** What a client may stream from a hub: each streaming method as a function from arguments to one item. */
export type HubStreams<Definition> = {
  readonly [Name in StreamNames<MethodsOf<Definition>>]: StreamOf<MethodsOf<Definition>[Name]>;
};

/** What a hub may send to its clients: the interface given to `defineHub`. */
export type HubMessages<Definition> = Definition extends {
  readonly '~types'?: { readonly client: infer Client };
}
  ? Client
  : never;
