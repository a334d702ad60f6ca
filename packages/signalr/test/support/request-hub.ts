// A hub for tests of the requests of event streams and long polling: its methods return at once, hang until the test releases them, or end
// the connection.
import { expect } from 'vitest';
import { defineHub, type TransportName } from '../../src/index.js';
import { type Host, startHost } from './host.js';
import { openStream, post } from './http-client.js';
import { HANDSHAKE } from './raw-client.js';

export interface RequestHub extends Host {
  /** The methods and hooks that were called, in order. */
  readonly log: string[];
  /** Lets the methods `slow` and `hang` return. */
  release(): void;
}

/** Starts a server with the hub. It buffers at most 1,000 bytes of a connection's input. */
export async function startRequestHub(transports?: readonly TransportName[]): Promise<RequestHub> {
  const log: string[] = [];
  let release: () => void = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const hub = defineHub()({
    onConnected: ({ signal }) => signal.addEventListener('abort', () => log.push('aborted')),
    onDisconnected: () => void log.push('disconnected'),
    methods: {
      echo: (_context, value) => value,
      slow: () => released,
      hang: async () => {
        log.push('hangs');
        await released;
      },
      seen: ({ request: { query, headers } }) => [query.get('another'), headers['x-first']],
      leave: (context) => context.abort(),
    },
  });
  const host = await startHost(
    (server) => server.mapHub('/hub', hub, transports === undefined ? {} : { transports }),
    { maximumInboundBufferBytes: 1_000 },
  );
  return Object.assign(host, { log, release });
}

/** Opens an event stream and waits for the answer to its handshake. */
export async function openEvents(url: string) {
  const events = await openStream(url);
  await post(url, HANDSHAKE);
  await events.next();
  return events;
}

/** Waits until exactly `count` requests are open. The server notices the end of a request a little later than the client. */
export async function untilOpen(host: Host, count: number): Promise<void> {
  await expect.poll(() => host.openRequests).toBe(count);
}
