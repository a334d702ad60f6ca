/*
 * Empties a server without a stampede of reconnects: closes its connections in waves, spread evenly over a period. `server.ts`
 * refuses new clients, and limits how long a drain waits for connections that do not end.
 */
import type { ServerClock } from './connection/clock.js';

/** The options of `drain`. */
export interface DrainOptions {
  /** Time from the first wave to the last one. 0 closes all connections at once. @defaultValue 10_000 */
  readonly withinMs?: number;
  /**
   * A promise that delays the waves: the first wave, and the time `withinMs`, begin when it has settled. Use it if the clients must
   * still receive messages.
   */
  readonly after?: Promise<unknown>;
}

/**
 * Time between two waves. It is short, so that the waves are small: neither this server nor the servers that take over its clients
 * see a peak.
 */
const WAVE_INTERVAL_MS = 100;

/** The part of a connection that a drain needs. */
export interface DrainableConnection {
  readonly state: string;
  close(reason: 'server_closed'): void;
}

/** Returns how many of `total` connections may still be open after `elapsedMs`. The number falls linearly from `total` to 0. */
export function mayStayOpen(total: number, elapsedMs: number, withinMs: number): number {
  if (elapsedMs >= withinMs) return 0;
  return Math.floor(total * (1 - elapsedMs / withinMs));
}

/**
 * Closes connections in waves, in the order of the list; their clients may reconnect. A connection that ends before its wave counts
 * as closed. Connections that open later are not closed, so the server must refuse new clients first.
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
