/*
 * The bytes of one message, ready for any transport, with the transports' own framings kept beside them,
 * so that a message to many connections is framed once per kind of transport.
 */
import type { TransferFormat } from './hub-protocol.js';

/** Bytes before a payload, in its buffer, that belong to it: a framing writes its header there instead of copying the payload. */
export const HEADROOM_BYTES = 10;

/** A payload with this text. */
export function textWithHeadroom(text: string): Buffer {
  const buffer = Buffer.allocUnsafe(HEADROOM_BYTES + Buffer.byteLength(text));
  buffer.write(text, HEADROOM_BYTES);
  return buffer.subarray(HEADROOM_BYTES);
}

/** How a kind of transport wraps a message. Must depend on nothing but the bytes and their format. */
export interface MessageFraming {
  /** @param hasHeadroom whether the `HEADROOM_BYTES` before the payload are its own; one kind of transport alone may write to them */
  frame(payload: Buffer, format: TransferFormat, hasHeadroom: boolean): Buffer;
}

/** Immutable bytes of one hub message. Shared by all connections that it is sent to: nobody may change them. */
export class EncodedMessage {
  readonly payload: Buffer;
  readonly format: TransferFormat;
  /** Whether stateful reconnect counts the message: all that belong to a call or a stream. */
  readonly isSequenced: boolean;
  readonly #hasHeadroom: boolean;
  /** As many as there are kinds of transports that frame: two. */
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
