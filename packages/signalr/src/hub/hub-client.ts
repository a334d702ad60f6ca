/*
 * The type of a hub's client: the official client's connection, with the method names and arguments of one hub. This file
 * contains only types. Client code therefore imports nothing of the server.
 */
import type { HubCalls, HubMessages, HubStreams } from './hub-definition.js';

/** A stream of a hub's items as the official client returns it. @beta */
export interface HubItemStream<Item> {
  subscribe(subscriber: {
    readonly next: (item: Item) => void;
    readonly error: (error: unknown) => void;
    readonly complete: () => void;
    readonly closed?: boolean;
  }): { dispose(): void };
}

/** A handler of the client. If the hub asks for a result, the hub awaits the handler's result. */
type Handler<Target> = Target extends (...args: infer Args) => infer Result
  ? (...args: Args) => Result | Promise<Awaited<Result>>
  : never;

type Arguments<Call> = Call extends (...args: infer Args) => unknown ? Args : never;
type Returned<Call> = Call extends (...args: never) => infer Result ? Result : never;

/**
 * The types of a `HubConnection` of `@microsoft/signalr` for one hub:
 *
 * ```ts
 * import type { chat } from './server.js';
 * const client: HubClient<typeof chat> = connection;
 * await client.invoke('send', 'hi'); // a wrong name or argument does not compile
 * ```
 * Values have their server-side types, even if the protocol changes them (in JSON, a date becomes text).
 * @beta
 */
export interface HubClient<Definition> {
  /** Calls a method and waits for its result. */
  invoke<Name extends keyof HubCalls<Definition> & string>(
    method: Name,
    ...args: Arguments<HubCalls<Definition>[Name]>
  ): Promise<Awaited<Returned<HubCalls<Definition>[Name]>>>;
  /** Calls a method and waits only until the call is sent. */
  send<Name extends keyof HubCalls<Definition> & string>(
    method: Name,
    ...args: Arguments<HubCalls<Definition>[Name]>
  ): Promise<void>;
  /** Streams the items of a method. */
  stream<Name extends keyof HubStreams<Definition> & string>(
    method: Name,
    ...args: Arguments<HubStreams<Definition>[Name]>
  ): HubItemStream<Returned<HubStreams<Definition>[Name]>>;
  /** Handles a message of the hub. If the hub asked for a result, the handler's result is the answer. */
  on<Target extends keyof HubMessages<Definition> & string>(
    target: Target,
    handler: Handler<HubMessages<Definition>[Target]>,
  ): void;
  /** Removes a handler. */
  off<Target extends keyof HubMessages<Definition> & string>(
    target: Target,
    handler: Handler<HubMessages<Definition>[Target]>,
  ): void;
}
