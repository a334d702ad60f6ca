// Makes a whole event from the arguments of `publish`: adds an ID, the time and the origin. Pure except for the random ID.
import { randomUUID } from 'node:crypto';

/** Options of one event, in addition to its type, room and payload. */
export interface PublishOptions {
  /**
   * ID of the event, which must follow the rule of the catalog (by default a UUID v4). If you pass your own
   * ID, it is safe to repeat the call.
   * @defaultValue a random UUID v4
   */
  readonly eventId?: string;
  /** The time when the event was made, in ISO 8601. A time without an offset is UTC. @defaultValue now */
  readonly timestamp?: string;
  /** ID of a distributed trace, published as `metadata.trace_id`. */
  readonly traceId?: string;
}

/** Returns a new event with its envelope. The catalog checks it afterwards, together with the payload. */
export function stampEvent(
  event: { readonly type: string; readonly roomId: string; readonly payload: unknown },
  options: PublishOptions,
  stamp: { readonly wallMs: number; readonly sourceInstance: string },
): Record<string, unknown> {
  return {
    event_id: options.eventId ?? randomUUID(),
    event_type: event.type,
    timestamp: options.timestamp ?? new Date(stamp.wallMs).toISOString(),
    room_id: event.roomId,
    payload: event.payload,
    metadata: {
      ...(options.traceId === undefined ? {} : { trace_id: options.traceId }),
      source_instance: stamp.sourceInstance,
    },
  };
}
