/*
 * The interface of a hub protocol, which converts bytes to messages and messages to bytes. Implementations use no sockets and
 * no timers. A protocol also frames its messages: with 0x1E in JSON, with a length prefix in a binary protocol.
 */
import type { HubMessage } from './hub-message.js';

/** The format of a protocol's messages, which the transport must be able to carry. */
export type TransferFormat = 'text' | 'binary';

/**
 * Reads the messages of one connection from bytes that arrive in chunks of any size.
 *
 * Guarantees: the messages and their order do not depend on how the bytes are split. The parser buffers the last chunk, and
 * besides it at most the maximum message size. The parser must not be used after an error.
 */
export interface HubMessageParser {
  /** Adds bytes. The parser may keep a view of the bytes until it has read them. */
  push(bytes: Buffer): void;
  /**
   * Returns the next complete message, or undefined if more bytes are needed. Messages of unknown types are
   * skipped.
   * @throws SignalRError `malformed_message`
   * @throws SignalRError `message_too_big` before the whole message has been buffered
   */
  next(): HubMessage | undefined;
}

/**
 * One encoding of hub messages. A protocol has no state. Each connection has a parser with its own state ({@link
 * HubProtocol.createParser}).
 */
export interface HubProtocol {
  /** The name of the protocol in lower case. A client's handshake may write it in any case. */
  readonly name: string;
  readonly transferFormat: TransferFormat;
  /** True when each buffer that `write` returns has `HEADROOM_BYTES` free bytes before the message. */
  readonly leavesHeadroom: boolean;
  /** True when a client may ask for this version in its handshake. */
  isVersionSupported(version: number): boolean;
  /** @param maximumMessageBytes maximum size of one message, including its framing */
  createParser(maximumMessageBytes: number): HubMessageParser;
  /**
   * Returns the message with its framing. The message is never split over two transport messages.
   * @throws SignalRError `unserializable` when an argument or result cannot be encoded.
   */
  write(message: HubMessage): Buffer;
}
