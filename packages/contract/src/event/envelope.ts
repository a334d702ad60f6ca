// The envelope of every event: the `StreamEvent` of the data model, and its optional metadata. The event type defines the payload.
import { Object as Shape, type Static, String as Text, type TObject, type TSchema, Unknown } from 'typebox';
import { eventId, optional, positiveInteger, roomId, timestamp } from '../schema/field-schemas.js';
import type { EventIdRule } from '../text/event-id-rule.js';

/** Schema of {@link EventMetadata}. Open: unknown fields are kept. @public */
export const eventMetadata = Shape(
  {
    trace_id: optional(Text({ description: 'Identifier of the distributed trace the event belongs to.' })),
    source_instance: optional(Text({ description: 'The backend instance that made the event.' })),
    coalesced_count: optional(
      positiveInteger({ description: 'Number of events that were coalesced into this one.' }),
    ),
  },
  { description: 'Tracing and debugging information.' },
);

/** Optional tracing information. Each field may be absent or null. @public */
export type EventMetadata = Static<typeof eventMetadata>;

/** Returns the schemas of the envelope's fields, without `event_type` and `payload`. */
export function envelopeFields(idRule: EventIdRule) {
  const comparison = idRule === 'text' ? '' : ', compared in lower case';
  return {
    event_id: eventId(idRule, {
      description: `Unique identifier of the event${comparison}. The same id twice is one event.`,
    }),
    timestamp: timestamp({
      description: 'When the event was made. Without an offset it is UTC. Clients receive it as RFC 3339.',
    }),
    room_id: roomId({ description: 'The room whose clients receive the event.' }),
    metadata: optional(eventMetadata),
  };
}

/** Returns the schema of a whole event with this payload, so that one compiled check covers the envelope and the payload. */
export function envelopeSchema(payload: TSchema, idRule: EventIdRule): TObject {
  const { event_id, timestamp, room_id, metadata } = envelopeFields(idRule);
  return Shape({ event_id, event_type: Text(), timestamp, room_id, payload, metadata });
}

/**
 * Returns the schema of an event whose type is unknown. This schema checks every field except the payload.
 */
export function openEnvelopeSchema(idRule: EventIdRule): TObject {
  return envelopeSchema(Unknown(), idRule);
}

/**
 * One event. After parsing, `event_id` is in the form in which IDs are compared (UUIDs in lower case) and `timestamp` is in
 * normal form. Unknown extra fields are kept at run time.
 * @typeParam Type name of the event type
 * @typeParam Payload type of the payload
 * @public
 */
export interface StreamEvent<Type extends string = string, Payload = unknown> {
  readonly event_id: string;
  readonly event_type: Type;
  /** An ISO 8601 date-time. After parsing, and when clients receive it, the timestamp is RFC 3339 with an offset. */
  readonly timestamp: string;
  readonly room_id: string;
  readonly payload: Payload;
  readonly metadata?: EventMetadata | null;
}
