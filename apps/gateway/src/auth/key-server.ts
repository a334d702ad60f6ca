// Fetches the JSON Web Key Set of a key server, without a cache. Describes in words why a request failed.

/** Maximum size of the key server's response, in bytes. The largest key sets have a few dozen keys of about 2 KiB each. */
const maxSetBytes = 1_048_576;

/**
 * Fetches a key set. jose calls this function as its `customFetch`. A response without a key that can verify a signature counts as
 * a failure. Otherwise an empty set or the error page of a proxy would replace good keys.
 *
 * @throws Error when the request fails or the response cannot be used. {@link reasonOf} describes the error for the log.
 */
export async function fetchKeySet(url: string, options: RequestInit): Promise<Response> {
  const response = await fetch(url, options);
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`it answered with status ${response.status}${hintFor(response.status)}`);
  }
  const set = parseJson(await readBounded(response));
  if (!hasUsableKey(set)) throw new Error('its answer holds no key that can verify a signature');
  return Response.json(set);
}

/** Returns the reason why a request failed, for the log. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError' || error.name === 'JWKSTimeout') return 'it did not answer in time';
  // The message `fetch failed` does not name the reason, but the cause does.
  const { cause } = error;
  const code = cause instanceof Error ? (cause as NodeJS.ErrnoException).code : undefined;
  if (code !== undefined) return `it cannot be reached (${code})`;
  return cause instanceof Error && error.message === 'fetch failed' ? cause.message : error.message;
}

function hintFor(status: number): string {
  return status >= 300 && status < 400 ? ' (a redirect: configure the address it redirects to)' : '';
}

async function readBounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxSetBytes) throw new Error(`its answer has more than ${maxSetBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('its answer is not JSON');
  }
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
