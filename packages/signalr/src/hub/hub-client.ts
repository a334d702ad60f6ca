/*
 * A hub's client as a type: the official client's connection, with the names and arguments of one hub.
 * Types only, so that client code imports nothing of the server but its hub's type.
 */
import type { HubCalls, HubMessages, HubStreams } from './hub-definition.js';

/** A stream of a hub's items as the official client gives it. */
export interface HubItemStream<Item> {
  subscribe(subscriber: {
    readonly next: (item: Item) => void;
    readonly error: (error: unknown) => void;
    readonly complete: () => void;
    readonly closed?: boolean;
  }): { dispose(): void };
}

/** What a client's handler gets and may answer: a hub that asks for a result awaits it. */
type Handler<Target> = Target extends (...args: infer Args) => infer Result
  ? (...args: Args) => Result | Promise<Awaited<Result>>
  : never;

type Arguments<Call> = Call extends (...args: infer Args) => unknown ? Args : never;
type Returned<Call> = Call extends (...args: never) => infer Result ? Result : never;

/**
 * The typed face of a `HubConnection` of `@microsoft/signalr`:
 *
 * ```ts
 * import type { chat } from './server.js';
 * const client: HubClient<typeof chat> = connection;
 * await client.invoke('send', 'hi'); // a wrong name or argument does not compile
 * ```
 * Values are typed as the server has them; what a protocol changes on the way (in JSON a date becomes text) is not
 * in the types.
 */
export interface HubClient<Definition> {
  /** Calls a method and waits for its result. */
  invoke<Name extends keyof HubCalls<Definition> & string>(
    method: Name,
    ...args: Arguments<HubCalls<Definition>[Name]>
  ): Promise<Awaited<Returned<HubCalls<Definition>[Name]>>>;
  /** Calls a method and waits for nothing but the sending. */
  send<Name extends keyof HubCalls<Definition> & string>(
    method: Name,
    ...args: Arguments<HubCalls<Definition>[Name]>
  ): Promise<void>;
  /** Streams the items of a method. */
  stream<Name extends keyof HubStreams<Definition> & string>(
    method: Name,
    ...args: Arguments<HubStreams<Definition>[Name]>
  ): HubItemStream<Returned<HubStreams<Definition>[Name]>>;
  /** Handles what the hub sends; what the handler returns answers a hub that asked for a result. */
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
