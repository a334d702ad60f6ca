// The messages that clients of `/hubs/events` are sent, as a TypeScript type.

/** The target is the event type, its one argument the event with its `position`. */
export interface EventsClient {
  [eventType: string]: (event: unknown) => void;
}
