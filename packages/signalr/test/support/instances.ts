/*
 * Several servers behind a proxy that forwards each request and each upgrade to the next server in turn.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startRoundRobinProxy } from '@millrace/testkit';
import { createSignalRServer, type SignalRServer, type SignalRServerOptions } from '../../src/index.js';

export interface Instance {
  readonly server: SignalRServer;
  readonly http: Server;
  readonly url: string;
}

export interface InstanceRow extends AsyncDisposable {
  readonly instances: readonly Instance[];
  /** The URL of the proxy. */
  readonly url: string;
  /** Stops one instance: its connections are closed, and nothing listens on its port any more. */
  kill(index: number): Promise<void>;
}

/**
 * Starts `count` servers and the proxy in front of them.
 * @param options returns the options of the server at `url`
 */
export async function startInstances(
  count: number,
  map: (server: SignalRServer, index: number) => void,
  options: (url: string, index: number) => SignalRServerOptions,
): Promise<InstanceRow> {
  const instances: Instance[] = [];
  for (let index = 0; index < count; index += 1) {
    const http = createServer((_request, response) => response.writeHead(404).end());
    await new Promise<void>((resolve) => {
      http.listen(0, '127.0.0.1', resolve);
    });
    const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    const server = createSignalRServer(options(url, index));
    map(server, index);
    server.attach(http);
    instances.push({ server, http, url });
  }
  const alive = new Set(instances);
  const proxy = await startRoundRobinProxy(() => Array.from(alive, ({ url }) => url));
  const kill = async (instance: Instance): Promise<void> => {
    alive.delete(instance);
    instance.http.closeAllConnections();
    await instance.server.close({ withinMs: 100 });
    await new Promise((resolve) => {
      instance.http.close(resolve);
    });
  };
  return {
    instances,
    url: proxy.url,
    async kill(index) {
      const instance = instances[index];
      if (instance !== undefined) await kill(instance);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...alive].map(kill));
      await proxy[Symbol.asyncDispose]();
    },
  };
}
