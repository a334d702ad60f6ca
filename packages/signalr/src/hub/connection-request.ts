/*
 * Requests that a hub makes to a connection, on its own instance or on another one.
 */

/** The call that a send makes on its receivers. */
export interface Call {
  readonly target: string;
  readonly arguments: readonly unknown[];
}

/** A request that a connection carries out: it enters or leaves a group, or ends. */
export type ConnectionRequest =
  | { readonly kind: 'add' | 'remove'; readonly group: string }
  | { readonly kind: 'abort' };
