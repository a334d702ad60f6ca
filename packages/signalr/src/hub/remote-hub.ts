/*
 * What a hub needs of the other instances that serve it. Here a hub knows them; how they are reached is behind it.
 */
import type { SharedMessage } from '../protocol/serialized-hub-message.js';
import type { Address } from './address.js';
import type { Call, ConnectionRequest } from './connection-request.js';

/** `up`: this instance hears itself through the backplane. `none`: there is no backplane. */
export type BackplaneState = 'none' | 'up' | 'down';

/** The same hub on all other instances. Promises reject with SignalRError `backplane_unavailable` when they cannot be asked. */
export interface RemoteHub {
  readonly state: Exclude<BackplaneState, 'none'>;
  /** Sends to the connections there, without waiting. What fails is reported. */
  send(address: Address, message: SharedMessage, key: string | undefined): void;
  /** Calls a connection that is not here. Rejects as a call of one that is. */
  invoke(connectionId: string, call: Call, signal: AbortSignal | undefined): Promise<unknown>;
  /** @returns false when nobody has the connection, or there was nothing to do */
  request(connectionId: string, request: ConnectionRequest): Promise<boolean>;
}
