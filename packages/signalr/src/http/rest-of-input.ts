/*
 * Discards the rest of a request that has been answered already. Most clients send the whole body before they read the answer: if the
 * server closes at once, they see a broken pipe instead (RFC 9112, 9.6), so it continues to read for a while.
 */
import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';

/** Many times the largest body that any request may have; beyond it the connection is closed. */
const MAXIMUM_DISCARDED_BYTES = 16_777_216;
/** Kestrel continues to read for five seconds; a client on a slow connection gets twice that. */
const MAXIMUM_DISCARDING_MS = 10_000;

/**
 * Reads and discards the rest, at most 16 MiB and for at most 10 s. For servers that answer a request before its whole body has
 * arrived: write the answer, wait for this, then end it.
 * @returns true when everything has arrived or the connection is gone; false at the bound, where the caller must close the connection.
 * Never rejects.
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

/** Ends a response that is already written, once the rest of its request has arrived. */
export async function endAfterRest(response: ServerResponse): Promise<void> {
  if (await discardRest(response.req)) response.end();
  else response.destroy();
}
