// Makes a whole event of the arguments of `publish`: adds ID, time and origin. Pure but for the random ID.
import { randomUUID } from 'node:crypto';

/** Options of one event, beyond its type, room and payload. */
export interface PublishOptions {
  /** By the catalog's rule, a UUID v4 by default. Give your own to make a repeated call safe. @defaultValue a random UUID v4 */
  readonly eventId?: string;
  /** The time when the event was made, in ISO 8601; without an offset it is UTC. @defaultValue now */
  readonly timestamp?: string;
  /** Passed on as `metadata.trace_id`. */
  readonly traceId?: string;
}

/** The envelope of a new event; the contract checks it afterwards, together with the payload. */
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
