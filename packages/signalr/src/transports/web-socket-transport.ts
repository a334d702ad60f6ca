/*
 * The WebSocket transport on top of `ws`, which reads frames and performs the closing handshake. Data frames are framed once
 * for all receivers, and written directly to the socket. This is safe because compression is off: `ws` then has no send
 * queue, and writes each control frame (pong, close) as a whole. Therefore control frames and data frames never mix.
 */
import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import type { EncodedMessage } from '../protocol/encoded-message.js';
import { CLOSE_CODES } from './close-codes.js';
import { TEXT_AND_BINARY, type Transport, type TransportListener } from './transport.js';
import { webSocketFraming } from './web-socket-frame.js';
import { writeTurn } from './write-turn.js';

const NORMAL_CLOSURE = CLOSE_CODES.normal.code;
const RAW_ERROR = CLOSE_CODES.raw_error.code;
/**
 * The code with which `ws` would close after a message above the limit. The server sends a Close message instead, because it
 * tells the client more.
 */
const MESSAGE_TOO_BIG = 1009;
const ABNORMAL = 1006;
/**
 * The codes other than 1000 that may be sent: for a client that violates the WebSocket protocol, and for a failed raw
 * connection.
 */
const FAILURES: ReadonlySet<number> = new Set(
  Object.values(CLOSE_CODES)
    .map(({ code }) => code)
    .filter((code) => code !== NORMAL_CLOSURE),
);

/**
 * A `ws` socket with two differences:
 * - It answers a client's close frame with code 1000, whatever code the frame had, as ASP.NET Core does. `ws` would answer an empty
 *   close frame with "no code", which the official client treats as an error.
 * - When a message exceeds the limit, the connection can still send a Close message before the socket closes.
 */
export class ServerWebSocket extends WebSocket {
  /** The transport over this WebSocket. All WebSockets share the same listeners, which find the transport here. */
  transport: WebSocketTransport | undefined;

  override close(code: number = NORMAL_CLOSURE, reason?: string | Buffer): void {
    // `ws` passes a reason, even an empty one, only when it answers the client's close frame. The code then comes from the
    // client, and the server has found no failure.
    const failure = reason === undefined ? code : undefined;
    if (failure === MESSAGE_TOO_BIG && this.readyState === WebSocket.OPEN) this.transport?.onMessageTooBig();
    super.close(failure !== undefined && FAILURES.has(failure) ? failure : NORMAL_CLOSURE);
  }
}

/**
 * The transport over a WebSocket. `socket` is the network socket of the WebSocket, which came with the
 * upgrade.
 *
 * The first message of a turn of the event loop is written immediately. The other messages of the turn are
 * written together at its end, or as soon as they fill the socket's buffer. Each message stays a separate
 * frame, so no message is copied.
 */
export class WebSocketTransport implements Transport {
  readonly name = 'WebSockets' as const;
  readonly formats = TEXT_AND_BINARY;
  readonly hasInherentKeepAlive = false;
  readonly isAttached = true;
  readonly #webSocket: ServerWebSocket;
  readonly #socket: Duplex;
  #listener: TransportListener | undefined;
  #error: Error | undefined;
  /** Number of the last turn in which a message was written. */
  #lastTurn = 0;
  #isCorked = false;
  #isWaitingForDrain = false;

  constructor(webSocket: ServerWebSocket, socket: Duplex) {
    this.#webSocket = webSocket;
    this.#socket = socket;
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  start(listener: TransportListener): void {
    this.#listener = listener;
    this.#webSocket.transport = this;
    this.#webSocket.on('message', onMessage);
    this.#webSocket.on('ping', onControlFrame);
    this.#webSocket.on('pong', onControlFrame);
    this.#webSocket.on('error', onError);
    this.#webSocket.on('close', onClose);
  }

  write(message: EncodedMessage): boolean {
    // No data may follow a close frame (RFC 6455, 5.5.1), and a closed socket accepts no data.
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
    // The result of `write` is useless here: it is false for every large frame, even if the kernel has accepted the whole
    // frame.
    if (socket.writableLength < socket.writableHighWaterMark) return true;
    this.uncork();
    if (socket.writableLength < socket.writableHighWaterMark) return true;
    this.#waitForDrain();
    return false;
  }

  /** Writes the messages that wait for the end of the turn. The first message of a turn has been written already. */
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

  keepAlive(): void {
    if (this.#webSocket.readyState === WebSocket.OPEN) this.#webSocket.ping();
  }

  close(isFailed = false): void {
    // The client's answer would never be read from a paused socket.
    this.#webSocket.resume();
    this.#webSocket.close(isFailed ? RAW_ERROR : NORMAL_CLOSURE);
  }

  abort(): void {
    // Messages of this turn are still sent, if the kernel accepts them.
    this.uncork();
    this.#webSocket.terminate();
  }

  onMessage(data: unknown, isBinary: boolean): void {
    // Data is one Buffer for text and binary frames, because a server socket has the binary type 'nodebuffer'.
    if (!Buffer.isBuffer(data)) return;
    this.#listener?.onBytes(data);
    this.#listener?.onMessageEnd?.(isBinary ? 'binary' : 'text');
  }

  onControlFrame(): void {
    this.#listener?.onControlFrame();
  }

  onMessageTooBig(): void {
    this.#listener?.onMessageTooBig();
  }

  onError(error: Error): void {
    // The error is kept for 'close', which always follows an error.
    this.#error = error;
  }

  onClose(code: number): void {
    const listener = this.#listener;
    this.#listener = undefined;
    const isGraceful = this.#error === undefined && code !== ABNORMAL;
    listener?.onClosed(isGraceful, this.#error);
  }

  /** Listens for 'drain' only while the socket has no room. Most sockets always have room. */
  #waitForDrain(): void {
    if (this.#isWaitingForDrain) return;
    this.#isWaitingForDrain = true;
    this.#socket.once('drain', () => {
      this.#isWaitingForDrain = false;
      this.#listener?.onWritable();
    });
  }
}

// `ws` calls a listener with the socket as `this`. Separate listeners would cost 300 bytes for each socket.
function onMessage(this: WebSocket, data: unknown, isBinary: boolean): void {
  transportOf(this)?.onMessage(data, isBinary);
}

function onControlFrame(this: WebSocket): void {
  transportOf(this)?.onControlFrame();
}

function onError(this: WebSocket, error: Error): void {
  transportOf(this)?.onError(error);
}

function onClose(this: WebSocket, code: number): void {
  transportOf(this)?.onClose(code);
}

function transportOf(webSocket: WebSocket): WebSocketTransport | undefined {
  return webSocket instanceof ServerWebSocket ? webSocket.transport : undefined;
}
