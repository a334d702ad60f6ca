// Composes the key under which only the newest event of a room is replayed. Pure.
import type { ReceivedEvent } from '@millrace/contract';

/**
 * Returns the key of an event. Returns `undefined` if every event of its type is replayed. A character that no event type
 * contains separates type and key.
 */
export function latestKeyOf({ event, declaration }: ReceivedEvent): string | undefined {
  const { replay } = declaration;
  if (replay.mode !== 'latest') return undefined;
  const key = replay.key(event.payload);
  return key === undefined ? undefined : `${event.event_type}\u0000${key}`;
}
