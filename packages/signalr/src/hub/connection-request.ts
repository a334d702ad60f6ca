/*
 * What a connection is asked for by a hub, its own or one on another instance.
 */

/** The call that a send makes on its receivers. */
export interface Call {
  readonly target: string;
  readonly arguments: readonly unknown[];
}

/** What can be done to a connection from outside. */
export type ConnectionRequest =
  | { readonly kind: 'add' | 'remove'; readonly group: string }
  | { readonly kind: 'abort' };
