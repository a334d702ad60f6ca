/*
 * A hub's client as a type: the official client's connection, with the names and arguments of one hub. Types only, so that client
 * code imports nothing of the server except its hub's type.
 */
import type { HubCalls, HubMessages, HubStreams } from './hub-definition.js';

/** A stream of a hub's items as the official client returns it. */
export interface HubItemStream<Item> {
  subscribe(subscriber: {
    readonly next: (item: Item) => void;
    readonly error: (error: unknown) => void;
    readonly complete: () => void;
    readonly closed?: boolean;
  }): { dispose(): void };
}

/** A client's handler; a hub that asks for a result awaits its answer. */
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
 * Values have their server-side types. Changes by the protocol are not in the types (in JSON a date becomes text).
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
  /** Handles a message of the hub; the handler's result answers a hub that asked for one. */
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
