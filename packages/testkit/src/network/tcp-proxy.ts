// A TCP proxy between a client and a server, with which a test cuts connections, and delays or discards data.
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** The direction of data: `requests` come from the client, `replies` come from the server. */
export type Direction = 'requests' | 'replies';

/** A point at which a connection breaks. */
export interface BreakPoint {
  readonly direction: Direction;
  /** Number of bytes that pass in this direction before the break. */
  readonly afterBytes: number;
  /**
   * Number of event loop turns until the reset. The other direction still works during these turns, as in a failing network.
   */
  readonly turns: number;
}

/** A running proxy. Dispose of it with `await using`. */
export interface TcpProxy extends AsyncDisposable {
  /** The port on 127.0.0.1 to which clients connect. */
  readonly port: number;
  /** Number of open connections. */
  readonly connectionCount: number;
  /** Number of connections accepted so far. */
  readonly acceptedCount: number;
  /** Resets every open connection. New connections are accepted. */
  cut(): void;
  /**
   * Connects new connections to another port on 127.0.0.1. Open connections keep their target, so the test should cut them,
   * too.
   */
  switchTo(targetPort: number): void;
  /** Discards all data in this direction, on open and new connections. The sockets stay open. */
  swallow(direction: Direction): void;
  /** Delays all data in this direction and keeps its order. 0 ends the delay. */
  delay(direction: Direction, delayMs: number): void;
  /** Resets all open connections. Then breaks the next `count` connections at the points that `draw` returns. */
  breakNext(count: number, draw: () => BreakPoint): void;
  /** Number of connections that `breakNext` has not broken yet. */
  readonly breaksLeft: number;
  /** Forwards all data again, without delay. Discarded data stays lost, so the test should cut the connections, too. */
  restore(): void;
  /** Resolves when the next data in this direction arrives, before the proxy forwards or discards it. */
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
  #breaksLeft = 0;
  #drawBreak: () => BreakPoint = () => ({ direction: 'requests', afterBytes: 0, turns: 0 });
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

  get breaksLeft(): number {
    return this.#breaksLeft;
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

  breakNext(count: number, draw: () => BreakPoint): void {
    this.#breaksLeft = count;
    this.#drawBreak = draw;
    this.cut();
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
    const breakPoint = this.#breaksLeft > 0 ? this.#drawBreak() : undefined;
    const end = (): void => {
      this.#pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of pair) socket.setNoDelay(true).on('error', end).on('close', end);
    for (const [from, to, direction] of [
      [client, server, 'requests'],
      [server, client, 'replies'],
    ] as const) {
      let bytesLeft = breakPoint?.direction === direction ? breakPoint.afterBytes : Number.POSITIVE_INFINITY;
      from.on('data', (data: Buffer) => {
        if (bytesLeft <= 0) return;
        this.#forward(data.subarray(0, bytesLeft), to, this.#rules[direction]);
        bytesLeft -= data.length;
        if (bytesLeft <= 0) this.#break(pair, breakPoint?.turns ?? 0);
      });
    }
  }

  #break(pair: readonly [Socket, Socket], turns: number): void {
    this.#breaksLeft -= 1;
    afterTurns(turns, () => {
      for (const socket of pair) socket.resetAndDestroy();
    });
  }

  #forward(data: Buffer, to: Socket, rule: Rule): void {
    for (const resolve of rule.onData.splice(0)) resolve();
    if (rule.isSwallowing) return;
    if (rule.delayMs === 0) to.write(data);
    else setTimeout(() => to.write(data), rule.delayMs);
  }
}

function afterTurns(count: number, act: () => void): void {
  if (count === 0) act();
  else setImmediate(() => afterTurns(count - 1, act));
}
