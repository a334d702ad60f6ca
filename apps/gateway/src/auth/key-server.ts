// Fetches the JSON Web Key Set of a key server, without a cache.
import { expectOk, parseJson, readBounded } from '../http/remote-answer.js';

/** Maximum size of the key server's response, in bytes. The largest key sets have a few dozen keys of about 2 KiB each. */
const maxSetBytes = 1_048_576;

/**
 * Fetches a key set. jose calls it as its `customFetch`. A response without a key that can verify a signature counts as a
 * failure. Otherwise an empty set or the error page of a proxy would replace good keys.
 *
 * @throws Error if the request fails or the response cannot be used. `reasonOf` describes it for the log
 */
export async function fetchKeySet(url: string, options: RequestInit): Promise<Response> {
  const response = await fetch(url, options);
  await expectOk(response);
  const set = parseJson(await readBounded(response, maxSetBytes));
  if (!hasUsableKey(set)) throw new Error('its answer holds no key that can verify a signature');
  return Response.json(set);
}

/**
 * True when at least one key of the set can verify a signature (RFC 7517). Shared secrets (`oct`) and
 * encryption keys (`use`) cannot verify one.
 */
function hasUsableKey(set: unknown): boolean {
  const keys = typeof set === 'object' && set !== null && 'keys' in set ? set.keys : undefined;
  return Array.isArray(keys) && keys.some(isUsable);
}

function isUsable(key: unknown): boolean {
  if (typeof key !== 'object' || key === null || !('kty' in key)) return false;
  const use = 'use' in key ? key.use : undefined;
  return typeof key.kty === 'string' && key.kty !== 'oct' && (use === undefined || use === 'sig');
}
