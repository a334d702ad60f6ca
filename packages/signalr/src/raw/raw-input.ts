/*
 * The messages that the client of a raw connection sends. Joins the bytes of each message, checks its size and text, and
 * passes the messages to the handler one by one.
 */
import { isUtf8 } from 'node:buffer';
import { setTimeout } from 'node:timers/promises';
import type { HubConnection } from '../connection/hub-connection.js';
import { INTERRUPTED } from '../connection/inbound-buffer.js';
import { SignalRError } from '../errors.js';
import type { TransferFormat } from '../protocol/hub-protocol.js';
import type { TransportListener } from '../transports/transport.js';

const EMPTY = Buffer.alloc(0);

/** One message of a client: text as a string, anything else as bytes. */
export type RawMessage = string | Uint8Array;

/**
 * Stands between the transport and the connection. A message is one WebSocket message or one POST. Complete messages wait in
 * the connection's inbound buffer. The server stops reading from the client at that buffer's limit.
 * `maximumReceiveMessageBytes` bounds the bytes of an incomplete message.
 */
export class RawInput implements TransportListener {
  readonly #connection: HubConnection;
  /** The buffer of the arriving message. The message's bytes are at its beginning. */
  #buffer: Buffer = EMPTY;
  #length = 0;
  /** The formats of the messages in the inbound buffer, in the same order. */
  readonly #formats: TransferFormat[] = [];

  constructor(connection: HubConnection) {
    this.#connection = connection;
  }

  /** Resolves to the next message, or to undefined after the last one. Call it again only after it has resolved. */
  async read(): Promise<RawMessage | undefined> {
    const message = await this.#connection.inbound.read();
    // Only stateful reconnect interrupts the input, and raw connections do not have it.
    if (message === undefined || message === INTERRUPTED) return undefined;
    const format = this.#formats.shift();
    await this.#untilWithinBudget();
    if (this.#connection.inbound.isDiscarded) return undefined;
    return format === 'text' ? message.toString() : message;
  }

  /**
   * Waits until the client's budget allows another message. A message cannot be refused without a hub protocol. Therefore a
   * client that sends too much is read more slowly.
   */
  async #untilWithinBudget(): Promise<void> {
    const { budget, inbound } = this.#connection;
    for (;;) {
      const waitMs = budget?.charge() ?? 0;
      if (waitMs === 0 || inbound.isDiscarded) return;
      await setTimeout(waitMs);
    }
  }

  onBytes(bytes: Buffer): void {
    if (this.#connection.state !== 'open') return;
    const length = this.#length + bytes.length;
    if (length > this.#connection.limits.maximumReceiveMessageBytes) {
      this.onMessageTooBig();
      return;
    }
    if (this.#length === 0) this.#buffer = bytes;
    else {
      this.#reserve(length);
      bytes.copy(this.#buffer, this.#length);
    }
    this.#length = length;
  }

  onMessageEnd(format: TransferFormat): void {
    const message = this.#take();
    if (this.#connection.state !== 'open') return;
    if (format === 'text' && !isUtf8(message)) {
      const error = new SignalRError('malformed_message', 'The text is not UTF-8.');
      this.#connection.close('malformed_message', error);
      return;
    }
    this.#formats.push(format);
    this.#connection.onBytes(message);
  }

  onMessageAborted(): void {
    this.#take();
  }

  onMessageTooBig(): void {
    this.#take();
    this.#connection.onMessageTooBig();
  }

  /** The client has answered a WebSocket ping, or sent one. From now on, a long silence of the client closes the connection. */
  onControlFrame(): void {
    this.#connection.onControlFrame();
    this.#connection.expectPings();
  }

  onInterrupted(): void {
    this.#connection.onInterrupted();
  }

  onWritable(): void {
    this.#connection.onWritable();
  }

  onClosed(isGraceful: boolean, error?: Error): void {
    this.#connection.onClosed(isGraceful, error);
  }

  /** The buffer doubles. A message in many small parts then costs few objects and few copies. */
  #reserve(length: number): void {
    if (this.#buffer.length >= length) return;
    const grown = Buffer.allocUnsafe(Math.max(length, 2 * this.#buffer.length));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }

  #take(): Buffer {
    const message = this.#buffer.subarray(0, this.#length);
    this.#buffer = EMPTY;
    this.#length = 0;
    return message;
  }
}
