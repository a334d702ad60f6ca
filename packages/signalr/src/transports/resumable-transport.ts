/*
 * A WebSocket transport that survives the loss of its socket (stateful reconnect). The client opens another socket when one
 * breaks. Then each side resends the messages that the other has not acknowledged.
 */

import type { Ticker, TickListener } from '../connection/ticker.js';
import { SignalRError } from '../errors.js';
import type { EncodedMessage } from '../protocol/encoded-message.js';
import { type HubMessage, MessageType } from '../protocol/hub-message.js';
import type { HubProtocol } from '../protocol/hub-protocol.js';
import { MessageBuffer } from '../protocol/message-buffer.js';
import { encodeMessage } from '../protocol/serialized-hub-message.js';
import { type Resumption, TEXT_AND_BINARY, type Transport, type TransportListener } from './transport.js';

/** Limits of a connection with stateful reconnect. */
export interface ResumptionLimits {
  /** Maximum time between the loss of a socket and the client's reconnect. */
  readonly disconnectTimeoutMs: number;
  /** Maximum number of unacknowledged bytes. Above it, no message is sent until the client acknowledges. */
  readonly statefulReconnectBufferBytes: number;
}

/**
 * The state of the transport:
 * - `plain`: the handshake is not done, or the client does not use stateful reconnect. The transport ends
 *   with its socket.
 * - `resumable`: a broken socket leads to `detached`. An orderly close ends the transport.
 * - `detached`: there is no socket. Messages wait in the connection's queue. The transport ends after the
 *   disconnect timeout.
 * - `stopped`: the connection is ending and accepts no other socket.
 * - `ended`: the connection has been notified that the transport has ended.
 */
type ResumableTransportState = 'plain' | 'resumable' | 'detached' | 'stopped' | 'ended';

/**
 * The states that may follow each state. `resumable` may follow itself: a client may reconnect before the server notices that
 * the old socket is broken.
 */
const NEXT_STATES: Readonly<Record<ResumableTransportState, readonly ResumableTransportState[]>> = {
  plain: ['resumable', 'stopped', 'ended'],
  resumable: ['resumable', 'detached', 'stopped', 'ended'],
  detached: ['resumable', 'stopped', 'ended'],
  stopped: ['stopped', 'ended'],
  ended: [],
};

/**
 * A transport that can continue over another socket. Its states:
 * ```
 * plain ──▶ resumable ⇄ detached ──▶ ended
 *   └───────────┴───────────┴──▶ stopped ──▶ ended
 * ```
 * An orderly close of the socket also ends the transport from `plain` and `resumable`. Only `#moveTo` changes the state.
 */
export class ResumableTransport implements Transport, Resumption, TickListener {
  readonly name = 'WebSockets' as const;
  readonly formats = TEXT_AND_BINARY;
  readonly hasInherentKeepAlive = false;
  readonly resumption: Resumption = this;
  readonly #ticker: Ticker;
  readonly #limits: ResumptionLimits;
  readonly #buffer: MessageBuffer;
  #state: ResumableTransportState = 'plain';
  #socket: Transport | undefined;
  #listener: TransportListener | undefined;
  #protocol: HubProtocol | undefined;
  #hasRoom = true;
  #isPaused = false;
  #detachedSinceMs = 0;

  /** @param socket the first socket */
  constructor(socket: Transport, ticker: Ticker, limits: ResumptionLimits) {
    this.#socket = socket;
    this.#ticker = ticker;
    this.#limits = limits;
    this.#buffer = new MessageBuffer(limits.statefulReconnectBufferBytes);
  }

  get isAttached(): boolean {
    return this.#socket !== undefined;
  }

  get bufferedBytes(): number {
    return this.#socket?.bufferedBytes ?? 0;
  }

  /** True while the client may continue over another socket. */
  get canResume(): boolean {
    return this.#state === 'resumable' || this.#state === 'detached';
  }

  /** True when the connection can no longer continue over another socket. */
  get isStopped(): boolean {
    return this.#state === 'stopped' || this.#state === 'ended';
  }

  start(listener: TransportListener): void {
    this.#listener = listener;
    if (this.#socket !== undefined) this.#listen(this.#socket);
  }

  begin(protocol: HubProtocol): void {
    if (this.#state !== 'plain') return;
    this.#protocol = protocol;
    this.#moveTo('resumable');
    this.#ticker.add(this);
  }

  accept(message: HubMessage): boolean {
    if (this.#state === 'plain') return true;
    const isForHub = this.#buffer.accept(message);
    if (message.type === MessageType.ack) this.#offerRoom();
    return isForHub;
  }

  /**
   * Continues over another socket. Aborts the old one if the server still has it: the client would not have reconnected if
   * the old socket still worked.
   * @returns false if the connection can no longer continue. The new socket is then left unchanged
   */
  attach(socket: Transport): boolean {
    if (!this.canResume || this.#protocol === undefined) return false;
    const old = this.#socket;
    this.#socket = socket;
    this.#moveTo('resumable');
    old?.abort();
    this.#listener?.onInterrupted();
    this.#listen(socket);
    if (this.#isPaused) socket.pauseReading();
    const { sequenceId, messages } = this.#buffer.replay();
    this.#hasRoom = this.#writeOwn({ type: MessageType.sequence, sequenceId });
    for (const message of messages) this.#hasRoom = socket.write(message);
    this.#offerRoom();
    return true;
  }

  write(message: EncodedMessage): boolean {
    if (this.canResume) this.#buffer.sent(message);
    if (this.#socket === undefined) return false;
    this.#hasRoom = this.#socket.write(message);
    return this.#hasRoom && !this.#isFull;
  }

  pauseReading(): void {
    this.#isPaused = true;
    this.#socket?.pauseReading();
  }

  resumeReading(): void {
    this.#isPaused = false;
    this.#socket?.resumeReading();
  }

  stop(): void {
    if (!this.#moveTo('stopped')) return;
    if (this.#socket === undefined) this.#end(false);
    else this.#offerRoom();
  }

  close(): void {
    this.stop();
    this.#socket?.close();
  }

  abort(): void {
    this.stop();
    this.#socket?.abort();
  }

  onTick(nowMs: number): void {
    if (this.#state === 'detached' && nowMs - this.#detachedSinceMs >= this.#limits.disconnectTimeoutMs) {
      this.#end(
        false,
        new SignalRError(
          'transport_lost',
          'The client did not return within the disconnect timeout (option disconnectTimeoutMs).',
        ),
      );
    }
    if (this.#socket === undefined || this.#state === 'stopped') return;
    const sequenceId = this.#buffer.takeAck();
    if (sequenceId !== undefined) this.#writeOwn({ type: MessageType.ack, sequenceId });
  }

  /**
   * Changes the state. Returns false and changes nothing if the present state does not allow the new state.
   */
  #moveTo(state: ResumableTransportState): boolean {
    if (!NEXT_STATES[this.#state].includes(state)) return false;
    this.#state = state;
    return true;
  }

  /** Writes an ack or a sequence message. It is not counted, and bypasses the connection's queue. */
  #writeOwn(message: HubMessage): boolean {
    if (this.#protocol === undefined || this.#socket === undefined) return true;
    return this.#socket.write(encodeMessage(message, this.#protocol));
  }

  /** True while too many bytes are unacknowledged. A connection that is ending does not wait for acknowledgements. */
  get #isFull(): boolean {
    return this.canResume && this.#buffer.isFull;
  }

  #offerRoom(): void {
    if (this.#hasRoom && !this.#isFull && this.#socket !== undefined) this.#listener?.onWritable();
  }

  /** Listens to a socket. Ignores its events after another socket has replaced it. */
  #listen(socket: Transport): void {
    const listener = this.#listener;
    const isCurrent = (): boolean => this.#socket === socket;
    socket.start({
      onBytes: (bytes) => {
        if (isCurrent()) listener?.onBytes(bytes);
      },
      onControlFrame: () => listener?.onControlFrame(),
      onInterrupted: () => {},
      onMessageTooBig: () => {
        if (isCurrent()) listener?.onMessageTooBig();
      },
      onWritable: () => {
        if (!isCurrent()) return;
        this.#hasRoom = true;
        this.#offerRoom();
      },
      onClosed: (isGraceful, error) => {
        if (isCurrent()) this.#onSocketClosed(isGraceful, error);
      },
    });
  }

  #onSocketClosed(isGraceful: boolean, error: Error | undefined): void {
    this.#socket = undefined;
    if (isGraceful || this.#state !== 'resumable') {
      this.#end(isGraceful, error);
      return;
    }
    this.#moveTo('detached');
    this.#detachedSinceMs = this.#ticker.monotonicMs();
  }

  #end(isGraceful: boolean, error?: Error): void {
    if (!this.#moveTo('ended')) return;
    this.#ticker.remove(this);
    this.#listener?.onClosed(isGraceful, error);
  }
}
