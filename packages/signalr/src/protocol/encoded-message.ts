/*
 * The bytes of one message, ready for any transport, with the transport's own framing kept beside them,
 * so that a message to many connections is framed once.
 */
import type { TransferFormat } from './hub-protocol.js';

/** How a kind of transport wraps a message. Must depend on nothing but the bytes and their format. */
export interface MessageFraming {
  frame(payload: Buffer, format: TransferFormat): Buffer;
}

/** Immutable bytes of one hub message. Shared by all connections that it is sent to: nobody may change them. */
export class EncodedMessage {
  readonly payload: Buffer;
  readonly format: TransferFormat;
  #framing: MessageFraming | undefined;
  #framed: Buffer | undefined;

  constructor(payload: Buffer, format: TransferFormat) {
    this.payload = payload;
    this.format = format;
  }

  /** The framed bytes; computed once as long as the same framing asks. */
  framedBy(framing: MessageFraming): Buffer {
    if (this.#framed === undefined || this.#framing !== framing) {
      this.#framed = framing.frame(this.payload, this.format);
      this.#framing = framing;
    }
    return this.#framed;
  }
}
