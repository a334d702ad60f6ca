// Keeps the original JSON texts of events that wait in a window. Only a payload that was merged from several events is serialised
// again.
import type { EventMetadata, ReceivedEvent, StreamEvent, WrittenTexts } from '@millrace/contract';

/** The texts of one event. */
type EventTexts = Pick<ReceivedEvent, 'event' | keyof WrittenTexts>;

/**
 * Remembers the original texts of events by their payload objects. An event keeps its text if it leaves its window with an
 * unchanged payload. The texts are garbage-collected with the payloads, so there are never more texts than events in windows.
 * A payload that is not an object or a list is serialised again.
 */
export class OriginalTexts {
  readonly #byPayload = new WeakMap<object, EventTexts>();

  keep(kept: EventTexts): void {
    const { payload } = kept.event;
    if (typeof payload === 'object' && payload !== null) this.#byPayload.set(payload, kept);
  }

  /** Returns a whole event as JSON text. The text is parsed again when the window ends. */
  textOf(event: StreamEvent): string {
    const kept = this.#of(event);
    if (kept === undefined) return JSON.stringify(event);
    const { event_id, event_type, room_id } = event;
    const envelope = JSON.stringify({ event_id, event_type, timestamp: kept.timestampText, room_id });
    const metadata = kept.metadataText === undefined ? '' : `,"metadata":${kept.metadataText}`;
    return `${envelope.slice(0, -1)},"payload":${kept.payloadText}${metadata}}`;
  }

  /** Returns an event's payload as JSON text. */
  payloadOf(event: StreamEvent): string {
    return this.#of(event)?.payloadText ?? JSON.stringify(event.payload);
  }

  /** Returns the texts of an event that leaves its window, alone or merged. The metadata contains the event's `coalesced_count`. */
  textsOf(merged: StreamEvent): Partial<WrittenTexts> {
    const kept = this.#of(merged);
    // Only the payload differs from the last event.
    if (kept?.event.event_id !== merged.event_id) {
      const payloadText = kept?.payloadText ?? JSON.stringify(merged.payload);
      return { payloadText, metadataText: JSON.stringify(merged.metadata ?? {}) };
    }
    const { timestampText, payloadText } = kept;
    return {
      timestampText,
      payloadText,
      metadataText: countedText(kept, merged.metadata?.coalesced_count ?? 1),
    };
  }

  #of({ payload }: StreamEvent): EventTexts | undefined {
    return typeof payload === 'object' && payload !== null ? this.#byPayload.get(payload) : undefined;
  }
}

/**
 * Returns an event's metadata as JSON text with this count. Appends the count to the original text if the text contains none.
 * Serialises the metadata again if the text contains another count.
 */
function countedText({ event, metadataText = '{}' }: EventTexts, count: number): string {
  const metadata: EventMetadata = event.metadata ?? {};
  if (metadata.coalesced_count === count) return metadataText;
  if ('coalesced_count' in metadata) return JSON.stringify({ ...metadata, coalesced_count: count });
  const end = metadataText.lastIndexOf('}');
  const comma = Object.keys(metadata).length === 0 ? '' : ',';
  return `${metadataText.slice(0, end)}${comma}"coalesced_count":${count}}`;
}
