/*
 * A host with one chat hub, and functions that send negotiate and upgrade requests.
 */
import { WebSocket } from 'ws';
import { defineHub, type MapHubOptions, type SignalRServerOptions } from '../../src/index.js';
import { type Host, startHost } from './host.js';

export const hub = defineHub()({ methods: { echo: (_context, value) => value } });

export function startChat(
  map: MapHubOptions<undefined> = {},
  options: SignalRServerOptions = {},
): Promise<Host> {
  return startHost((server) => {
    server.mapHub('/hubs/Chat', hub, map);
  }, options);
}

export async function negotiate(host: Host, query = '?negotiateVersion=1'): Promise<Record<string, unknown>> {
  const response = await fetch(`${host.url}/hubs/chat/negotiate${query}`, { method: 'POST' });
  return (await response.json()) as Record<string, unknown>;
}

/** Sends an upgrade request. Returns the status and the body of a refusal, or 101 if the upgrade was accepted. */
export async function upgrade(host: Host, path: string, headers: Record<string, string> = {}) {
  return new Promise<{ status: number; body: string; socket?: WebSocket }>((resolve) => {
    const socket = new WebSocket(`${host.url.replace('http', 'ws')}${path}`, { headers });
    socket.on('open', () => resolve({ status: 101, body: '', socket }));
    socket.on('error', () => {}); // The code below reports the refusal.
    socket.on('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (data: Buffer) => {
        body += data.toString();
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
  });
}
