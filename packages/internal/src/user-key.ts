// The form in which IDs of users and messages are compared.

const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

/**
 * True for any UUID as text. This check is short, because it is part of the client's bundle. The contract package has a
 * faster one for events.
 * @internal
 */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/**
 * Returns the form of a user's ID that is used for comparison. UUIDs are compared in lower case, and other IDs as they are.
 * The IDs of messages are compared in the same way.
 * @internal
 */
export function userKey(id: string): string {
  return isUuid(id) ? id.toLowerCase() : id;
}
