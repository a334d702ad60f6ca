// The messages that clients of `/hubs/events` are sent, as a TypeScript type.

/** The target of a message is the event type. Its only argument is the event, with a `position`. */
export interface EventsClient {
  [eventType: string]: (event: unknown) => void;
}
