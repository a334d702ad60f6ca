// Opens the socket of a connection to Redis: TCP, TLS or a Unix socket.
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Endpoint } from './redis-target.js';
import type { NodeAddress } from './redis-url.js';

const KEEP_ALIVE_DELAY_MS = 5_000;
/** Size of the buffer for each read. A longer reply arrives in several pieces. */
const READ_BUFFER_BYTES = 65_536;

/** Begins to connect. `onChunk` receives the data, and may keep the chunks. */
export function openSocket(endpoint: Endpoint, onChunk: (chunk: Buffer) => void): Socket {
  const { address, isSocket, tls } = endpoint;
  const options = {
    ...(isSocket ? { path: address } : hostAndPort(address)),
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
  };
  if (tls !== undefined) {
    const { secureContext, serverName } = tls();
    const { host } = hostAndPort(address);
    // Hosted services choose the server by this name. It must not be an IP address (RFC 6066, section 3).
    const name = serverName ?? (isIP(host) === 0 ? host : undefined);
    return connectTls({
      ...options,
      secureContext,
      ...(name === undefined ? {} : { servername: name }),
    }).on('data', onChunk);
  }
  // The socket would otherwise allocate 64 KiB for each read. Most replies have only a few hundred bytes.
  const callback = (length: number, bytes: Uint8Array): boolean => {
    onChunk(Buffer.from(bytes.subarray(0, length)));
    return true;
  };
  return connect({ ...options, onread: { buffer: Buffer.allocUnsafeSlow(READ_BUFFER_BYTES), callback } });
}

/** Splits `host:port`, with an IPv6 host in brackets. */
export function hostAndPort(address: NodeAddress): { readonly host: string; readonly port: number } {
  const { hostname, port } = new URL(`redis://${address}`);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) };
}
