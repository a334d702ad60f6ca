// How a server stops to listen without breaking requests that are on their way.
import type { Server } from 'node:http';
import { setImmediate } from 'node:timers/promises';

/** Time in which requests may arrive and be answered on the connections that are open. */
const FINISH_MS = 100;

/** Maximum number of connections that are accepted before the server stops to listen, if clients never pause. */
const MAX_LAST_CONNECTIONS = 4_096;

/**
 * Refuses new connections, and resolves when the open ones have ended. Connections that are kept without a request are closed at
 * once. A request that has come, or comes on a new connection within {@link FINISH_MS}, is answered. `server.close()` of Node alone
 * would reset the connections that it has not yet accepted.
 */
export async function stopListening(server: Server): Promise<void> {
  if (!server.listening) return;
  await acceptWaiting(server);
  const timer = setTimeout(() => server.closeAllConnections(), FINISH_MS);
  await new Promise((resolve) => server.close(resolve));
  clearTimeout(timer);
}

/** Accepts the connections that wait in the kernel, which would otherwise be reset. Node accepts one in each turn of its loop. */
async function acceptWaiting(server: Server): Promise<void> {
  let isAccepting = true;
  const note = (): void => {
    isAccepting = true;
  };
  server.on('connection', note);
  for (let turn = 0; isAccepting && turn < MAX_LAST_CONNECTIONS; turn += 1) {
    isAccepting = false;
    // The loop polls its sockets between two immediates.
    await setImmediate();
    await setImmediate();
  }
  server.off('connection', note);
}
