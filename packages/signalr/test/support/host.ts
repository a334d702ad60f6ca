/* A SignalR server on a free port, with all events that it has reported. Use it with `await using`. */

import { createServer, type RequestListener, type Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type FakeClock, fakeClock } from '@millrace/testkit';
import {
  createSignalRServer,
  type SignalREvent,
  type SignalRServer,
  type SignalRServerOptions,
} from '../../src/index.js';

export interface Host extends AsyncDisposable {
  readonly server: SignalRServer;
  readonly http: Server;
  readonly clock: FakeClock;
  readonly events: readonly SignalREvent[];
  /** The number of requests that have not been answered yet. */
  readonly openRequests: number;
  /** `http://127.0.0.1:port` */
  readonly url: string;
  /** Resolves with the first event of this type, even if it has already happened. */
  event<Type extends SignalREvent['type']>(type: Type): Promise<Extract<SignalREvent, { type: Type }>>;
}

/** Starts a server. Its clock does not advance unless the test moves it. */
export async function startHost(
  map: (server: SignalRServer) => void,
  options: SignalRServerOptions = {},
  listener: RequestListener = (_request, response) => response.end('other'),
): Promise<Host> {
  const clock = fakeClock(Date.UTC(2026, 0, 1));
  const events: SignalREvent[] = [];
  const waiting: { type: string; resolve: (event: never) => void }[] = [];
  const server = createSignalRServer({
    clock,
    ...options,
    onEvent: (event) => {
      events.push(event);
      for (const waiter of waiting.filter(({ type }) => type === event.type)) waiter.resolve(event as never);
      options.onEvent?.(event);
    },
  });
  map(server);
  const http = createServer(listener);
  server.attach(http);
  let openRequests = 0;
  const emit = http.emit.bind(http);
  http.emit = (event: string, ...args: unknown[]) => {
    const [, response] = args;
    if (event === 'request' && response instanceof ServerResponse) {
      openRequests += 1;
      response.on('close', () => {
        openRequests -= 1;
      });
    }
    return emit(event, ...args);
  };
  await new Promise<void>((resolve) => {
    http.listen(0, '127.0.0.1', resolve);
  });
  return {
    server,
    http,
    clock,
    events,
    get openRequests() {
      return openRequests;
    },
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    event: (type) => {
      const past = events.find((event) => event.type === type);
      if (past !== undefined) return Promise.resolve(past as never);
      return new Promise((resolve) => {
        waiting.push({ type, resolve });
      });
    },
    async [Symbol.asyncDispose]() {
      const closed = server.close();
      clock.pass(60_000);
      await closed;
      http.closeAllConnections();
      await new Promise((resolve) => {
        http.close(resolve);
      });
    },
  };
}
