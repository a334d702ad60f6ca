/*
 * The directory of connections: the instance that serves each. The port, and its implementation for one process.
 */

/**
 * Stores which instance serves a connection. It holds only connections with more than one request: server-sent events, long polling,
 * and WebSockets with stateful reconnect. Ids are not secret.
 */
export interface ConnectionDirectory {
  /**
   * Stores that `url` serves the connection, until it is released or its instance is gone.
   * @returns false when another instance serves it
   * Rejects when the directory cannot be asked; the client is then answered 503.
   */
  claim(connectionId: string, url: string): Promise<boolean>;
  /** The claimed URL; undefined when no instance serves the connection. Rejects as `claim` does. */
  find(connectionId: string): Promise<string | undefined>;
  /** Forgets a claim of `url`; one of another instance stays. Never throws. */
  release(connectionId: string, url: string): void;
}

/** A directory for servers in one process. Bounded by the connections that claim. */
export function createMemoryDirectory(): ConnectionDirectory {
  const urls = new Map<string, string>();
  return {
    async claim(connectionId, url) {
      const owner = urls.get(connectionId) ?? url;
      urls.set(connectionId, owner);
      return owner === url;
    },
    async find(connectionId) {
      return urls.get(connectionId);
    },
    release(connectionId, url) {
      if (urls.get(connectionId) === url) urls.delete(connectionId);
    },
  };
}
