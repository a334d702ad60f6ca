/*
 * The directory of connections stores which instance serves each connection. This file has its interface, and an
 * implementation for one process.
 */

/**
 * Stores which instance serves a connection. Contains only connections that use more than one request: server-sent events,
 * long polling, and WebSockets with stateful reconnect. Connection ids are not secret.
 * @beta
 */
export interface ConnectionDirectory {
  /**
   * Stores that the instance at `url` serves the connection. The claim lasts until it is released, or until its instance is
   * gone. Rejects if the directory gives no answer. The client then receives 503.
   * @returns false if another instance serves the connection
   */
  claim(connectionId: string, url: string): Promise<boolean>;
  /**
   * Returns the URL of the instance that serves the connection, or undefined if there is none. Rejects if the directory gives
   * no answer.
   */
  find(connectionId: string): Promise<string | undefined>;
  /** Removes the claim of the instance at `url`. A claim of another instance is kept. Never throws. */
  release(connectionId: string, url: string): void;
}

/**
 * Creates a directory for several servers in one process. The directory has one entry per claimed connection.
 * @beta
 */
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
