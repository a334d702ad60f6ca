/*
 * The bytes of one message, ready for any transport. The framed bytes are kept with the message. A message to many
 * connections is therefore framed only once per kind of transport.
 */
import type { TransferFormat } from './hub-protocol.js';

/** Number of free bytes before a payload in its buffer. A framing writes its header there, and need not copy the payload. */
export const HEADROOM_BYTES = 10;

/** Returns a payload with this text, and with {@link HEADROOM_BYTES} free bytes before it. */
export function textWithHeadroom(text: string): Buffer {
  const buffer = Buffer.allocUnsafe(HEADROOM_BYTES + Buffer.byteLength(text));
  buffer.write(text, HEADROOM_BYTES);
  return buffer.subarray(HEADROOM_BYTES);
}

/**
 * The framing of a kind of transport. Its result must depend only on the bytes and their format, because all connections with
 * this transport share the result.
 */
export interface MessageFraming {
  /** @param hasHeadroom true if the `HEADROOM_BYTES` before the payload are free. Only one framing may write to them */
  frame(payload: Buffer, format: TransferFormat, hasHeadroom: boolean): Buffer;
}

/** Immutable bytes of one hub message, shared by all connections that it is sent to. */
export class EncodedMessage {
  readonly payload: Buffer;
  readonly format: TransferFormat;
  /** True if stateful reconnect counts the message because it belongs to a call or a stream. */
  readonly isSequenced: boolean;
  readonly #hasHeadroom: boolean;
  /** The framed bytes, one entry for each framing that was used. Only a few framings exist. */
  #frames: { readonly framing: MessageFraming; readonly framed: Buffer }[] = [];

  constructor(payload: Buffer, format: TransferFormat, isSequenced = false, hasHeadroom = false) {
    this.payload = payload;
    this.format = format;
    this.isSequenced = isSequenced;
    this.#hasHeadroom = hasHeadroom;
  }

  /** Returns the framed bytes. They are computed once per framing. */
  framedBy(framing: MessageFraming): Buffer {
    for (const frame of this.#frames) {
      if (frame.framing === framing) return frame.framed;
    }
    const framed = framing.frame(this.payload, this.format, this.#hasHeadroom);
    this.#frames.push({ framing, framed });
    return framed;
  }
}
