// Composes the key under which only the newest event of a room is replayed. Pure.
import type { ReceivedEvent } from '@millrace/contract';
import { shown } from '@millrace/internal';

/**
 * Returns the key of an event. Returns `undefined` if every event of its type is replayed. A character that no event type
 * contains separates type and key.
 * @throws TypeError if the function `key` of the type returns anything other than a string. As a key, every promise would be
 *   the same, and each event would replace the one before.
 */
export function latestKeyOf({ event, declaration }: ReceivedEvent): string | undefined {
  const { replay } = declaration;
  if (replay.mode !== 'latest') return undefined;
  const key: unknown = replay.key(event.payload);
  if (key !== undefined && typeof key !== 'string')
    throw new TypeError(
      `replay.key of ${event.event_type} must return a string or undefined, not ${shown(key)}`,
    );
  return key === undefined ? undefined : `${event.event_type}\u0000${key}`;
}
