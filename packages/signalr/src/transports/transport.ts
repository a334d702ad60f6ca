/*
 * The interface of a transport, which carries the bytes of one connection to the client and back. Connection code uses only this
 * interface, never WebSockets, event streams or polls.
 */
import type { EncodedMessage } from '../protocol/encoded-message.js';
import type { HubMessage } from '../protocol/hub-message.js';
import type { HubProtocol, TransferFormat } from '../protocol/hub-protocol.js';
import type { TransportName } from '../protocol/negotiate.js';

/**
 * The callbacks of a transport to its connection. No callback is called before `start` or after `onClosed`.
 */
export interface TransportListener {
  /** Called with bytes in the order in which the client sent them. The bytes may be split anywhere. */
  onBytes(bytes: Buffer): void;
  /** Called when a control frame of a WebSocket has arrived, such as a ping. */
  onControlFrame(): void;
  /** Called after the last bytes of each message of the client. Only raw connections need the boundaries of messages. */
  onMessageEnd?(format: TransferFormat): void;
  /** Called when a message will never be complete, because its client stopped in the middle of the message. */
  onMessageAborted?(): void;
  /**
   * Called before bytes that come over another network connection. A message that is incomplete at this point is never completed.
   */
  onInterrupted(): void;
  /** Called when the client has sent a transport message that exceeds the transport's own limit. Its bytes were not kept. */
  onMessageTooBig(): void;
  /** Called when the transport has room again after `write` returned false. */
  onWritable(): void;
  /**
   * Called exactly once, when the transport has ended. `isGraceful` is true if it ended properly, and false if the client
   * vanished.
   * @param error the error that broke the transport, if there was one
   */
  onClosed(isGraceful: boolean, error?: Error): void;
}

/**
 * The formats of a transport that carries text and binary. All connections share this array to save memory.
 */
export const TEXT_AND_BINARY: readonly TransferFormat[] = ['text', 'binary'];

/** The additional methods of a transport that supports stateful reconnect. */
export interface Resumption {
  /** Begins to count messages. Called after the handshake, if the client takes part in stateful reconnect. */
  begin(protocol: HubProtocol): void;
  /**
   * Returns true if the hub has to handle the message. Must be called for every message of the client.
   * @throws SignalRError `malformed_message`
   */
  accept(message: HubMessage): boolean;
  /**
   * Accepts no other socket, because the connection is ending. If there is no socket now, the transport ends
   * immediately.
   */
  stop(): void;
}

/**
 * One transport, for the whole life of its connection.
 *
 * Guarantees:
 * - Messages arrive whole, and in the order of `write`.
 * - A client that is gone makes no method throw.
 * - `close` first sends all messages that were written before it.
 * - While `isAttached` is false, the transport waits only a limited time for the client, and then ends.
 */
export interface Transport {
  readonly name: TransportName;
  readonly formats: readonly TransferFormat[];
  /** True if the transport itself shows that both sides are alive. Pings are then not needed. */
  readonly hasInherentKeepAlive: boolean;
  /** False while there is nothing to write to: between two polls, or between two sockets with stateful reconnect. */
  readonly isAttached: boolean;
  /** Present when the connection survives a broken socket. */
  readonly resumption?: Resumption;
  /** Number of bytes that were written and have not left the process. */
  readonly bufferedBytes: number;
  /** Begins to deliver events. Bytes that arrived earlier are delivered first. */
  start(listener: TransportListener): void;
  /**
   * Writes one message. If it returns false, the message was accepted, but the caller must wait for `onWritable` before it writes
   * more.
   */
  write(message: EncodedMessage): boolean;
  /** Stops reading from the network soon. Bytes that are already in the process may still arrive. */
  pauseReading(): void;
  resumeReading(): void;
  /**
   * Sends something that the client's own code does not see. It keeps the connection open in proxies, and reveals a broken
   * connection. Absent if the transport carries hub protocols only.
   */
  keepAlive?(): void;
  /**
   * Ends the transport properly, after all written data has been sent. Repeated calls have no effect.
   * @param isFailed true if the transport should tell the client about an error. @defaultValue false
   */
  close(isFailed?: boolean): void;
  /** Ends the transport immediately. Unsent data is lost. */
  abort(): void;
}
