/*
 * The interface of a hub protocol, which converts bytes to messages and messages to bytes. Implementations use no sockets and no
 * timers. The framing of messages is part of the protocol: 0x1E in JSON, a length prefix in a binary protocol.
 */
import type { HubMessage } from './hub-message.js';

/** The format of a protocol's messages, which the transport must be able to carry. */
export type TransferFormat = 'text' | 'binary';

/**
 * Reads the messages of one connection from bytes that arrive in chunks of any size.
 *
 * Guarantees: the messages and their order do not depend on how the bytes are split. The parser buffers the
 * chunk that was pushed last, and at most the maximum message size in addition. After an error the parser
 * must not be used.
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
 * One encoding of hub messages. A protocol has no state. The state of a connection is in the connection's
 * parser ({@link HubProtocol.createParser}).
 */
export interface HubProtocol {
  /** The name of the protocol in lower case. A client may write it in any case in its handshake. */
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
