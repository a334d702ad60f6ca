// Makes a whole event from the arguments of `publish`: adds an ID, the time and the origin. Pure except for the random ID.
import { randomUUID } from 'node:crypto';
import { nearestName, shown } from '@millrace/internal';
import { invalidOption } from './errors.js';

/** Options of one event, in addition to its type, room and payload. @public */
export interface PublishOptions {
  /**
   * ID of the event, which must follow the catalog's rule (by default a UUID v4). Pass your own ID to make a repeated call
   * safe.
   * @defaultValue a random UUID v4
   */
  readonly eventId?: string;
  /** The time when the event was made, in ISO 8601. A time without an offset is UTC. @defaultValue now */
  readonly timestamp?: string;
  /** ID of a distributed trace, published as `metadata.trace_id`. */
  readonly traceId?: string;
}

const NAMES: readonly (keyof PublishOptions)[] = ['eventId', 'timestamp', 'traceId'];

/**
 * The names of options are checked, because a misspelt `eventId` would let a repeated call store the event twice. The catalog
 * checks the values.
 */
function checkNames(options: PublishOptions): void {
  if (typeof options !== 'object' || options === null)
    throw invalidOption(`the options of an event must be an object, not ${shown(options)}`);
  for (const name in options) {
    if ((NAMES as readonly string[]).includes(name)) continue;
    const meant = nearestName(name, NAMES) ?? NAMES.join(', ');
    throw invalidOption(`${name} is not an option of an event: did you mean ${meant}?`);
  }
}

/**
 * Returns a new event with its envelope. The catalog checks it afterwards, together with the payload.
 * @throws PublisherError `invalid_option`
 */
export function stampEvent(
  event: { readonly type: string; readonly roomId: string; readonly payload: unknown },
  options: PublishOptions,
  stamp: { readonly wallMs: number; readonly sourceInstance: string },
): Record<string, unknown> {
  checkNames(options);
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
