/*
 * Several servers behind a proxy that hands every request, and every upgrade, to the next one.
 */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  request as send,
} from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { createSignalRServer, type SignalRServer, type SignalRServerOptions } from '../../src/index.js';

export interface Instance {
  readonly server: SignalRServer;
  readonly http: Server;
  readonly url: string;
}

export interface InstanceRow extends AsyncDisposable {
  readonly instances: readonly Instance[];
  /** The proxy. */
  readonly url: string;
  /** Requests and upgrades that went through the proxy. */
  readonly requestCount: number;
  /** Kills one: its sockets end, nobody listens any more. */
  kill(index: number): Promise<void>;
}

/** @param options of the server at `url` */
export async function startInstances(
  count: number,
  map: (server: SignalRServer, index: number) => void,
  options: (url: string, index: number) => SignalRServerOptions,
): Promise<InstanceRow> {
  const instances: Instance[] = [];
  for (let index = 0; index < count; index += 1) {
    const http = createServer((_request, response) => response.writeHead(404).end());
    const url = await listen(http);
    const server = createSignalRServer(options(url, index));
    map(server, index);
    server.attach(http);
    instances.push({ server, http, url });
  }
  const alive = new Set(instances);
  let requestCount = 0;
  const next = (): Instance => {
    const [...all] = alive;
    const instance = all[requestCount % all.length];
    requestCount += 1;
    if (instance === undefined) throw new Error('no instance is left');
    return instance;
  };
  const proxy = createServer((request, response) => proxyRequest(request, response, next().url));
  proxy.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) =>
    proxyUpgrade(request, socket, head, next().url),
  );
  const url = await listen(proxy);
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
    url,
    get requestCount() {
      return requestCount;
    },
    async kill(index) {
      const instance = instances[index];
      if (instance !== undefined) await kill(instance);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...alive].map(kill));
      proxy.closeAllConnections();
      await new Promise((resolve) => {
        proxy.close(resolve);
      });
    },
  };
}

async function listen(http: Server): Promise<string> {
  await new Promise<void>((resolve) => {
    http.listen(0, '127.0.0.1', resolve);
  });
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
}

function proxyRequest(request: IncomingMessage, response: ServerResponse, url: string): void {
  const outgoing = send(new URL(request.url ?? '/', url), {
    method: request.method,
    headers: request.headers,
    agent: false,
  });
  outgoing.on('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    response.flushHeaders();
    answer.on('error', () => response.destroy());
    answer.pipe(response);
  });
  outgoing.on('error', () => response.destroy());
  response.on('close', () => outgoing.destroy());
  request.pipe(outgoing);
}

function proxyUpgrade(request: IncomingMessage, socket: Duplex, head: Buffer, url: string): void {
  const upstream = connect(Number(new URL(url).port), '127.0.0.1');
  const lines = [`${request.method} ${request.url} HTTP/1.1`];
  for (let at = 0; at < request.rawHeaders.length; at += 2)
    lines.push(`${request.rawHeaders[at]}: ${request.rawHeaders[at + 1]}`);
  upstream.write(`${lines.join('\r\n')}\r\n\r\n`);
  upstream.write(head);
  for (const [from, to] of [
    [socket, upstream],
    [upstream, socket],
  ] as const) {
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
    from.pipe(to);
  }
}
