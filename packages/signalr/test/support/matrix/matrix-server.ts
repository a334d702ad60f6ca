/* The server of the matrix: the hub under several paths. Requests under /control do what a client cannot do. */
import { EventEmitter } from 'node:events';
import { IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { until } from '@millrace/testkit';
import type { SignalRServer } from '../../../src/index.js';
import { type Host, startHost } from '../host.js';
import { TRANSPORTS } from './cells.js';
import { authenticateBy, matrixHub } from './matrix-hub.js';

const TWO_MEGABYTES = 2_097_152;

/** Answers a request that is not for a hub. Returns false if it has no answer for the path. */
export type PageServer = (path: string, response: ServerResponse) => boolean;

/** Starts the server. Its clock does not advance unless a feature test moves it. */
export async function startMatrixServer(servePage: PageServer = () => false): Promise<Host> {
  const host: Host = await startHost(
    (server) => mapHubs(server, () => host.clock.wallMs()),
    {
      maximumReceiveMessageBytes: TWO_MEGABYTES,
      maximumTransportMessageBytes: TWO_MEGABYTES,
      maximumOutboundBytes: 2 * TWO_MEGABYTES,
    },
    (request, response) => {
      const url = new URL(request.url ?? '/', 'http://server');
      if (servePage(url.pathname, response)) return;
      control(url).then(
        (result) => response.end(JSON.stringify(result ?? null)),
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
    },
  );
  const channels = watchChannels(host);
  const control = async ({ pathname, searchParams }: URL): Promise<unknown> => {
    switch (pathname) {
      case '/control/cut':
        await until(() => channels.size > 0);
        for (const socket of channels) socket.resetAndDestroy();
        return undefined;
      case '/control/served':
        return until(() => channels.size > 0);
      case '/control/advance':
        host.clock.pass(Number(searchParams.get('ms')));
        return undefined;
      case '/control/close-reason':
        return closeReason(host, searchParams.get('connectionId'));
      default:
        throw new Error(`unknown: ${pathname}`);
    }
  };
  return host;
}

function mapHubs(server: SignalRServer, wallMs: () => number): void {
  const authenticate = authenticateBy(wallMs);
  const options = { authenticate, allowStatefulReconnects: true, closeOnAuthenticationExpiration: true };
  server.mapHub('/hubs/matrix', matrixHub, options);
  for (const transport of TRANSPORTS)
    server.mapHub(`/hubs/only-${transport}`, matrixHub, { ...options, transports: [transport] });
  server.mapHub('/hubs/elsewhere', matrixHub, {
    ...options,
    redirectNegotiate: ({ headers }) => ({
      url: `http://${String(headers['host'])}/hubs/matrix`,
      accessToken: 'redirected',
    }),
  });
  server.mapHub('/hubs/guests', matrixHub, {
    ...options,
    allowedOrigins: (origin) => origin.startsWith('http://127.0.0.1:'),
  });
}

/** Returns the network connections over which clients are being served: WebSockets, event streams and waiting polls. */
function watchChannels({ http }: Host): ReadonlySet<Socket> {
  const channels = new Set<Socket>();
  // `emit` is wrapped, because the SignalR server takes its requests before listeners receive them.
  const emit = http.emit.bind(http);
  http.emit = (event: string, ...args: unknown[]) => {
    const [request, answer] = args;
    const isServing = request instanceof IncomingMessage && request.method === 'GET';
    if (isServing && request.url?.startsWith('/hubs/') && answer instanceof EventEmitter) {
      const { socket } = request;
      channels.add(socket);
      answer.on('close', () => channels.delete(socket));
    }
    return emit(event, ...args);
  };
  return channels;
}

async function closeReason(host: Host, connectionId: string | null): Promise<string | undefined> {
  const find = () =>
    host.events.find((event) => event.type === 'connection_closed' && event.connectionId === connectionId);
  await until(() => find() !== undefined);
  const event = find();
  return event?.type === 'connection_closed' ? event.reason : undefined;
}
