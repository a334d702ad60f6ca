/*
 * The port of a hub protocol: bytes to messages and back. Pure: no sockets, no timers.
 * Framing belongs to the protocol (0x1E for JSON, a length prefix for a binary one).
 */
import type { HubMessage } from './hub-message.js';

/** The format that a transport must be able to carry for a protocol. */
export type TransferFormat = 'text' | 'binary';

/**
 * Reads the messages of one connection from bytes that arrive in any split.
 *
 * Guarantees: any split of a byte stream yields the same messages in the same order. No more than the maximum message size is kept
 * beyond the chunk that was pushed last. After an error the parser must not be used.
 */
export interface HubMessageParser {
  /** Adds bytes. The parser may keep a view of them until they are read. */
  push(bytes: Buffer): void;
  /**
   * The next complete message, or undefined when more bytes are needed. Messages of unknown type are skipped.
   * @throws SignalRError `malformed_message`, or `message_too_big` before such a message is buffered whole.
   */
  next(): HubMessage | undefined;
}

/** One encoding of hub messages. An implementation has no state; {@link HubProtocol.createParser} holds it. */
export interface HubProtocol {
  /** The name in the client's handshake, in lower case; clients may write it in any case. */
  readonly name: string;
  readonly transferFormat: TransferFormat;
  /** True when each buffer of `write` has `HEADROOM_BYTES` free bytes before the message. */
  readonly leavesHeadroom: boolean;
  /** True when a client may ask for this version in its handshake. */
  isVersionSupported(version: number): boolean;
  /** @param maximumMessageBytes size limit of one message with its framing */
  createParser(maximumMessageBytes: number): HubMessageParser;
  /**
   * The message with its framing, never split over two transport messages.
   * @throws SignalRError `unserializable` when an argument or result cannot be encoded.
   */
  write(message: HubMessage): Buffer;
}
