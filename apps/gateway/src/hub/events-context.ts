// The context of a connection to the hub `/hubs/events`.
import type { HubContext } from '@millrace/signalr';
import type { User } from '../auth/token-verifier.js';
import type { ConnectionRooms } from '../rooms/connection-rooms.js';
import type { EventsClient } from './events-client.js';

/** The context of a connection. Its `items` (the hub's state per connection) are the connection's rooms. */
export type EventsContext = HubContext<EventsClient, User, ConnectionRooms>;
