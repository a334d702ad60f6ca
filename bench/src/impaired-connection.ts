// One client's line to the server. It may be cut without a word now and then, and stay down for a while; it may be thin.

import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** How often a line is cut and for how long. */
export interface Jitter {
  /** The time between two cuts is random, evenly from half of this to one and a half of it. */
  readonly meanUpMs: number;
  /** For this long whoever connects is turned away. */
  readonly downMs: number;
}

/** A port on loopback that forwards to the server while the line is up. */
export class Line {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #targetPort: number;
  /** What comes from the server is held back to this. */
  readonly #bytesPerSecond: number;
  #isUp = true;
  #timer: NodeJS.Timeout | undefined;
  /** How often the line was cut while somebody was connected. */
  cutCount = 0;

  private constructor(targetPort: number, bytesPerSecond: number) {
    this.#targetPort = targetPort;
    this.#bytesPerSecond = bytesPerSecond;
    this.#server = createServer((client) => this.#accept(client));
  }

  static async open(targetPort: number, bytesPerSecond = Number.POSITIVE_INFINITY): Promise<Line> {
    const line = new Line(targetPort, bytesPerSecond);
    line.#server.listen(0, '127.0.0.1');
    await once(line.#server, 'listening');
    return line;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the line is not open');
    return `http://127.0.0.1:${address.port}`;
  }

  /** Begins to cut. */
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

  /** Cuts no more; a line that is down comes back. */
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
      // A cut line is the point of it.
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
