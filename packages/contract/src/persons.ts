// Finds the people whom an event is about. The event's type declares the fields that name them. Pure.
import type { EventTypeDeclaration } from './catalog/declaration.js';
import { isUuid } from './text/uuid.js';

/**
 * True if a payload names the user in a field that its type declares (`persons`). UUIDs are compared in lower case, other IDs
 * unchanged. Never throws, not even for a payload that its schema refuses.
 * @beta
 */
export function namesPerson(
  { persons = [] }: Pick<EventTypeDeclaration, 'persons'>,
  payload: unknown,
  userId: string,
): boolean {
  const wanted = comparable(userId);
  return persons.some((path) => {
    const value = valueAt(payload, path);
    return typeof value === 'string' && comparable(value) === wanted;
  });
}

function valueAt(payload: unknown, path: string): unknown {
  let value = payload;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[name]; // The line above has checked that the value is an object.
  }
  return value;
}

function comparable(id: string): string {
  return isUuid(id) ? id.toLowerCase() : id;
}
