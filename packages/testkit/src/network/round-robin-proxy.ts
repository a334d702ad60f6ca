// An HTTP proxy that hands every request, and every upgrade, to the next of several servers: no sticky sessions.
import { createServer, type IncomingMessage, type ServerResponse, request as send } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import type { Duplex } from 'node:stream';

/** A running proxy. Dispose of it with `await using`. */
export interface RoundRobinProxy extends AsyncDisposable {
  readonly url: string;
  /** Requests and upgrades so far. */
  readonly requestCount: number;
}

/** @param urls of the servers that are there at the moment; asked for each request */
export async function startRoundRobinProxy(urls: () => readonly string[]): Promise<RoundRobinProxy> {
  let requestCount = 0;
  const next = (): string => {
    const all = urls();
    const url = all[requestCount % all.length];
    requestCount += 1;
    if (url === undefined) throw new Error('no server is left');
    return url;
  };
  const proxy = createServer((request, response) => proxyRequest(request, response, next()));
  proxy.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) =>
    proxyUpgrade(request, socket, head, next()),
  );
  await new Promise<void>((resolve) => {
    proxy.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    get requestCount() {
      return requestCount;
    },
    async [Symbol.asyncDispose]() {
      proxy.closeAllConnections();
      await new Promise((resolve) => {
        proxy.close(resolve);
      });
    },
  };
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
