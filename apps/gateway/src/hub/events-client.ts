// What clients of `/hubs/events` are sent, as the hub's type of its clients.

/** The target is the event type, its one argument the event with its `position`. */
export interface EventsClient {
  [eventType: string]: (event: unknown) => void;
}
