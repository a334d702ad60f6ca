/*
 * The port through which a hub reaches the same hub on other instances. The server hands a hub its implementation, or none.
 */
import type { SharedMessage } from '../protocol/serialized-hub-message.js';
import type { Address } from './address.js';
import type { Call, ConnectionRequest } from './connection-request.js';

/** `up`: this instance receives its own messages through the backplane. `none`: there is no backplane. */
export type BackplaneState = 'none' | 'up' | 'down';

/** The same hub on all other instances. Promises reject with SignalRError `backplane_unavailable` when they cannot be asked. */
export interface RemoteHub {
  /** Joins the other instances. */
  start(): void;
  /** Leaves the other instances; calls that wait for them are rejected with `server_closed`. Never rejects. */
  close(): Promise<void>;
  readonly state: Exclude<BackplaneState, 'none'>;
  /** Sends to the connections there, without waiting. Failures are reported as events. */
  send(address: Address, message: SharedMessage, key: string | undefined): void;
  /** Calls a connection that is not here. Rejects as a call of one that is. */
  invoke(connectionId: string, call: Call, signal: AbortSignal | undefined): Promise<unknown>;
  /** @returns false when no instance has the connection, or there was nothing to do */
  request(connectionId: string, request: ConnectionRequest): Promise<boolean>;
}
