/*
 * A host with raw connections at `/raw`, and the handlers that several tests use.
 */
import type {
  ConnectionHandler,
  MapConnectionOptions,
  RawConnection,
  SignalRServerOptions,
} from '../../src/index.js';
import { type Host, startHost } from './host.js';

export function startRaw(
  handler: ConnectionHandler,
  map: MapConnectionOptions<undefined> = {},
  options: SignalRServerOptions = {},
): Promise<Host> {
  return startHost((server) => server.mapConnection('/raw', handler, map), options);
}

/** Sends back every message. */
export async function echo(connection: RawConnection): Promise<void> {
  for await (const message of connection) await connection.send(message);
}

/** Does nothing until the connection ends. */
export function untilEnd({ signal }: Pick<RawConnection, 'signal'>): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
