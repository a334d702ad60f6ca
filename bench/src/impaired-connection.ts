// One client's connection to the server, through a proxy that can cut it without notice, keep it down for a while, and limit its
// bytes per second. The testkit has a proxy too, but only for tests: it is not built, and the programs here run what is built.
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** How often a connection is cut and for how long. */
export interface Jitter {
  /** The time between two cuts is random, evenly from half of this to one and a half of it. */
  readonly meanUpMs: number;
  /** For this long every attempt to connect is refused. */
  readonly downMs: number;
}

/** A port on loopback that forwards to the server while the connection is up. */
export class ImpairedConnection {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #targetPort: number;
  /** Limit for bytes from the server. */
  readonly #bytesPerSecond: number;
  #isUp = true;
  #timer: NodeJS.Timeout | undefined;
  /** How often the connection was cut while a client was connected. */
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

  /** Starts to cut. */
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

  /** Stops cutting; a connection that is down comes back. */
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
      // Cut connections are the purpose of this proxy.
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
