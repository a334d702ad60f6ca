// Writes an event as the only argument of a hub message: JSON text that contains payload and metadata exactly as the publisher
// wrote them. Pure.
import type { ReceivedEvent } from '@millrace/contract';
import { PreparedCall } from '@millrace/signalr';

/** Returns the event ID in the text of a call that {@link prepareEvent} made, or `undefined` for any other text. */
export function eventIdOf(text: string): string | undefined {
  return /^\{"event_id":"((?:[^"\\]|\\.)*)"/.exec(text)?.[1];
}

/** Returns the position at the end of a text that {@link prepareEvent} made, or `undefined` if there is none. */
export function positionOf(text: string): string | undefined {
  return /"position":"([\w.~-]+)"\}$/.exec(text)?.[1];
}

/** Prepares the call that is sent to clients for an event. The target of the call is the event's type. */
export function prepareEvent(received: ReceivedEvent, position: string): PreparedCall {
  return new PreparedCall(received.event.event_type, eventText(received, position));
}

/** Returns the argument as JSON text. A client sends the `position` back when it reconnects. */
function eventText(received: ReceivedEvent, position: string): string {
  const { event, payloadText, metadataText } = received;
  // Neither a normalized timestamp nor a position contains characters that JSON escapes. The other fields may contain some.
  const envelope =
    `{"event_id":${JSON.stringify(event.event_id)},"event_type":${JSON.stringify(event.event_type)},` +
    `"timestamp":"${event.timestamp}","room_id":${JSON.stringify(event.room_id)},"payload":${payloadText}`;
  const metadata = metadataText === undefined ? '' : `,"metadata":${metadataText}`;
  return `${envelope}${metadata},"position":"${position}"}`;
}
