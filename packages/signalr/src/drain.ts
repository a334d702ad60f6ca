/*
 * Drains a server: closes its connections in waves over a period, so that the clients do not all reconnect at the same
 * moment. `server.ts` refuses new clients, and limits how long a drain waits for connections that do not end.
 */
import { atLeast, type OptionRules, objectWith } from '@millrace/internal';
import type { ServerClock } from './connection/clock.js';

/** The options of `drain`. @beta */
export interface DrainOptions {
  /**
   * Time from the first wave to the last one. With 0, all connections are closed immediately. @defaultValue
   * 10_000
   */
  readonly withinMs?: number;
  /**
   * The drain waits for this promise before its first wave. The period `withinMs` begins with that wave. Use it if clients
   * must receive certain messages before they are disconnected.
   */
  readonly after?: Promise<unknown>;
}

/** The rules of the options of `drain`. */
export const DRAIN_RULES: OptionRules<DrainOptions> = { withinMs: atLeast(0), after: objectWith(['then']) };

/** Time between two waves. It is short, so that each wave is small and causes no peak load on the servers. */
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
 * Closes the connections in waves, in the order of the list. Their clients may reconnect. A connection that ends before its
 * wave counts as closed. Connections that open after this call stay open, so the server must refuse new clients first.
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
