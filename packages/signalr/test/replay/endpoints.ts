/*
 * The endpoints of the recorded server, with the same options. Each endpoint is on a separate server.
 */
import { IncomingMessage, type RequestListener } from 'node:http';
import {
  type Authenticated,
  type AuthenticateRequest,
  HubError,
  type HubFilter,
  type MapHubOptions,
  SignalRError,
  type SignalRServerOptions,
} from '../../src/index.js';
import { type Host, startHost } from '../support/host.js';
import { Arrivals } from './gates.js';
import { createReplayHub, type ReplayHooks } from './hub.js';
import { secret } from './hub-values.js';
import type { PlayedServer } from './player.js';

interface Endpoint {
  readonly options?: SignalRServerOptions;
  readonly map?: MapHubOptions<undefined>;
  readonly hooks?: ReplayHooks;
  /** True if a token is required. A token is a user's name, possibly with a number of seconds, as in `ann.2`. */
  readonly isSecured?: boolean;
}

const detailed = { enableDetailedErrors: true };

/** A filter that changes the results and errors of methods. */
const markFilter: HubFilter<unknown> = {
  async invoke(invocation, next) {
    if (invocation.method === 'Fail') throw new HubError('filtered');
    const result = await next();
    return typeof result === 'string' ? `<${result}>` : result;
  },
};

const refuse: ReplayHooks = {
  onConnected: () => {
    throw secret();
  },
};

/** The endpoints by the names that the vectors use. */
const ENDPOINTS: Readonly<Record<string, Endpoint>> = {
  default: {},
  detailed: { options: detailed },
  small: { options: { ...detailed, maximumReceiveMessageBytes: 200 } },
  handshake: { options: { handshakeTimeoutMs: 1_000 } },
  'handshake-detailed': { options: { ...detailed, handshakeTimeoutMs: 1_000 } },
  parallel: { options: { maximumParallelInvocationsPerClient: 2 } },
  reconnect: { map: { allowStatefulReconnects: true } },
  filter: { options: { filters: [markFilter] } },
  refuse: { hooks: refuse },
  'refuse-hub-error': {
    hooks: {
      onConnected: () => {
        throw new HubError('told');
      },
    },
  },
  'refuse-detailed': { options: detailed, hooks: refuse },
  abort: { hooks: { onConnected: (context) => context.abort() } },
  greet: {
    hooks: {
      onConnected: (context) => {
        context.clients.caller.send('hello', context.connectionId);
      },
      onDisconnected: (context, error) => {
        context.clients.all.send('left', context.connectionId, error === undefined ? null : inWords(error));
      },
    },
  },
  'ask-on-connect': {
    options: detailed,
    hooks: {
      onConnected: async (context) => {
        const { caller } = context.clients;
        await caller.invoke('q').catch((error: Error) => caller.send('caught', inWords(error)));
      },
    },
  },
  'web-sockets-only': { map: { transports: ['WebSockets'] } },
  'sse-only': { map: { transports: ['ServerSentEvents'] } },
  'long-polling-only': { map: { transports: ['LongPolling'] } },
  'no-transports': { map: { transports: [] } },
  'version-1-only': { options: { minimumNegotiateVersion: 1 } },
  'short-poll': { options: { pollTimeoutMs: 2_000 } },
  cors: { map: { allowedOrigins: ['http://app.example'] } },
  secured: { isSecured: true },
  expires: { isSecured: true, map: { closeOnAuthenticationExpiration: true } },
  // The hubs of Millrace always support both protocols.
  'json-only': {},
};

/** Returns the error's name and text. An error from the client has the name of the .NET exception. */
function inWords(error: Error): string {
  const isOfClient = error instanceof SignalRError && error.code === 'client_error';
  return `${isOfClient ? 'HubException' : error.name}: ${error.message}`;
}

/** Answers requests that belong to no hub with 404. */
const notFound: RequestListener = (_request, response) => {
  response.writeHead(404, { 'Content-Length': '0' });
  response.end();
};

/** A running server with one endpoint, for the replay of a conversation. */
export interface Replayed extends AsyncDisposable {
  readonly played: PlayedServer;
}

/** Starts the endpoint with this name. Its clock advances only at a step `elapse` of the conversation. */
export async function startEndpoint(name: string): Promise<Replayed> {
  const endpoint = ENDPOINTS[name];
  if (endpoint === undefined) throw new Error(`no endpoint is named ${name}`);
  let wallMs = () => 0;
  const host = await startHost(
    (server) => {
      const hub = createReplayHub(endpoint.hooks ?? {});
      const authenticate = (request: AuthenticateRequest) => userOf(request.token, wallMs());
      server.mapHub(`/${name}`, hub, { ...endpoint.map, ...(endpoint.isSecured ? { authenticate } : {}) });
    },
    endpoint.options,
    notFound,
  );
  wallMs = () => host.clock.wallMs();
  return {
    played: {
      url: host.url,
      elapse: async (ms) => host.clock.pass(ms),
      requestsArrived: countRequests(host),
      limitMs: 60_000,
      quietMs: 15_000,
    },
    [Symbol.asyncDispose]: () => host[Symbol.asyncDispose](),
  };
}

/** Returns the user of a token: `ann` never expires, `ann.2` expires after two seconds, and `bad` is refused. */
function userOf(token: string | null, wallMs: number): Authenticated<undefined> | undefined {
  const [userId, seconds] = (token ?? '').split('.');
  if (userId === undefined || userId === '' || userId === 'bad') return undefined;
  return seconds === undefined
    ? { userId, user: undefined }
    : { userId, user: undefined, expiresAtMs: wallMs + Number(seconds) * 1_000 };
}

/** Counts every request and upgrade that arrives. The returned function waits for a given total. */
function countRequests(host: Host): PlayedServer['requestsArrived'] {
  const arrived = new Arrivals();
  const emit = host.http.emit.bind(host.http);
  host.http.emit = (event: string, ...args: unknown[]) => {
    const isTaken = emit(event, ...args);
    if (args[0] instanceof IncomingMessage) arrived.add();
    return isTaken;
  };
  return (count) => arrived.reached(count);
}
