// Converts IDs of users and messages to the form in which they are compared.

const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

/**
 * Returns the text by which an ID is compared with others. UUIDs that differ only in upper and lower case get the same text. Other
 * IDs are compared as they are. The IDs of messages are compared in the same way.
 */
export function userKey(id: string): string {
  return UUID.test(id) ? id.toLowerCase() : id;
}
