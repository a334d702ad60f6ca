// Reads the answers of other servers that the gateway asks, and describes in words why a request failed.

/** Reads the body as text. @throws Error if it has more than `maxBytes` bytes */
export async function readBounded(response: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) throw new Error(`its answer has more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** Parses the body of an answer. @throws Error if it is not JSON */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('its answer is not JSON');
  }
}

/** Checks that the status is 200. @throws Error that names the status */
export async function expectOk(response: Response): Promise<void> {
  const { status } = response;
  if (status === 200) return;
  await response.body?.cancel();
  const hint = status >= 300 && status < 400 ? ' (a redirect: configure the address it redirects to)' : '';
  throw new Error(`it answered with status ${status}${hint}`);
}

/** Returns the reason why a request failed, for the log. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError' || error.name === 'JWKSTimeout') return 'it did not answer in time';
  // The message `fetch failed` does not name the reason. Its cause does.
  const { cause } = error;
  const code = codeOf(error);
  if (code !== undefined) return `it cannot be reached (${code})`;
  return cause instanceof Error && error.message === 'fetch failed' ? cause.message : error.message;
}

/** Returns the code of the system's error that made a request fail. `undefined` for a request that did not fail in the network. */
export function codeOf(error: unknown): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error ? (cause as NodeJS.ErrnoException).code : undefined;
}
