// Writes an event as the one argument of a hub message: JSON text that contains payload and metadata exactly as the
// publisher wrote them. Pure.
import type { ReceivedEvent } from '@millrace/contract';
import { PreparedCall } from '@millrace/signalr';

/** The event's ID, from the text of a call that {@link prepareEvent} made; `undefined` in any other text. */
export function eventIdOf(text: string): string | undefined {
  return /^\{"event_id":"((?:[^"\\]|\\.)*)"/.exec(text)?.[1];
}

/** Prepares the call that clients are sent for an event: the target is the event's type. */
export function prepareEvent(received: ReceivedEvent, position: string): PreparedCall {
  return new PreparedCall(received.event.event_type, eventText(received, position));
}

/** The argument's text. `position` is the token a client hands back when it returns. */
function eventText(received: ReceivedEvent, position: string): string {
  const { event, payloadText, metadataText } = received;
  // Timestamps in normal form and positions contain no character that JSON escapes; the other fields may.
  const envelope =
    `{"event_id":${JSON.stringify(event.event_id)},"event_type":${JSON.stringify(event.event_type)},` +
    `"timestamp":"${event.timestamp}","room_id":${JSON.stringify(event.room_id)},"payload":${payloadText}`;
  const metadata = metadataText === undefined ? '' : `,"metadata":${metadataText}`;
  return `${envelope}${metadata},"position":"${position}"}`;
}
