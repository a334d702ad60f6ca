/*
 * Discards the rest of a request that has its answer already. Most clients send a body whole before they read the answer: a server
 * that closes at once makes them see a broken pipe instead of it (RFC 9112, 9.6), so it reads on for a while.
 */
import type { ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';

/** Many times the largest body that is accepted anywhere here; beyond it a client learns from the closed connection. */
const MAXIMUM_DISCARDED_BYTES = 16_777_216;
/** Kestrel reads on for five seconds; a client on a slow line gets twice that. */
const MAXIMUM_DISCARDING_MS = 10_000;

/**
 * Reads on and throws away what comes, at most 16 MiB and for at most 10 s. For servers that answer a request before they have its
 * whole body: write the answer, wait for this, then end it.
 * @returns true when all has come or the connection is gone; false at the bound, where the caller ends the connection. Never rejects.
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

/** Ends a response that is written already, once the rest of its request has come. */
export async function endAfterRest(response: ServerResponse): Promise<void> {
  if (await discardRest(response.req)) response.end();
  else response.destroy();
}
