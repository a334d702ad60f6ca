// The form in which IDs of users and messages are compared.

const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

/**
 * True for any UUID as text. The contract package has a faster check for events. This check is short, because
 * it is part of the client's bundle.
 */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/**
 * Returns the same text for two IDs of one user, and different texts for different users. UUIDs are compared in lower case, other
 * IDs as they are. The IDs of messages are compared in the same way.
 */
export function userKey(id: string): string {
  return isUuid(id) ? id.toLowerCase() : id;
}
