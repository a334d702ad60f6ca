// Writes an event as the one argument of a hub message: JSON text that contains payload and metadata exactly as the
// publisher wrote them. Pure.
import type { ReceivedEvent } from '@millrace/contract';
import { PreparedCall } from '@millrace/signalr';

/** Returns the event's ID from the text of a call that {@link prepareEvent} made. `undefined` for any other text. */
export function eventIdOf(text: string): string | undefined {
  return /^\{"event_id":"((?:[^"\\]|\\.)*)"/.exec(text)?.[1];
}

/** Prepares the call that clients are sent for an event. Its target is the event's type. */
export function prepareEvent(received: ReceivedEvent, position: string): PreparedCall {
  return new PreparedCall(received.event.event_type, eventText(received, position));
}

/** Returns the text of the argument. A client sends its `position` back when it reconnects. */
function eventText(received: ReceivedEvent, position: string): string {
  const { event, payloadText, metadataText } = received;
  // Timestamps in normal form and positions contain no character that JSON escapes. The other fields may contain one.
  const envelope =
    `{"event_id":${JSON.stringify(event.event_id)},"event_type":${JSON.stringify(event.event_type)},` +
    `"timestamp":"${event.timestamp}","room_id":${JSON.stringify(event.room_id)},"payload":${payloadText}`;
  const metadata = metadataText === undefined ? '' : `,"metadata":${metadataText}`;
  return `${envelope}${metadata},"position":"${position}"}`;
}
