/*
 * One client's connection: its identity, its state, and the methods that write to it and end it. `run-hub-connection.ts` runs
 * the connection of a hub. `mapped-connections.ts` runs a raw connection, which has no hub protocol.
 */
import type { ConnectionBudget } from '../budgets/connection-budget.js';
import type { ConnectionIdentity } from '../events.js';
import type { EncodedMessage } from '../protocol/encoded-message.js';
import { type CompletionOutcome, type HubMessage, MessageType } from '../protocol/hub-message.js';
import type { HubProtocol } from '../protocol/hub-protocol.js';
import {
  encodeMessage,
  SerializedHubMessage,
  type SharedMessage,
} from '../protocol/serialized-hub-message.js';
import type { Transport, TransportListener } from '../transports/transport.js';
import { ClientResults } from './client-results.js';
import { closeMessageOf } from './close-message.js';
import {
  CLOSE_RULES,
  type CloseCause,
  type CloseReason,
  type CloseRule,
  describeReason,
} from './close-reason.js';
import type { ConnectionLimits } from './connection-limits.js';
import type { ConnectionObserver, ConnectionOwner } from './connection-owner.js';
import { type ConnectionPrincipal, hasExpired, newerByMs } from './connection-principal.js';
import type { ConnectionState } from './connection-state.js';
import { ConnectionTimers } from './connection-timers.js';
import type { HubConnectionDependencies } from './hub-connection-dependencies.js';
import { InboundBuffer } from './inbound-buffer.js';
import { Occurrence } from './occurrence.js';
import { OutboundQueue, type OutboundQueueOwner } from './outbound-queue.js';
import type { TickListener } from './ticker.js';

/** The ping message, encoded once for all connections of the process. */
const PING = new SerializedHubMessage({ type: MessageType.ping });

/**
 * One client's connection. Its states:
 * ```
 * handshaking → open → closing → closed
 *      ├─────────────────┘         ↑
 *      └── the transport ended ────┘   (from any state)
 * ```
 * Only `#moveTo` changes the state. The abort signal fires when the state becomes `closing` or `closed`.
 */
export class HubConnection implements TransportListener, TickListener, OutboundQueueOwner {
  readonly identity: ConnectionIdentity;
  readonly transport: Transport;
  readonly limits: ConnectionLimits;
  /** Limits what the client may send. Undefined if the hub has no `clientLimits`. */
  readonly budget: ConnectionBudget | undefined;
  /** The time when the transport was opened, in milliseconds since 1970. */
  readonly connectedAtMs: number;
  readonly inbound: InboundBuffer;
  /** Happens when the transport has ended. */
  readonly closed = new Occurrence();
  /** Happens when the connection has ended completely: all its hub code has run, and it is unregistered. */
  readonly ended = new Occurrence();
  /** The groups of this connection, maintained by the lifetime manager. Undefined while the connection is in no group. */
  groups: Set<string> | undefined;
  /** The hub sets this field before it runs the connection. */
  owner: ConnectionOwner | undefined;

  readonly #queue: OutboundQueue;
  readonly #timers: ConnectionTimers;
  readonly #ticker: HubConnectionDependencies<HubConnection>['ticker'];
  readonly #observer: ConnectionObserver<HubConnection>;
  #principal: ConnectionPrincipal;
  #state: ConnectionState = 'handshaking';
  #protocol: HubProtocol | undefined;
  #cause: CloseCause | undefined;
  #isHandshakeExpired = false;
  #isReading = false;
  /** Created on first use, because the server never asks most clients for a result. */
  #results: ClientResults | undefined;
  /** Created on first use, because the signal of most connections is never used. */
  #abortController: AbortController | undefined;

  constructor(
    identity: ConnectionIdentity,
    principal: ConnectionPrincipal,
    dependencies: HubConnectionDependencies<HubConnection>,
  ) {
    this.identity = identity;
    this.#principal = principal;
    this.limits = dependencies.limits;
    this.budget = dependencies.budget;
    this.transport = dependencies.transport;
    this.#ticker = dependencies.ticker;
    this.connectedAtMs = dependencies.ticker.wallMs();
    this.#observer = dependencies.observer;
    this.#queue = new OutboundQueue(dependencies.transport, dependencies.limits, this);
    this.#timers = new ConnectionTimers(dependencies.limits, dependencies.ticker.monotonicMs());
    this.inbound = new InboundBuffer(dependencies.limits.maximumInboundBufferBytes, dependencies.transport);
  }

  /** The client's identity, with the newest credentials. The user id never changes. */
  get principal(): ConnectionPrincipal {
    return this.#principal;
  }

  get connectionId(): string {
    return this.identity.connectionId;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** The reason and the error of the connection's end. Undefined until `close` is called or the transport ends. */
  get cause(): CloseCause | undefined {
    return this.#cause;
  }

  /** True when the handshake took too long. In that case, `performHandshake` refuses the client. */
  get isHandshakeExpired(): boolean {
    return this.#isHandshakeExpired;
  }

  /** True as soon as the read loop has begun. Before that, no answer of the client is read. */
  get isReading(): boolean {
    return this.#isReading;
  }

  /** The calls that wait for this client's answer. */
  get results(): ClientResults {
    if (this.#results === undefined) {
      this.#results = new ClientResults(this.connectionId);
      if (this.#isEnding) this.#results.end();
    }
    return this.#results;
  }

  /** The client's hub protocol. Undefined before the handshake is done. */
  get protocol(): HubProtocol | undefined {
    return this.#protocol;
  }

  /** The signal that is aborted when the state becomes `closing` or `closed`. */
  get signal(): AbortSignal {
    if (this.#abortController === undefined) {
      this.#abortController = new AbortController();
      if (this.#isEnding) this.#abortController.abort();
    }
    return this.#abortController.signal;
  }

  /**
   * Replaces the principal with the principal of a later request of the same user. Credentials that are older than the present
   * credentials are ignored, because a delayed request must not replace newer credentials.
   * @returns true if the credentials are newer than the previous ones
   */
  updatePrincipal(principal: ConnectionPrincipal): boolean {
    if (principal.userId !== this.#principal.userId) return false;
    const byMs = newerByMs(this.#principal, principal);
    if (byMs >= 0) this.#principal = principal;
    return byMs > 0;
  }

  /** Records that the connection has ended completely. */
  end(): void {
    this.ended.happen();
    this.#observer.onEnded(this);
  }

  /** Begins to listen to the transport. A `listener` passes all callbacks on to this connection. */
  start(listener: TransportListener = this): void {
    this.transport.start(listener);
  }

  /** Opens a raw connection. It has no handshake and no hub protocol, so it sends no Close messages and no ping messages. */
  openRaw(): void {
    if (this.#state === 'handshaking') this.#moveTo('open');
  }

  /** Ends the handshake. From now on, messages can be sent in this protocol. */
  open(protocol: HubProtocol, version: number): void {
    if (this.#state !== 'handshaking') return;
    this.#protocol = protocol;
    // Stateful reconnect needs protocol version 2. A client with an older version cannot use it, even if it negotiated
    // stateful reconnect.
    if (version >= 2) this.transport.resumption?.begin(protocol);
    this.#moveTo('open');
  }

  /** Records that the read loop has begun. */
  beginReading(): void {
    this.#isReading = true;
  }

  /**
   * Handles a message of stateful reconnect. Returns true for any other message, which the hub must handle.
   * @throws SignalRError `malformed_message`
   */
  accepts(message: HubMessage): boolean {
    return this.transport.resumption?.accept(message) ?? true;
  }

  /** Passes the client's answer to the call of the server that waits for it. Returns false if no call waits for it. */
  settleResult(invocationId: string, outcome: CompletionOutcome): boolean {
    return this.#results?.settle(invocationId, outcome) ?? false;
  }

  /** True while the transport accepts no more messages. A stream should then wait for {@link flushed}. */
  get isBlocked(): boolean {
    return this.#queue.isBlocked;
  }

  /** Number of bytes that wait in the outbound queue and in the transport. */
  get waitingBytes(): number {
    return this.#queue.waitingBytes;
  }

  /** Writes the handshake response, which has the same format for all hub protocols. */
  writeHandshake(response: EncodedMessage): void {
    if (this.#state === 'handshaking') this.#offer(response);
  }

  /** Closes a connection whose handshake failed, after all written data has been sent. */
  endHandshake(): void {
    if (this.#state !== 'handshaking') return;
    this.inbound.discard();
    this.#moveTo('closing');
    this.#queue.whenEmpty(() => this.transport.close());
  }

  /**
   * Queues a message that many connections may share. The message is in the queue when `send` returns, so messages keep the
   * order of the calls.
   * @param key set if only the newest message counts. A new message replaces a waiting message with the same key
   * @returns false if the connection is not open, or if this call closes it because the client is too slow
   * @throws SignalRError `unserializable`
   */
  send(message: SharedMessage, key?: string): boolean {
    if (this.#state !== 'open' || this.#protocol === undefined) return false;
    return this.#offer(message.encodedFor(this.#protocol), key);
  }

  /** Queues a message for this connection alone, like {@link HubConnection.send}. */
  write(message: HubMessage): boolean {
    if (this.#state !== 'open' || this.#protocol === undefined) return false;
    return this.#offer(encodeMessage(message, this.#protocol));
  }

  /** Queues a message of a raw connection, like {@link HubConnection.send}. */
  writeRaw(message: EncodedMessage): boolean {
    return this.#state === 'open' && this.#offer(message);
  }

  /** Resolves when the outbound queue is empty, or when the connection is ending. */
  flushed(): Promise<void> {
    return this.#queue.flushed();
  }

  /** Resolves when the transport has room for another message, or when the connection is ending. */
  writable(): Promise<void> {
    return this.#queue.writable();
  }

  /**
   * Ends the connection according to the rule for the reason (`CLOSE_RULES`). Calls after the first one have no effect. Never
   * throws.
   */
  close(reason: CloseReason, error?: Error): void {
    if (this.#state === 'closing' || this.#state === 'closed') return;
    const rule = CLOSE_RULES[reason];
    this.#cause = { reason, error: rule.isError ? (error ?? describeReason(reason)) : undefined };
    this.inbound.discard();
    this.#writeCloseMessage(rule);
    this.#moveTo('closing');
    // A client without a hub protocol receives no Close message. Its transport reports the error instead.
    const isFailed = rule.isError && this.#protocol === undefined;
    if (rule.discardsQueue) this.transport.close(isFailed);
    else this.#queue.whenEmpty(() => this.transport.close(isFailed));
    this.transport.resumption?.stop();
  }

  /** Ends the connection immediately, without a Close message. The server uses it when it cannot wait any longer. */
  abort(): void {
    this.transport.abort();
  }

  /** Records that the client has sent or answered a ping. From now on, a long silence of the client closes the connection. */
  expectPings(): void {
    if (!this.transport.hasInherentKeepAlive) this.#timers.expectPings();
  }

  /** Pauses the client timeout while the read loop waits for the hub and reads no messages. */
  setDispatching(isDispatching: boolean): void {
    this.#timers.setDispatching(isDispatching);
  }

  onBytes(bytes: Buffer): void {
    this.#timers.received();
    this.inbound.push(bytes);
  }

  onControlFrame(): void {
    this.budget?.charge();
  }

  onInterrupted(): void {
    this.inbound.interrupt();
  }

  onMessageTooBig(): void {
    this.close('message_too_big', describeReason('message_too_big'));
  }

  onWritable(): void {
    this.#queue.onWritable();
  }

  onCrowded(): void {
    this.owner?.onBackpressure();
  }

  onClosed(isGraceful: boolean, error?: Error): void {
    if (this.#cause === undefined) {
      this.#cause = isGraceful
        ? { reason: 'client_closed', error: undefined }
        : { reason: 'transport_lost', error: error ?? describeReason('transport_lost') };
    }
    this.#moveTo('closed');
    this.#queue.discard();
    this.inbound.end();
    this.closed.happen();
    this.#observer.onClosed(this);
  }

  onTick(nowMs: number): void {
    if (this.#state === 'open' && this.limits.closeOnAuthenticationExpiration) {
      if (hasExpired(this.#principal, this.#ticker.wallMs())) this.close('authentication_expired');
    }
    // While reading is paused, the server cannot notice that the client is alive.
    if (this.inbound.isPaused) this.#timers.received();
    const due = this.#timers.tick(nowMs, this.#state, {
      isAttached: this.transport.isAttached,
      isBlocked: this.#queue.isBlocked,
      progress: this.#queue.progress,
    });
    switch (due) {
      case 'nothing':
        return;
      case 'ping':
        if (this.transport.hasInherentKeepAlive || this.send(PING)) return;
        // A raw connection has no ping messages. Its transport proves to both sides that the connection works.
        this.#timers.sent();
        this.transport.keepAlive?.();
        return;
      case 'handshake_timeout':
        this.#isHandshakeExpired = true;
        this.inbound.discard();
        return;
      case 'client_timeout':
      case 'send_timeout':
        this.close(due);
        return;
      case 'close_timeout':
        this.transport.abort();
    }
  }

  #offer(message: EncodedMessage, key?: string): boolean {
    this.#timers.sent();
    const offered = this.#queue.offer(message, key);
    if (offered === 'replaced') this.#observer.onReplaced(this);
    if (offered !== 'overflow') return true;
    this.close('slow_consumer');
    return false;
  }

  #writeCloseMessage(rule: CloseRule): void {
    if (rule.discardsQueue) this.#queue.discard();
    if (this.#state !== 'open' || this.#protocol === undefined) return;
    const close = closeMessageOf(rule, this.#cause, this.limits.enableDetailedErrors);
    if (close === undefined) return;
    const message = encodeMessage(close, this.#protocol);
    if (rule.discardsQueue) this.transport.write(message);
    else this.#queue.offerLast(message);
  }

  #moveTo(state: ConnectionState): void {
    const wasEnding = this.#isEnding;
    this.#state = state;
    this.#timers.stateChanged();
    if (!this.#isEnding) return;
    this.#abortController?.abort();
    this.#queue.release();
    this.#results?.end();
    if (!wasEnding) this.owner?.onEnding();
  }

  get #isEnding(): boolean {
    return this.#state === 'closing' || this.#state === 'closed';
  }
}
