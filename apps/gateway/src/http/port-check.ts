// Checks whether a port is free before anything else is started.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { GatewayError } from '../errors.js';

/** The variables of a port and its host, for messages. */
export interface PortVariables {
  readonly port: string;
  readonly host: string;
}

/** The variables of both ports of a gateway. */
export const portVariables = {
  clients: { port: 'MILLRACE_PORT', host: 'MILLRACE_HOST' },
  admin: { port: 'MILLRACE_ADMIN_PORT', host: 'MILLRACE_ADMIN_HOST' },
} as const satisfies Record<string, PortVariables>;

/**
 * Opens the port and closes it again. Another program may open it afterwards, so a later `listen` may still fail.
 *
 * @throws GatewayError `port_in_use`, or `invalid_configuration` if the address or the port cannot be used
 */
export async function checkPort(
  host: string,
  port: number,
  variables: PortVariables = portVariables.clients,
): Promise<void> {
  if (port === 0) return;
  const server = createServer((socket) => socket.destroy());
  try {
    server.listen({ host, port, exclusive: true });
    await once(server, 'listening');
  } catch (cause) {
    throw portError(host, port, cause, variables);
  }
  server.close();
  await once(server, 'close');
}

/** Returns an error that tells the operator why a gateway cannot listen. Returns a `cause` of another kind unchanged. */
export function portError(host: string, port: number, cause: unknown, variables: PortVariables): unknown {
  switch ((cause as NodeJS.ErrnoException).code) {
    case 'EADDRINUSE': {
      const message = `Port ${port} on ${host} is in use. Stop the program that listens there, or choose another port with ${variables.port}.`;
      return new GatewayError('port_in_use', message, { cause });
    }
    case 'EACCES':
      return invalid(
        `This user may not open port ${port}. Choose one from 1024 on with ${variables.port}.`,
        cause,
      );
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
    case 'EINVAL':
      return invalid(
        `${host} is not an address of this machine. Set ${variables.host} to one of its addresses, or to 0.0.0.0 for all of them.`,
        cause,
      );
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return invalid(
        `The host ${JSON.stringify(host)} cannot be resolved. Set ${variables.host} to an address of this machine, without a port.`,
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
