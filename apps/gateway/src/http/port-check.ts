// Whether a port can be had, asked before anything is started for it.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { GatewayError } from '../errors.js';

/**
 * Takes the port and gives it back. Another program may still take it in between, so listening has to be watched as well.
 *
 * @throws GatewayError `port_in_use` or `invalid_configuration`
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

/** Error that tells the operator why a gateway cannot listen; any other `cause` as it is. */
export function portError(host: string, port: number, cause: unknown): unknown {
  switch ((cause as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE': {
      const message = `Port ${port} on ${host} is taken. Stop what listens there, or choose another with MILLRACE_PORT.`;
      return new GatewayError('port_in_use', message, { cause });
    }
    case 'EACCES':
      return invalid(
        `Port ${port} may not be opened by this user. Choose one from 1024 on with MILLRACE_PORT.`,
        cause,
      );
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
    case 'EINVAL':
      return invalid(
        `${host} is no address of this machine. Set MILLRACE_HOST to one of its own, or to 0.0.0.0 for all.`,
        cause,
      );
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return invalid(
        `The host ${JSON.stringify(host)} cannot be resolved. Set MILLRACE_HOST to an address of this machine, without a port.`,
        cause,
      );
    case undefined:
    default:
      return cause;
  }
}

function invalid(message: string, cause: unknown): GatewayError {
  return new GatewayError('invalid_configuration', message, { cause });
}
