// Whether a port can be had, asked before anything is started for it.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { GatewayError } from '../errors.js';

/**
 * Takes the port and gives it back. Another program may still take it in between, so listening has to be watched as well.
 *
 * @throws GatewayError `port_in_use`
 */
export async function checkPort(host: string, port: number): Promise<void> {
  if (port === 0) return;
  const server = createServer((socket) => socket.destroy());
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, 'listening');
  } catch (cause) {
    throw portError(host, port, cause);
  }
  server.close();
  await once(server, 'close');
}

/** What to tell whoever starts a gateway whose port is taken; any other `cause` as it is. */
export function portError(host: string, port: number, cause: unknown): unknown {
  if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') return cause;
  const message = `Port ${port} on ${host} is taken. Stop what listens there, or choose another with MILLRACE_PORT.`;
  return new GatewayError('port_in_use', message, { cause });
}
