/*
 * The port of a transport: how the bytes of one connection reach the client and come from it.
 * Connection code knows this file only, never WebSockets, event streams or polls.
 */
import type { EncodedMessage } from '../protocol/encoded-message.js';
import type { HubMessage } from '../protocol/hub-message.js';
import type { HubProtocol, TransferFormat } from '../protocol/hub-protocol.js';
import type { TransportName } from '../protocol/negotiate.js';

/** The callbacks of a transport to its connection. None is called before `start`, and none after `onClosed`. */
export interface TransportListener {
  /** Bytes in the order they were sent, split anywhere. */
  onBytes(bytes: Buffer): void;
  /** The following bytes come over another network connection: an unfinished message before them will never be finished. */
  onInterrupted(): void;
  /** The client sent one transport message over the transport's own limit; its bytes were not kept. */
  onMessageTooBig(): void;
  /** After `write` answered false: there is room again. */
  onWritable(): void;
  /**
   * The end, exactly once. `isGraceful` when the client ended it properly, not merely vanished.
   * @param error what broke the transport, when something did
   */
  onClosed(isGraceful: boolean, error?: Error): void;
}

/** Stateful reconnect as the connection drives it. */
export interface Resumption {
  /** The handshake is done and the client takes part: from now on messages are counted. */
  begin(protocol: HubProtocol): void;
  /**
   * Looks at every message of the client: true when it is to be acted on.
   * @throws SignalRError `malformed_message`
   */
  accept(message: HubMessage): boolean;
  /** The connection is ending: no further socket is taken, and without one the transport ends here. */
  stop(): void;
}

/**
 * One transport, for the whole life of its connection.
 *
 * Guarantees: messages arrive whole and in the order of `write`; no method throws because the client is
 * gone; `close` sends what was written before it, then ends. While `isAttached` is false the transport itself
 * bounds the time until the client is back, and ends when it is over.
 */
export interface Transport {
  readonly name: TransportName;
  readonly formats: readonly TransferFormat[];
  /** True when the transport itself shows that both sides live, so that pings are not needed. */
  readonly hasInherentKeepAlive: boolean;
  /** False while there is nothing to write to: between two polls, or between two sockets of a connection that survives. */
  readonly isAttached: boolean;
  /** Present when the connection outlives a broken socket. */
  readonly resumption?: Resumption;
  /** Bytes that were written and have not left the process. */
  readonly bufferedBytes: number;
  /** Begins to deliver events. Bytes that came earlier are delivered first. */
  start(listener: TransportListener): void;
  /** Writes one message. False: wait for `onWritable` before writing more (the message itself was taken). */
  write(message: EncodedMessage): boolean;
  /** Stops reading from the network soon; what is in flight inside the process may still arrive. */
  pauseReading(): void;
  resumeReading(): void;
  /** Ends the transport in its proper way after everything written. Repeats are ignored. */
  close(): void;
  /** Ends it at once; unsent data is lost. */
  abort(): void;
}
