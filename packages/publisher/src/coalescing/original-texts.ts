// The JSON texts of events that wait in a window, as they were written. Only a payload that is merged of several is written anew.
import type { EventMetadata, ReceivedEvent, StreamEvent, WrittenTexts } from '@millrace/contract';

/** The texts of one event. */
type EventTexts = Pick<ReceivedEvent, 'event' | keyof WrittenTexts>;

/**
 * Remembers the text of each payload: an event that leaves its window with the payload that it had keeps its text. A text is forgotten
 * with its payload, so the windows bound them. A payload that is neither an object nor a list is written anew.
 */
export class OriginalTexts {
  readonly #byPayload = new WeakMap<object, EventTexts>();

  keep(kept: EventTexts): void {
    const { payload } = kept.event;
    if (typeof payload === 'object' && payload !== null) this.#byPayload.set(payload, kept);
  }

  /** A whole event as JSON text, which is read again when its window ends. */
  textOf(event: StreamEvent): string {
    const kept = this.#of(event);
    if (kept === undefined) return JSON.stringify(event);
    const { event_id, event_type, room_id } = event;
    const envelope = JSON.stringify({ event_id, event_type, timestamp: kept.timestampText, room_id });
    const metadata = kept.metadataText === undefined ? '' : `,"metadata":${kept.metadataText}`;
    return `${envelope.slice(0, -1)},"payload":${kept.payloadText}${metadata}}`;
  }

  /** An event's payload as JSON text. */
  payloadOf(event: StreamEvent): string {
    return this.#of(event)?.payloadText ?? JSON.stringify(event.payload);
  }

  /** The texts of an event that leaves its window, alone or merged, with its count. */
  textsOf(merged: StreamEvent): Partial<WrittenTexts> {
    const kept = this.#of(merged);
    // All fields but the payload are those of the last event.
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

/** An event's metadata with a count: as it was written, with the count at its end where it had none. */
function countedText({ event, metadataText = '{}' }: EventTexts, count: number): string {
  const metadata: EventMetadata = event.metadata ?? {};
  if (metadata.coalesced_count === count) return metadataText;
  if ('coalesced_count' in metadata) return JSON.stringify({ ...metadata, coalesced_count: count });
  const end = metadataText.lastIndexOf('}');
  const comma = Object.keys(metadata).length === 0 ? '' : ',';
  return `${metadataText.slice(0, end)}${comma}"coalesced_count":${count}}`;
}
