// An event as the one argument of a hub message: JSON text in which payload and metadata stand exactly as the
// publisher wrote them. Pure.
import type { ReceivedEvent } from '@millrace/contract';

/** The event's ID, from what {@link eventText} wrote; `undefined` in any other text. */
export function eventIdOf(text: string): string | undefined {
  return /^\{"event_id":"((?:[^"\\]|\\.)*)"/.exec(text)?.[1];
}

/** The argument's text. `position` is the token a client hands back when it returns. */
export function eventText(received: ReceivedEvent, position: string): string {
  const { event, payloadText, metadataText } = received;
  // Timestamps in normal form and positions hold no character that JSON escapes; the other fields may.
  const envelope =
    `{"event_id":${JSON.stringify(event.event_id)},"event_type":${JSON.stringify(event.event_type)},` +
    `"timestamp":"${event.timestamp}","room_id":${JSON.stringify(event.room_id)},"payload":${payloadText}`;
  const metadata = metadataText === undefined ? '' : `,"metadata":${metadataText}`;
  return `${envelope}${metadata},"position":"${position}"}`;
}
