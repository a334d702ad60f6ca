// Checks whether a port is free before anything else is started.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
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
 * Checks the address, and whether a program listens on the port. Does not open the port, not even for a moment: while a gateway
 * restarts, its proxy sends it requests as soon as the port is open. The later `listen` may still fail.
 *
 * @throws GatewayError `port_in_use`, or `invalid_configuration` if the address cannot be used
 */
export async function checkPort(
  host: string,
  port: number,
  variables: PortVariables = portVariables.clients,
): Promise<void> {
  if (port === 0) return;
  try {
    const address = await openAddress(host);
    if (await isAnswered(address, port)) throw Object.assign(new Error('answered'), { code: 'EADDRINUSE' });
  } catch (cause) {
    throw portError(host, port, cause, variables);
  }
}

/** Opens a free port of the address for a moment. Returns the address that a host name stands for. */
async function openAddress(host: string): Promise<string> {
  const server = createServer((socket) => socket.destroy());
  server.listen({ host, port: 0, exclusive: true });
  await once(server, 'listening');
  const { address } = server.address() as AddressInfo; // The server listens on TCP.
  server.close();
  await once(server, 'close');
  return address;
}

/** Addresses that stand for all addresses of the machine, each with the host to which a client on this machine connects. */
const wildcards: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': 'localhost' };

/** Resolves to true if a program accepts a connection within a second. */
async function isAnswered(address: string, port: number): Promise<boolean> {
  const socket = connect({ host: wildcards[address] ?? address, port });
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(1_000) });
    // The kernel may choose the same port for this end of the connection, which then answers itself.
    return socket.localPort !== port;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
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
