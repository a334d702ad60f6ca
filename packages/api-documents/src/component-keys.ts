// Turns names into keys of AsyncAPI and OpenAPI documents, which allow only letters, digits, `.`, `-` and `_`.

/**
 * Returns a key for each name. A colon becomes `-`, and every other character that is not allowed becomes `_`. If two names
 * would have the same key, a number is appended to the later key.
 */
export function componentKeys(names: readonly string[]): ReadonlyMap<string, string> {
  const keys = new Map<string, string>();
  const taken = new Set<string>();
  for (const name of names) {
    const plain = name.replaceAll(':', '-').replaceAll(/[^A-Za-z0-9._-]/gu, '_');
    let key = plain;
    for (let number = 2; taken.has(key); number += 1) key = `${plain}-${number}`;
    taken.add(key);
    keys.set(name, key);
  }
  return keys;
}
