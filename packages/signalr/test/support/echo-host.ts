/*
 * A host with one hub, which has only the method `echo`.
 */
import { defineHub, type SignalRServer, type SignalRServerOptions } from '../../src/index.js';
import { type Host, startHost } from './host.js';

function mapEcho(server: SignalRServer): void {
  server.mapHub('/hub', defineHub()({ methods: { echo: (_context, value) => value } }));
}

export function startEcho(options: SignalRServerOptions = {}): Promise<Host> {
  return startHost(mapEcho, options);
}
