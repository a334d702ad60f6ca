/*
 * The interface of the code that runs the connections of an endpoint: a hub, or the handler of raw connections.
 */
import type { SignalREventListener } from '../events.js';
import type { HubProtocol } from '../protocol/hub-protocol.js';
import type { HubConnection } from './hub-connection.js';
import type { RequestInfo } from './request-info.js';
import type { Ticker } from './ticker.js';

/** How a listener's connection begins. */
export interface Listening {
  readonly protocol: HubProtocol;
  /** Runs with the connection's hub context after `onConnected`. The connection does not end before it has resolved. */
  readonly onOpen: (context: unknown) => Promise<void>;
}

/** Runs the connections of one endpoint. */
export interface ConnectionApplication {
  /** The path that the hub or the handler is mapped to. */
  readonly path: string;
  readonly ticker: Ticker;
  readonly onEvent: SignalREventListener;
  /**
   * True for raw connections. Their messages may be any text or bytes. No hub protocol separates these messages, so the
   * transports keep their boundaries.
   */
  readonly isRaw: boolean;
  /**
   * Runs a connection from its first byte to its last. Triggers `connection.ended` when the connection has ended completely.
   * Never throws.
   * @param request the request that opened the connection
   * @param listening present if the connection is a listener
   */
  run(connection: HubConnection, request: RequestInfo, listening?: Listening): void;
  /** Called after the client has sent fresh credentials. Never rejects. */
  authenticationRefreshed(connection: HubConnection): Promise<void>;
  /** Disconnects from the other instances. Never rejects. */
  leave(): Promise<void>;
}
