// The type of the messages that the hub `/hubs/events` sends to its clients.

/** The target of a message is the event type. The only argument of the message is the event, with a `position`. */
export interface EventsClient {
  [eventType: string]: (event: unknown) => void;
}
