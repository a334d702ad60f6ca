// Finds the server for a connection, before each attempt to connect.
import type { Endpoint } from './redis-target.js';
import type { NodeAddress } from './redis-url.js';

/** Finds a server. */
export interface ServerLocator {
  /** True if the server must be a master. A connection to a replica then fails. */
  readonly isMasterRequired: boolean;

  /** Maximum milliseconds of one attempt to connect. They are few if another server may take over meanwhile. */
  readonly attemptTimeoutMs: number;

  /**
   * Finds the server.
   * @throws BrokerError `unavailable` or `refused`, with a message that names the servers without an answer
   * and the reasons
   */
  locate(timeoutMs: number): Promise<Endpoint>;

  /** Calls the listener with the present server whenever another one may have taken over. Ends with `close`. */
  watch(listener: (address: NodeAddress) => void): void;

  close(): void;
}

/** Returns the locator of a server with a fixed address. */
export function fixedServer(endpoint: Endpoint): ServerLocator {
  return {
    isMasterRequired: false,
    attemptTimeoutMs: Number.POSITIVE_INFINITY,
    locate: async () => endpoint,
    // Nothing to watch or to close: the address never changes.
    watch: () => {},
    close: () => {},
  };
}
