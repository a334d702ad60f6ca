// Decides which entries are erased. Pure.
import type { Entry } from '@millrace/broker';
import { type AnyCatalog, comparableId, namesPerson } from '@millrace/contract';

/** Room that belongs to one user: `user:` and the ID of the user. */
const PERSONAL_ROOM_PREFIX = 'user:';

/** Selects the events to erase: one event, all events of a room, or all events of a user. @beta */
export type ErasureSelection =
  | {
      readonly eventId: string;
      /** The event's room, if it is known. Then only the streams of the room are searched. */
      readonly roomId?: string;
    }
  | { readonly roomId: string }
  | {
      /**
       * Selects all events in the room `user:<userId>`, and the events whose payload names the user in a field that their
       * type declares as `persons`.
       */
      readonly userId: string;
      /** Selects only events in this room. */
      readonly roomId?: string;
    };

/** The envelope fields by which an erasure may be allowed or refused. @beta */
export interface ErasableEvent {
  readonly event_type: string;
  readonly room_id: string;
}

/** Returns a function that is true for the entries of the selected events. The entries may be invalid. */
export function selectedBy(
  selection: ErasureSelection,
  catalog: AnyCatalog,
): (fields: Entry['fields']) => boolean {
  const { roomId } = selection;
  const isInRoom = (fields: Entry['fields']): boolean => roomId === undefined || fields['room_id'] === roomId;
  if ('eventId' in selection) {
    const { eventIdRule } = catalog;
    const wanted = comparableId(selection.eventId, eventIdRule);
    return (fields) => isInRoom(fields) && comparableId(fields['event_id'] ?? '', eventIdRule) === wanted;
  }
  if ('userId' in selection) {
    const { userId } = selection;
    return (fields) => isInRoom(fields) && isOfUser(fields, userId, catalog);
  }
  return isInRoom;
}

function isOfUser(fields: Entry['fields'], userId: string, catalog: AnyCatalog): boolean {
  if (fields['room_id'] === `${PERSONAL_ROOM_PREFIX}${userId}`) return true;
  const declaration = catalog.find(fields['event_type'] ?? '');
  const isDeclared = declaration?.persons !== undefined && declaration.persons.length > 0;
  return isDeclared && namesPerson(declaration, readJson(fields['payload'] ?? ''), userId);
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // An unreadable payload names nobody.
    return undefined;
  }
}
