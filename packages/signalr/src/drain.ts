/*
 * Emptying a server without a stampede: its connections are told to reconnect elsewhere in waves, spread evenly over a
 * time. Refusing new ones, and what happens to a connection that does not end, is the server's business.
 */
import type { Clock } from './connection/clock.js';

/** How `drain` spreads its closes. */
export interface DrainOptions {
  /** The last connection is told to go after this; 0 tells all at once. @defaultValue 10_000 */
  readonly withinMs?: number;
  /** The first wave, and with it `withinMs`, begins when this has settled: for what those who are here shall still be sent. */
  readonly after?: Promise<unknown>;
}

/** Time between two waves: small ones often, so that neither we nor those who take the clients over have a peak. */
const WAVE_INTERVAL_MS = 100;

/** What is asked of a connection. */
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
 * Tells connections to reconnect in waves, those first that came first. Connections that leave by themselves count as
 * told. The list must not grow meanwhile.
 * @returns a function that ends it early and leaves the rest as it is
 */
export function closeInWaves(
  clock: Clock,
  connections: readonly DrainableConnection[],
  withinMs: number,
): () => void {
  const total = connections.length;
  const startedMs = clock.nowMs();
  let waiting = connections;
  let stop = (): void => {};
  const closeWave = (): void => {
    waiting = waiting.filter(isThere);
    const stayCount = mayStayOpen(total, clock.nowMs() - startedMs, withinMs);
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
