// One question to a key server: its JSON Web Key Set, or in words why there is none. Knows nothing of tokens and keeps nothing.

/** More is no key set: the largest ones have a few dozen keys of about 2 KiB each. */
const maxSetBytes = 1_048_576;

/**
 * As jose's `customFetch`: what it answers is a set with at least one key that can verify a signature. An empty set, or a page of a
 * proxy, must not take the place of keys that are known to be good.
 *
 * @throws Error in words for a log: what the server did instead
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

/** Why a question failed, for a log. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError' || error.name === 'JWKSTimeout') return 'it did not answer in time';
  // `fetch failed` says nothing; its cause does.
  const { cause } = error;
  const code = cause instanceof Error ? (cause as NodeJS.ErrnoException).code : undefined;
  if (code !== undefined) return `it cannot be reached (${code})`;
  return cause instanceof Error && error.message === 'fetch failed' ? cause.message : error.message;
}

function hintFor(status: number): string {
  return status >= 300 && status < 400 ? ' (a redirect: give the address where it leads)' : '';
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

/** RFC 7517: a key of one secret (`oct`) verifies nothing here, and `use` may reserve a key for encryption. */
function hasUsableKey(set: unknown): boolean {
  const keys = typeof set === 'object' && set !== null && 'keys' in set ? set.keys : undefined;
  return Array.isArray(keys) && keys.some(isUsable);
}

function isUsable(key: unknown): boolean {
  if (typeof key !== 'object' || key === null || !('kty' in key)) return false;
  const use = 'use' in key ? key.use : undefined;
  return typeof key.kty === 'string' && key.kty !== 'oct' && (use === undefined || use === 'sig');
}
