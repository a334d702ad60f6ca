// A TCP proxy between a client and a server that a test can damage: cut, delay, swallow.
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Which way bytes go. */
export type Direction = 'requests' | 'replies';

/** A running proxy. Dispose of it with `await using`. */
export interface TcpProxy extends AsyncDisposable {
  /** Where clients connect to, on 127.0.0.1. */
  readonly port: number;
  /** Connections open now. */
  readonly connectionCount: number;
  /** Connections accepted so far. */
  readonly acceptedCount: number;
  /** Ends every open connection with a reset; new ones are accepted. */
  cut(): void;
  /** New connections go to another port on 127.0.0.1; cut the open ones for them to follow. */
  switchTo(targetPort: number): void;
  /** Swallows what goes this way, on open and new connections, while the sockets stay open. */
  swallow(direction: Direction): void;
  /** Holds back each piece of data by this long, keeping order. 0 for none. */
  delay(direction: Direction, delayMs: number): void;
  /** Forwards again. What was swallowed stays lost, so a client should be cut as well. */
  restore(): void;
  /** Resolves when the next piece of data arrives from this side, before anything is done with it. */
  nextData(direction: Direction): Promise<void>;
}

interface Rule {
  isSwallowing: boolean;
  delayMs: number;
  onData: (() => void)[];
}

/** Starts a proxy on a free port that forwards to `targetPort` on 127.0.0.1. */
export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const proxy = new TestTcpProxy(targetPort);
  await proxy.listen();
  return proxy;
}

class TestTcpProxy implements TcpProxy {
  #targetPort: number;
  #acceptedCount = 0;
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  readonly #rules: Record<Direction, Rule> = {
    requests: { isSwallowing: false, delayMs: 0, onData: [] },
    replies: { isSwallowing: false, delayMs: 0, onData: [] },
  };

  constructor(targetPort: number) {
    this.#targetPort = targetPort;
    this.#server = createServer((client) => this.#accept(client));
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

  get connectionCount(): number {
    return this.#pairs.size;
  }

  get acceptedCount(): number {
    return this.#acceptedCount;
  }

  cut(): void {
    for (const [client, server] of this.#pairs) {
      client.resetAndDestroy();
      server.resetAndDestroy();
    }
    this.#pairs.clear();
  }

  switchTo(targetPort: number): void {
    this.#targetPort = targetPort;
  }

  swallow(direction: Direction): void {
    this.#rules[direction].isSwallowing = true;
  }

  delay(direction: Direction, delayMs: number): void {
    this.#rules[direction].delayMs = delayMs;
  }

  restore(): void {
    for (const rule of Object.values(this.#rules)) {
      rule.isSwallowing = false;
      rule.delayMs = 0;
    }
  }

  nextData(direction: Direction): Promise<void> {
    return new Promise((resolve) => this.#rules[direction].onData.push(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(client: Socket): void {
    this.#acceptedCount += 1;
    const server = connect(this.#targetPort, '127.0.0.1');
    const pair = [client, server] as const;
    this.#pairs.add(pair);
    const end = (): void => {
      this.#pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of pair) socket.setNoDelay(true).on('error', end).on('close', end);
    client.on('data', (data: Buffer) => this.#forward(data, server, this.#rules.requests));
    server.on('data', (data: Buffer) => this.#forward(data, client, this.#rules.replies));
  }

  #forward(data: Buffer, to: Socket, rule: Rule): void {
    for (const resolve of rule.onData.splice(0)) resolve();
    if (rule.isSwallowing) return;
    if (rule.delayMs === 0) to.write(data);
    else setTimeout(() => to.write(data), rule.delayMs);
  }
}
