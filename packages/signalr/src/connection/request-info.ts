/*
 * The HTTP request of a client, as hooks and hub contexts see it.
 */

/**
 * An HTTP request of a client. In a hub context, it is the request that opened the connection. Do not log all headers or the
 * whole query, because they may contain credentials.
 */
export interface RequestInfo {
  /** The path as it was requested, without the query. */
  readonly path: string;
  /** The query values. Keys are in lower case. */
  readonly query: ReadonlyMap<string, string>;
  /** The header values. Keys are in lower case, as Node gives them. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly remoteAddress: string | undefined;
}
