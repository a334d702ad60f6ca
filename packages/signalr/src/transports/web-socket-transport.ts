/*
 * The WebSocket transport on top of `ws`, which reads frames and does the closing handshake.
 * Data frames are written straight to the socket, framed once for all receivers. That is safe because
 * compression is off: then `ws` keeps no queue of its own and writes its control frames (pong, close) whole
 * to the same socket, so frames of both can only follow each other.
 */
import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import type { EncodedMessage } from '../protocol/encoded-message.js';
import { CLOSE_CODES } from './close-codes.js';
import type { Transport, TransportListener } from './transport.js';
import { webSocketFraming } from './web-socket-frame.js';
import { writeTurn } from './write-turn.js';

const NORMAL_CLOSURE = CLOSE_CODES.normal.code;
/** The code with which `ws` would close after a message over the limit. It is never sent: a Close message tells the client more. */
const MESSAGE_TOO_BIG = 1009;
const ABNORMAL = 1006;
/** The codes with which `ws` closes when the client violates the WebSocket protocol. */
const FAILURES: ReadonlySet<number> = new Set(
  Object.values(CLOSE_CODES)
    .map(({ code }) => code)
    .filter((code) => code !== NORMAL_CLOSURE),
);

/**
 * A `ws` socket with two differences. It answers a client's close frame with code 1000, whatever code the frame had, as ASP.NET Core
 * does; `ws` would echo "no code" for an empty one, which the official client treats as an error. And before a message over the limit
 * closes the socket, the connection can still send a Close message.
 */
export class ServerWebSocket extends WebSocket {
  onMessageTooBig: (() => void) | undefined;

  override close(code: number = NORMAL_CLOSURE, reason?: string | Buffer): void {
    // `ws` passes a reason, even an empty one, only with the client's own close frame: its code is not a failure of the server.
    const failure = reason === undefined ? code : undefined;
    if (failure === MESSAGE_TOO_BIG && this.readyState === WebSocket.OPEN) this.onMessageTooBig?.();
    super.close(failure !== undefined && FAILURES.has(failure) ? failure : NORMAL_CLOSURE);
  }
}

/**
 * See {@link Transport}. The socket is the one under the WebSocket, as the upgrade gave it.
 *
 * The first message of a turn of the event loop is written at once; what follows in the same turn leaves together at its end, or when
 * it fills the socket's buffer. Each message stays a separate frame, so nothing is copied.
 */
export class WebSocketTransport implements Transport {
  readonly name = 'WebSockets' as const;
  readonly formats = ['text', 'binary'] as const;
  readonly hasInherentKeepAlive = false;
  readonly isAttached = true;
  readonly #webSocket: ServerWebSocket;
  readonly #socket: Duplex;
  #listener: TransportListener | undefined;
  #error: Error | undefined;
  /** Number of the turn in which a message was written last. */
  #lastTurn = 0;
  #isCorked = false;

  constructor(webSocket: ServerWebSocket, socket: Duplex) {
    this.#webSocket = webSocket;
    this.#socket = socket;
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  start(listener: TransportListener): void {
    this.#listener = listener;
    this.#webSocket.onMessageTooBig = () => listener.onMessageTooBig();
    this.#webSocket.on('message', this.#onMessage);
    this.#webSocket.on('error', this.#onError);
    this.#webSocket.on('close', this.#onClose);
    this.#socket.on('drain', this.#onDrain);
  }

  write(message: EncodedMessage): boolean {
    // After a close frame nothing may follow (RFC 6455, 5.5.1); a closed socket accepts nothing either.
    const socket = this.#socket;
    if (this.#webSocket.readyState !== WebSocket.OPEN || !socket.writable) return true;
    const turn = writeTurn.current();
    if (this.#lastTurn !== turn) this.#lastTurn = turn;
    else if (!this.#isCorked) {
      this.#isCorked = true;
      socket.cork();
      writeTurn.atEnd(this);
    }
    socket.write(message.framedBy(webSocketFraming));
    // The result of `write` is no use: it is false for every large frame, even one that the kernel has accepted whole.
    if (socket.writableLength < socket.writableHighWaterMark) return true;
    this.uncork();
    return socket.writableLength < socket.writableHighWaterMark;
  }

  /** Passes the messages since the second of the turn to the socket. */
  uncork(): void {
    if (!this.#isCorked) return;
    this.#isCorked = false;
    this.#socket.uncork();
  }

  pauseReading(): void {
    this.#webSocket.pause();
  }

  resumeReading(): void {
    this.#webSocket.resume();
  }

  close(): void {
    // A paused socket would never read the client's answer.
    this.#webSocket.resume();
    this.#webSocket.close(NORMAL_CLOSURE);
  }

  abort(): void {
    // Messages of this turn that the kernel accepts still go out.
    this.uncork();
    this.#webSocket.terminate();
  }

  // A server socket has the binary type 'nodebuffer', so data is one Buffer for text and binary frames alike.
  readonly #onMessage = (data: unknown): void => {
    if (Buffer.isBuffer(data)) this.#listener?.onBytes(data);
  };

  readonly #onDrain = (): void => {
    this.#listener?.onWritable();
  };

  // 'close' always follows; the error is only remembered for it.
  readonly #onError = (error: Error): void => {
    this.#error = error;
  };

  readonly #onClose = (code: number): void => {
    this.#socket.off('drain', this.#onDrain);
    const isGraceful = this.#error === undefined && code !== ABNORMAL;
    this.#listener?.onClosed(isGraceful, this.#error);
  };
}
