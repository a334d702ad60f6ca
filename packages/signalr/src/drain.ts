/*
 * Emptying a server without a stampede of reconnects: its connections are closed in waves, spread evenly over a period. The server
 * refuses new clients and handles connections that do not end.
 */
import type { ServerClock } from './connection/clock.js';

/** How `drain` spreads its closes. */
export interface DrainOptions {
  /** The last connection is closed after this; 0 closes all at once. @defaultValue 10_000 */
  readonly withinMs?: number;
  /** The first wave, and with it `withinMs`, begins when this has settled: for messages that the clients must still receive. */
  readonly after?: Promise<unknown>;
}

/** Time between two waves: many small ones, so that neither this server nor those that take over its clients see a peak. */
const WAVE_INTERVAL_MS = 100;

/** A connection, as far as a drain needs it. */
export interface DrainableConnection {
  readonly state: string;
  close(reason: 'server_closed'): void;
}

/** How many of `total` connections may still be open after `elapsedMs`: a straight line from all to none. */
export function mayStayOpen(total: number, elapsedMs: number, withinMs: number): number {
  if (elapsedMs >= withinMs) return 0;
  return Math.floor(total * (1 - elapsedMs / withinMs));
}

/**
 * Closes connections in waves, the oldest first; their clients may reconnect. Connections that end in between count as closed. The
 * list must not grow meanwhile.
 * @returns a function that stops the waves and leaves the remaining connections open
 */
export function closeInWaves(
  clock: ServerClock,
  connections: readonly DrainableConnection[],
  withinMs: number,
): () => void {
  const total = connections.length;
  const startedMs = clock.monotonicMs();
  let waiting = connections;
  let stop = (): void => {};
  const closeWave = (): void => {
    waiting = waiting.filter(isThere);
    const stayCount = mayStayOpen(total, clock.monotonicMs() - startedMs, withinMs);
    const leavingCount = Math.max(0, waiting.length - stayCount);
    for (const connection of waiting.slice(0, leavingCount)) connection.close('server_closed');
    waiting = waiting.slice(leavingCount);
    if (waiting.length === 0) stop();
  };
  closeWave();
  if (waiting.length > 0) stop = clock.every(WAVE_INTERVAL_MS, closeWave);
  return () => stop();
}

function isThere({ state }: DrainableConnection): boolean {
  return state !== 'closing' && state !== 'closed';
}
