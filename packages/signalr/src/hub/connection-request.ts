/* Requests of a hub about one connection, on this instance or on another one. */

/** The client method that a send or an invocation calls, with its arguments. */
export interface Call {
  readonly target: string;
  readonly arguments: readonly unknown[];
}

/** A request about one connection: add it to a group, remove it from a group, or end it. */
export type ConnectionRequest =
  | { readonly kind: 'add' | 'remove'; readonly group: string }
  | { readonly kind: 'abort' };
