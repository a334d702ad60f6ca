// Sockets of an attacker. Each sends the beginning of a request, then nothing, or a few bytes from time to time. A socket
// that the server closes is opened again.
import { connect, type Socket } from 'node:net';

/** The sockets, and the bytes that they send. */
export interface HeldSocketsOptions {
  readonly port: number;
  readonly count: number;
  readonly start: string;
  /** Text that is sent repeatedly. @defaultValue nothing */
  readonly trickle?: string;
}

/** The result of one kind of sockets. */
export interface HeldReport {
  readonly opened: number;
  /** Number of sockets that the server closed. */
  readonly closed: number;
  /** Longest life of a socket so far, from its opening to its end. */
  readonly longestMs: number;
}

const trickleMs = 500;
const reopenMs = 100;

/** See the head of this file. */
export class HeldSockets {
  readonly #options: HeldSocketsOptions;
  readonly #sockets = new Map<Socket, number>();
  readonly #timer: NodeJS.Timeout;
  #opened = 0;
  #closed = 0;
  #longestMs = 0;
  #hasEnded = false;

  constructor(options: HeldSocketsOptions) {
    this.#options = options;
    for (let socket = 0; socket < options.count; socket += 1) this.#open();
    this.#timer = setInterval(() => this.#trickle(), trickleMs);
  }

  /** Closes all sockets and returns the report. */
  end(): HeldReport {
    this.#hasEnded = true;
    clearInterval(this.#timer);
    for (const [socket, openedMs] of this.#sockets) {
      this.#noteLife(openedMs);
      socket.destroy();
    }
    return { opened: this.#opened, closed: this.#closed, longestMs: this.#longestMs };
  }

  #open(): void {
    if (this.#hasEnded) return;
    const { port, start } = this.#options;
    const socket = connect(port, '127.0.0.1');
    const openedMs = performance.now();
    this.#opened += 1;
    this.#sockets.set(socket, openedMs);
    socket.write(start);
    socket.resume();
    socket.on('error', () => {}); // 'close' follows
    socket.once('close', () => {
      this.#sockets.delete(socket);
      if (this.#hasEnded) return;
      this.#closed += 1;
      this.#noteLife(openedMs);
      setTimeout(() => this.#open(), reopenMs);
    });
  }

  #trickle(): void {
    const { trickle } = this.#options;
    if (trickle === undefined) return;
    for (const socket of this.#sockets.keys()) socket.write(trickle);
  }

  #noteLife(openedMs: number): void {
    this.#longestMs = Math.max(this.#longestMs, performance.now() - openedMs);
  }
}
