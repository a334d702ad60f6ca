/*
 * Discards the rest of a request that has already been answered. Most clients send the whole body before they read the
 * answer. If the server closed the connection at once, such a client would see a broken pipe instead of the answer (RFC 9112,
 * 9.6). Therefore the server continues to read for a limited time.
 */
import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';

/** Maximum number of bytes to discard, much more than the largest allowed body. The connection is closed after this number. */
const MAXIMUM_DISCARDED_BYTES = 16_777_216;
/** Maximum time to read and discard. Kestrel reads for five seconds. A slow connection gets twice that time here. */
const MAXIMUM_DISCARDING_MS = 10_000;

/**
 * Reads and discards the rest of a request, at most 16 MiB and for at most 10 s. Use it to answer a request before its whole
 * body has arrived: write the answer, wait for `discardRest`, then end the response. Never rejects.
 * @returns true if the whole request has arrived or the connection is gone. False if a limit was reached. The caller must
 *   then close the connection
 * @beta
 */
export function discardRest(input: Readable): Promise<boolean> {
  if (input.readableEnded || input.destroyed) return Promise.resolve(true);
  return new Promise((resolve) => {
    let bytes = 0;
    const settle = (isWhole: boolean): void => {
      clearTimeout(timer);
      input.off('data', count);
      for (const event of ['end', 'close', 'error']) input.off(event, onEnd);
      resolve(isWhole);
    };
    const onEnd = (): void => settle(true);
    const count = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > MAXIMUM_DISCARDED_BYTES) settle(false);
    };
    const timer = setTimeout(() => settle(false), MAXIMUM_DISCARDING_MS);
    for (const event of ['end', 'close', 'error']) input.on(event, onEnd);
    input.on('data', count);
    input.resume();
  });
}

/** Ends a response that is already written, as soon as the rest of its request has arrived. */
export async function endAfterRest(response: ServerResponse): Promise<void> {
  if (await discardRest(response.req)) response.end();
  else response.destroy();
}
