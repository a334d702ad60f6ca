/*
 * The interface of the code that runs the connections of an endpoint: a hub, or the handler of raw connections.
 */
import type { SignalREventListener } from '../events.js';
import type { HubConnection } from './hub-connection.js';
import type { RequestInfo } from './request-info.js';
import type { Ticker } from './ticker.js';

/** Runs the connections of one endpoint. */
export interface ConnectionApplication {
  /** The path that the hub or the handler is mapped to. */
  readonly path: string;
  readonly ticker: Ticker;
  readonly onEvent: SignalREventListener;
  /**
   * True for raw connections. Their messages may be any text or bytes, and the transports keep the boundaries of the messages, because
   * no hub protocol separates them.
   */
  readonly isRaw: boolean;
  /**
   * Runs a connection from its first byte to its last. When the connection has ended completely, `connection.ended` happens. Never
   * throws.
   * @param request the request that opened the connection
   */
  run(connection: HubConnection, request: RequestInfo): void;
  /** Called after the client has sent fresh credentials. Never rejects. */
  authenticationRefreshed(connection: HubConnection): Promise<void>;
  /** Disconnects from the other instances. Never rejects. */
  leave(): Promise<void>;
}
