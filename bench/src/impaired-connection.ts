// One client's connection to the server, through a proxy. The proxy can cut the connection without notice, keep it down for
// some time, and limit its bytes per second. The testkit has proxies, but it is not built, and these programs run built code.
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Frequency and length of the interruptions. */
export interface Jitter {
  /** Mean time between two cuts. The actual time is random, from half to one and a half of it. */
  readonly meanUpMs: number;
  /** Time after a cut during which every attempt to connect is refused. */
  readonly downMs: number;
}

/** A loopback port that forwards to the server while the connection is up. */
export class ImpairedConnection {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #targetPort: number;
  /** Maximum number of bytes per second from the server. */
  readonly #bytesPerSecond: number;
  #isUp = true;
  #timer: NodeJS.Timeout | undefined;
  /** Number of cuts while a client was connected. */
  cutCount = 0;

  private constructor(targetPort: number, bytesPerSecond: number) {
    this.#targetPort = targetPort;
    this.#bytesPerSecond = bytesPerSecond;
    this.#server = createServer((client) => this.#accept(client));
  }

  static async open(
    targetPort: number,
    bytesPerSecond = Number.POSITIVE_INFINITY,
  ): Promise<ImpairedConnection> {
    const connection = new ImpairedConnection(targetPort, bytesPerSecond);
    connection.#server.listen(0, '127.0.0.1');
    await once(connection.#server, 'listening');
    return connection;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the connection is not open');
    return `http://127.0.0.1:${address.port}`;
  }

  /** Starts to cut the connection. */
  disturb(jitter: Jitter): void {
    this.#timer = setTimeout(
      () => {
        this.#cut();
        this.#timer = setTimeout(() => {
          this.#isUp = true;
          this.disturb(jitter);
        }, jitter.downMs);
      },
      jitter.meanUpMs * (0.5 + Math.random()),
    );
  }

  /** Stops the cuts. A connection that is down comes up again. */
  calm(): void {
    clearTimeout(this.#timer);
    this.#isUp = true;
  }

  close(): void {
    this.calm();
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #cut(): void {
    this.#isUp = false;
    if (this.#sockets.size > 0) this.cutCount += 1;
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  #accept(client: Socket): void {
    if (!this.#isUp) {
      client.on('error', () => {});
      client.resetAndDestroy();
      return;
    }
    const server = connect(this.#targetPort, '127.0.0.1');
    client.pipe(server);
    this.#carryBack(server, client);
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      socket.setNoDelay(true);
      this.#sockets.add(socket);
      // Errors are ignored, because this proxy cuts connections on purpose.
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
  }

  #carryBack(server: Socket, client: Socket): void {
    if (this.#bytesPerSecond === Number.POSITIVE_INFINITY) {
      server.pipe(client);
      return;
    }
    server.on('data', (data: Buffer) => {
      client.write(data);
      server.pause();
      setTimeout(() => server.resume(), (data.length / this.#bytesPerSecond) * 1_000);
    });
  }
}
