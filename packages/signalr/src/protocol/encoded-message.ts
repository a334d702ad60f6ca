/*
 * The bytes of one message, ready for any transport. The framings of the transports are kept with them, so that a message to many
 * connections is framed once per kind of transport.
 */
import type { TransferFormat } from './hub-protocol.js';

/** Free bytes before a payload in its buffer: a framing writes its header there instead of copying the payload. */
export const HEADROOM_BYTES = 10;

/** A payload with this text, and headroom before it. */
export function textWithHeadroom(text: string): Buffer {
  const buffer = Buffer.allocUnsafe(HEADROOM_BYTES + Buffer.byteLength(text));
  buffer.write(text, HEADROOM_BYTES);
  return buffer.subarray(HEADROOM_BYTES);
}

/** The way in which a kind of transport wraps a message. It must depend on the bytes and their format alone. */
export interface MessageFraming {
  /** @param hasHeadroom true when the `HEADROOM_BYTES` before the payload are free; only one kind of transport may write to them */
  frame(payload: Buffer, format: TransferFormat, hasHeadroom: boolean): Buffer;
}

/** Immutable bytes of one hub message, shared by all connections that it is sent to. */
export class EncodedMessage {
  readonly payload: Buffer;
  readonly format: TransferFormat;
  /** True for a message that stateful reconnect counts: those that belong to a call or a stream. */
  readonly isSequenced: boolean;
  readonly #hasHeadroom: boolean;
  /** At most one per kind of transport that frames: two. */
  #frames: { readonly framing: MessageFraming; readonly framed: Buffer }[] = [];

  constructor(payload: Buffer, format: TransferFormat, isSequenced = false, hasHeadroom = false) {
    this.payload = payload;
    this.format = format;
    this.isSequenced = isSequenced;
    this.#hasHeadroom = hasHeadroom;
  }

  /** The framed bytes; computed once per framing. */
  framedBy(framing: MessageFraming): Buffer {
    for (const frame of this.#frames) {
      if (frame.framing === framing) return frame.framed;
    }
    const framed = framing.frame(this.payload, this.format, this.#hasHeadroom);
    this.#frames.push({ framing, framed });
    return framed;
  }
}
