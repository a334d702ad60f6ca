/*
 * The interface through which a hub reaches the same hub on other instances. A server without a backplane passes none to its
 * hubs.
 */
import type { SharedMessage } from '../protocol/serialized-hub-message.js';
import type { Address } from './address.js';
import type { Call, ConnectionRequest } from './connection-request.js';

/**
 * `up`: this instance receives its own messages through the backplane. `down`: it does not receive them. `none`: there is no
 * backplane.
 * @beta
 */
export type BackplaneState = 'none' | 'up' | 'down';

/**
 * The same hub on all other instances. Promises reject with SignalRError `backplane_unavailable` if these instances cannot be
 * asked.
 */
export interface RemoteHub {
  /** Connects to the other instances. */
  start(): void;
  /**
   * Disconnects from the other instances. Calls to clients of these instances are rejected with `server_closed`. Never
   * rejects.
   */
  close(): Promise<void>;
  readonly state: Exclude<BackplaneState, 'none'>;
  /** Sends to connections of the other instances, without waiting for them. Failures are reported as events. */
  send(address: Address, message: SharedMessage, key: string | undefined): void;
  /** Calls a connection of another instance. Rejects with the errors of `HubLifetimeManager.invoke`, too. */
  invoke(connectionId: string, call: Call, signal: AbortSignal | undefined): Promise<unknown>;
  /**
   * Passes a request to the instance that has the connection.
   * @returns false if no instance has the connection, or if there was nothing to do
   */
  request(connectionId: string, request: ConnectionRequest): Promise<boolean>;
}
