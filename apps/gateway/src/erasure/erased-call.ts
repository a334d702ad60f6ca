// The message that tells clients that an event was erased. Pure.
import { type EntryId, FIRST_ENTRY_ID, previousEntryId, type StreamPosition } from '@millrace/broker';
import type { EraseControl } from '@millrace/contract';
import { PreparedCall } from '@millrace/signalr';

/** Target of the message. No event type has this name. */
export const EVENT_ERASED = 'event_erased';

/** Prepares the message. A client that receives it stores its `position` and presents it when it reconnects. */
function prepareErased(eventId: string, roomId: string, position: string): PreparedCall {
  const text = `{"event_id":${JSON.stringify(eventId)},"room_id":${JSON.stringify(roomId)},"position":"${position}"}`;
  return new PreparedCall(EVENT_ERASED, text);
}

/** The place of a control entry. Its positions are those of clients that have received all entries up to and including it. */
export interface ErasedCallContext {
  readonly stream: string;
  readonly id: EntryId;
  positionOf(stream: string): StreamPosition;
  /** Composes a position of the room. */
  encode(positionOf: (stream: string) => StreamPosition): string;
}

/**
 * Prepares the messages of a control entry, one for each event. Only the last message has the position after the control
 * entry. Therefore a client that disconnects between two of the messages is sent all of them again.
 */
export function prepareErasedCalls(control: EraseControl, place: ErasedCallContext): readonly PreparedCall[] {
  const { roomId, entries } = control;
  const eventIds = entries.flatMap(({ eventId }) => (eventId === undefined ? [] : [eventId]));
  if (eventIds.length === 0) return [];
  const after = place.encode((stream) => place.positionOf(stream));
  const before =
    eventIds.length === 1
      ? after
      : place.encode((stream) => {
          const position = place.positionOf(stream);
          return stream === place.stream ? { ...position, cursor: idBefore(place.id) } : position;
        });
  return eventIds.map((eventId, index) =>
    prepareErased(eventId, roomId, index === eventIds.length - 1 ? after : before),
  );
}

function idBefore(id: EntryId): EntryId {
  return id === FIRST_ENTRY_ID ? id : previousEntryId(id);
}
