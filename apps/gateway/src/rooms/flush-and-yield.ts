// Waits for one client without delaying the others.
import { setImmediate } from 'node:timers/promises';
import type { RoomConnection } from './room-connection.js';

/**
 * Resolves when the client has taken all sent events, at the earliest in the next turn of the event loop. Therefore a client
 * that reads fast does not delay other connections.
 */
export async function flushAndYield(connection: Pick<RoomConnection, 'flushed'>): Promise<void> {
  await connection.flushed();
  await setImmediate();
}
