// An HTTP proxy with which a test makes single requests fail. The TCP proxy can only damage whole connections.
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/**
 * How the proxy treats a request: forwards it, cuts its connection, discards the answer, sends a status instead, or forwards
 * it after a delay.
 */
export type HttpFate =
  | 'pass'
  | 'cut'
  | 'lose_answer'
  | { readonly status: number }
  | { readonly delayMs: number };

/** A running proxy. Dispose of it with `await using`. */
export interface HttpProxy extends AsyncDisposable {
  /** The port on 127.0.0.1 to which clients connect. */
  readonly port: number;
  readonly url: string;
  /** Sets the function that decides what happens to every later request. WebSockets always pass. */
  decide(fateOf: (request: IncomingMessage, body: string) => HttpFate): void;
}

/** Starts a proxy on a free port of 127.0.0.1. Calls `targetPort` for each request, and forwards the request to that port. */
export async function startHttpProxy(targetPort: () => number): Promise<HttpProxy> {
  const proxy = new TestHttpProxy(targetPort);
  await proxy.listen();
  return proxy;
}

/** Starts a proxy that sends each request and each upgrade request to the next of several servers, without sticky sessions. */
export function startRoundRobinProxy(urls: () => readonly string[]): Promise<HttpProxy> {
  let count = 0;
  return startHttpProxy(() => {
    const servers = urls();
    const url = servers[count % servers.length];
    count += 1;
    if (url === undefined) throw new Error('no server is left');
    return Number(new URL(url).port);
  });
}

class TestHttpProxy implements HttpProxy {
  readonly #targetPort: () => number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #fateOf: (request: IncomingMessage, body: string) => HttpFate = () => 'pass';

  constructor(targetPort: () => number) {
    this.#targetPort = targetPort;
    this.#server = createServer((incoming, response) => void this.#answer(incoming, response));
    this.#server.on('connection', (socket) => this.#note(socket));
    this.#server.on('upgrade', (incoming, socket: Socket, head: Buffer) =>
      this.#tunnel(incoming, socket, head),
    );
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('The proxy is not listening');
    return address.port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  decide(fateOf: (request: IncomingMessage, body: string) => HttpFate): void {
    this.#fateOf = fateOf;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(incoming);
    if (body === undefined) return;
    const fate = this.#fateOf(incoming, body.toString());
    if (fate === 'cut') incoming.socket.destroy();
    else if (typeof fate === 'object' && 'status' in fate) response.writeHead(fate.status).end();
    else if (typeof fate === 'object') {
      await pause(fate.delayMs);
      // The client may have disconnected during the delay, or the test may have closed the proxy.
      if (!incoming.socket.destroyed) this.#forward(incoming, body, response);
    } else this.#forward(incoming, body, response, fate === 'lose_answer');
  }

  #forward(incoming: IncomingMessage, body: Buffer, response: ServerResponse, isAnswerLost = false): void {
    const { method, url, headers } = incoming;
    const target = { host: '127.0.0.1', port: this.#targetPort(), method, path: url, headers, agent: false };
    const forwarded = request(target);
    forwarded.on('response', (answer) => {
      if (isAnswerLost) {
        answer.resume();
        incoming.socket.destroy();
        return;
      }
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      // The headers are sent at once, so that a client gets them before the first event.
      response.flushHeaders();
      answer.pipe(response);
      answer.on('error', () => response.destroy());
      response.on('close', () => answer.destroy());
    });
    forwarded.on('error', () => response.destroy());
    response.on('close', () => forwarded.destroy());
    forwarded.end(body);
  }

  #tunnel(incoming: IncomingMessage, client: Socket, head: Buffer): void {
    const server = connect(this.#targetPort(), '127.0.0.1');
    this.#note(server);
    const lines = [`${incoming.method} ${incoming.url} HTTP/1.1`];
    for (let at = 0; at < incoming.rawHeaders.length; at += 2)
      lines.push(`${incoming.rawHeaders[at]}: ${incoming.rawHeaders[at + 1]}`);
    server.write(`${lines.join('\r\n')}\r\n\r\n`);
    server.write(head);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.pipe(to);
      from.on('error', () => to.destroy()).on('close', () => to.destroy());
    }
  }

  #note(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket)).on('error', () => socket.destroy());
  }
}

/** Returns the body of a request, or `undefined` if the client disconnected. */
async function readBody(incoming: IncomingMessage): Promise<Buffer | undefined> {
  const parts: Buffer[] = [];
  try {
    for await (const part of incoming) parts.push(part as Buffer);
  } catch {
    return undefined;
  }
  return Buffer.concat(parts);
}
