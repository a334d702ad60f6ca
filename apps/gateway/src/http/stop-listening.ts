// How a server stops to listen without breaking requests that are on their way.
import type { Server } from 'node:http';
import { Server as TcpServer } from 'node:net';
import { setImmediate } from 'node:timers/promises';

/** Time in which requests may arrive and be answered on the connections that are open. */
const FINISH_MS = 100;

/** Maximum number of connections that are accepted before the server stops to listen, if clients never pause. */
const MAX_LAST_CONNECTIONS = 4_096;

/**
 * Refuses new connections. Resolves when the open ones have ended, at the latest after {@link FINISH_MS}: the caller closes the rest
 * when it has answered them. A request that has come, or comes meanwhile, is answered. `server.close()` of Node alone would reset the
 * connections that it has not yet accepted, and would close those that are kept just as a proxy sends the next request on them.
 */
export async function stopListening(server: Server): Promise<void> {
  if (!server.listening) return;
  await acceptWaiting(server);
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, FINISH_MS);
    TcpServer.prototype.close.call(server, () => {
      clearTimeout(timer);
      resolve();
    });
  });
  server.close();
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
