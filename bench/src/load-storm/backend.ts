// The backend of the clients. Answers each request after a short time and records its time and its client.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One request of a client for the state of its room. */
export interface BackendCall {
  readonly atMs: number;
  /** The client and its room. */
  readonly path: string;
}

/** A running backend. */
export interface Backend extends AsyncDisposable {
  readonly url: string;
  /** Returns the calls since the previous call of this function. */
  take(): readonly BackendCall[];
}

const answerMs = 30;

export async function startBackend(): Promise<Backend> {
  let calls: BackendCall[] = [];
  const server = createServer((request, response) => {
    calls.push({ atMs: performance.now(), path: request.url ?? '' });
    setTimeout(() => response.end('state'), answerMs);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo; // a server that listens on a port has an address with a port
  return {
    url: `http://127.0.0.1:${port}`,
    take() {
      const taken = calls;
      calls = [];
      return taken;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
