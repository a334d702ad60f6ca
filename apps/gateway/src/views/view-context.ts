// The context of one connection of a view.
import type { HubContext } from '@millrace/signalr';
import type { User } from '../auth/token-verifier.js';
import type { EventsClient } from '../hub/events-client.js';
import type { ConnectionRooms } from '../rooms/connection-rooms.js';

/** The state of a connection: its rooms, and the values that the application keeps. */
export interface ViewConnection {
  /** The rooms that the connection has joined, by their keys. */
  readonly rooms: ConnectionRooms;
  readonly state: Map<string, unknown>;
}

/** The context of a view's connection. */
export type ViewContext = HubContext<EventsClient, User, ViewConnection>;
