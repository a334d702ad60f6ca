// How events were written, while they wait in a window. Only what is merged of several is written anew.
import type { EventMetadata, ReceivedEvent, StreamEvent, WrittenTexts } from '@millrace/contract';

/** The texts of one event. */
type Kept = Pick<ReceivedEvent, 'event' | keyof WrittenTexts>;

/**
 * Remembers texts by the payload that they stand for: an event that leaves its window with the payload it came with keeps its
 * text. Bounded by what holds the payloads. A payload that is neither object nor list is written anew.
 */
export class KeptTexts {
  readonly #byPayload = new WeakMap<object, Kept>();

  keep(kept: Kept): void {
    const { payload } = kept.event;
    if (typeof payload === 'object' && payload !== null) this.#byPayload.set(payload, kept);
  }

  /** A whole event as JSON text, to be read again when its window ends. */
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
    // Everything but the payload is the last event's.
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

  #of({ payload }: StreamEvent): Kept | undefined {
    return typeof payload === 'object' && payload !== null ? this.#byPayload.get(payload) : undefined;
  }
}

/** An event's metadata with a count: as it was written, with the count behind it where it had none. */
function countedText({ event, metadataText = '{}' }: Kept, count: number): string {
  const metadata: EventMetadata = event.metadata ?? {};
  if (metadata.coalesced_count === count) return metadataText;
  if ('coalesced_count' in metadata) return JSON.stringify({ ...metadata, coalesced_count: count });
  const end = metadataText.lastIndexOf('}');
  const comma = Object.keys(metadata).length === 0 ? '' : ',';
  return `${metadataText.slice(0, end)}${comma}"coalesced_count":${count}}`;
}
