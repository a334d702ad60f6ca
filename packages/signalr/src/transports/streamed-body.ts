/*
 * The body of an endless response. A message to many streams becomes a chunk of HTTP/1.1 (RFC 9112, 7.1) only once, and then costs
 * one write per stream. `response.write` would write four pieces per message and stream, and all of them only at the end of the turn.
 */
import { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { EncodedMessage, MessageFraming } from '../protocol/encoded-message.js';
import { type Corked, writeTurn } from './write-turn.js';

const LINE_END = Buffer.from('\r\n');
// The method is only compared, never called.
// oxlint-disable-next-line typescript/unbound-method
const { write: ownWrite } = ServerResponse.prototype;

/** The framing of the messages of a body, and the same framing inside of one chunk. Create one object for each kind of stream. */
export interface BodyFraming {
  readonly content: MessageFraming;
  readonly chunk: MessageFraming;
}

/** Creates the framing of bodies. `content` must not use the headroom of messages, and its result must not be empty. */
export function bodyFraming(content: MessageFraming): BodyFraming {
  const chunk: MessageFraming = {
    frame(payload, format) {
      const body = content.frame(payload, format, false);
      return Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, LINE_END]);
    },
  };
  return { content, chunk };
}

/**
 * Writes messages into a response whose headers have been written. The first message of a turn of the event loop is written
 * immediately. The other messages of the turn are written together at its end, or as soon as they fill the socket's buffer.
 */
export class StreamedBody implements Corked {
  readonly #response: ServerResponse;
  readonly #framing: BodyFraming;
  readonly #onRoom: () => void;
  /** Number of the last turn in which a message was written. */
  #lastTurn = 0;
  #corked: Socket | undefined;
  #isWaitingForDrain = false;

  /** @param onRoom called when there is room again after `write` returned false */
  constructor(response: ServerResponse, framing: BodyFraming, onRoom: () => void) {
    this.#response = response;
    this.#framing = framing;
    this.#onRoom = onRoom;
    // Emitted for what the response wrote itself.
    response.on('drain', onRoom);
  }

  /** Writes a message. Returns false if the caller must wait for `onRoom` before it writes more. */
  write(message: EncodedMessage): boolean {
    const response = this.#response;
    if (!response.writable || response.writableEnded) return true;
    const socket = this.#chunkedSocket();
    if (socket === undefined) {
      response.write(message.framedBy(this.#framing.content));
      return this.#hasRoom;
    }
    const turn = writeTurn.current();
    if (this.#lastTurn !== turn) this.#lastTurn = turn;
    else if (this.#corked === undefined) {
      this.#corked = socket;
      socket.cork();
      writeTurn.atEnd(this);
    }
    socket.write(message.framedBy(this.#framing.chunk));
    if (this.#hasRoom) return true;
    this.uncork();
    if (this.#hasRoom) return true;
    this.#waitForDrain(socket);
    return false;
  }

  /** Writes the messages that wait for the end of the turn. */
  uncork(): void {
    const socket = this.#corked;
    this.#corked = undefined;
    socket?.uncork();
  }

  get #hasRoom(): boolean {
    return this.#response.writableLength < this.#response.writableHighWaterMark;
  }

  /**
   * Returns the socket if chunks can be written to it. Otherwise the response must write: HTTP/1.0 and HTTP/2 have no chunks, a
   * middleware may have replaced `write`, and a pipelined response gets its socket later.
   */
  #chunkedSocket(): Socket | undefined {
    const { chunkedEncoding, socket, write } = this.#response;
    return chunkedEncoding && write === ownWrite && socket?.writable === true ? socket : undefined;
  }

  #waitForDrain(socket: Socket): void {
    if (this.#isWaitingForDrain) return;
    this.#isWaitingForDrain = true;
    socket.once('drain', () => {
      this.#isWaitingForDrain = false;
      this.#onRoom();
    });
  }
}
