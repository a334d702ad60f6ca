// The envelope that every event has, whatever its type: the `StreamEvent` of the data model, and its optional
// metadata. The payload's shape is the event type's business.
import { Object as Shape, type Static, String as Text, type TObject } from 'typebox';
import { optional, positiveInteger, roomId, timestamp, uuidV4 } from './schema-pieces.js';

/** Schema of {@link EventMetadata}. Open: unknown fields are kept. */
export const eventMetadata = Shape(
  {
    trace_id: optional(Text({ description: 'Identifier of the distributed trace the event belongs to.' })),
    source_instance: optional(Text({ description: 'The backend instance that made the event.' })),
    coalesced_count: optional(
      positiveInteger({ description: 'How many events were coalesced into this one.' }),
    ),
  },
  { description: 'Tracing and debugging information.' },
);

/** Optional tracing information. Each field may be absent or null. */
export type EventMetadata = Static<typeof eventMetadata>;

/** The fields of the envelope beside `event_type` and `payload`. */
export const envelopeFields = {
  event_id: uuidV4({
    description: 'Unique identifier of the event, compared in lower case. The same id twice is one event.',
  }),
  timestamp: timestamp({ description: 'When the event was made.' }),
  room_id: roomId({ description: 'The room whose members receive the event.' }),
  metadata: optional(eventMetadata),
};

/** What the envelope schema of one event type needs of it. */
interface PayloadSource {
  readonly name: string;
  readonly payload: TObject;
}

/** The schema of a whole event of one type, compiled as one check. */
export function envelopeSchema(type: PayloadSource): TObject {
  return Shape({
    event_id: envelopeFields.event_id,
    event_type: Text(),
    timestamp: envelopeFields.timestamp,
    room_id: envelopeFields.room_id,
    payload: type.payload,
    metadata: envelopeFields.metadata,
  });
}

/** The schema of an event of a type nobody knows: everything but the payload's fields. */
export const openEnvelopeSchema = envelopeSchema({ name: '', payload: Shape({}) });

/**
 * One event. `event_id` is lower case once it was parsed. Unknown extra fields are kept at run time.
 * @typeParam Type name of the event type
 * @typeParam Payload what the type carries
 */
export interface StreamEvent<Type extends string = string, Payload = unknown> {
  readonly event_id: string;
  readonly event_type: Type;
  /** RFC 3339 with an offset. */
  readonly timestamp: string;
  readonly room_id: string;
  readonly payload: Payload;
  readonly metadata?: EventMetadata | null;
}
