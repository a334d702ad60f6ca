/*
 * One client's connection: its identity, its state, and the ways to write to it and to end it. Its life from beginning to end is in
 * run-hub-connection.ts; the hub acts on its messages.
 */
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
import { type ConnectionPrincipal, extensionMs } from './connection-principal.js';
import { ConnectionTimers } from './connection-timers.js';
import { InboundBuffer } from './inbound-buffer.js';
import { OutboundQueue } from './outbound-queue.js';
import type { TickListener } from './ticker.js';

/** Encoded once for all connections of the process. */
const PING = new SerializedHubMessage({ type: MessageType.ping });

/**
 * `handshaking`: only the handshake response is written. `open`: messages go both ways. `closing`: the Close message was the last
 * one; queue and transport finish. `closed`: the transport is gone.
 */
export type ConnectionState = 'handshaking' | 'open' | 'closing' | 'closed';

/**
 * ```
 * handshaking → open → closing → closed
 *      ├─────────────────┘         ↑
 *      └── the transport ended ────┘   (from any state)
 * ```
 * `#moveTo` is the one place that changes the state. The abort signal fires when `open` is left.
 */
export class HubConnection implements TransportListener, TickListener {
  readonly identity: ConnectionIdentity;
  readonly limits: ConnectionLimits;
  readonly inbound: InboundBuffer;
  /** Resolves when the transport is gone. */
  readonly closed: Promise<void>;
  /** Groups this connection is in, kept by the lifetime manager; absent while there are none. */
  groups: Set<string> | undefined;
  /** Called once, when the connection is no longer open; set by the hub. */
  onEnding: (() => void) | undefined;
  /** Called inside the send that fills half of the outbound queue; set by the hub. */
  onBackpressure: (() => void) | undefined;

  readonly #transport: Transport;
  readonly #queue: OutboundQueue;
  readonly #timers: ConnectionTimers;
  readonly #wallMs: () => number;
  readonly #onReplaced: () => void;
  #principal: ConnectionPrincipal;
  #state: ConnectionState = 'handshaking';
  #protocol: HubProtocol | undefined;
  #cause: CloseCause | undefined;
  #isHandshakeExpired = false;
  #isReading = false;
  /** Created on first use: most clients are never asked for a result. */
  #results: ClientResults | undefined;
  /** Created on first use: the signal of most connections is never used. */
  #abortController: AbortController | undefined;
  #resolveClosed: () => void = () => {};
  /** Streams and hub methods that wait in `flushed`. They are not listeners of the signal, because Node warns beyond ten of those. */
  readonly #flushing = new Set<() => void>();

  constructor(
    identity: ConnectionIdentity,
    principal: ConnectionPrincipal,
    dependencies: HubConnectionDependencies,
  ) {
    this.identity = identity;
    this.#principal = principal;
    this.limits = dependencies.limits;
    this.#transport = dependencies.transport;
    this.#wallMs = dependencies.wallMs;
    this.#onReplaced = dependencies.onReplaced;
    this.#queue = new OutboundQueue(dependencies.transport, dependencies.limits, () =>
      this.onBackpressure?.(),
    );
    this.#timers = new ConnectionTimers(dependencies.limits, dependencies.startedMs);
    this.inbound = new InboundBuffer(dependencies.limits.maximumInboundBufferBytes, {
      pause: () => this.#transport.pauseReading(),
      resume: () => this.#transport.resumeReading(),
    });
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  /** The client's identity according to its last authenticated request. The user id never changes. */
  get principal(): ConnectionPrincipal {
    return this.#principal;
  }

  get connectionId(): string {
    return this.identity.connectionId;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Set once the connection is over or about to be. */
  get cause(): CloseCause | undefined {
    return this.#cause;
  }

  /** True when the handshake took too long; the handshake code then answers and gives up. */
  get isHandshakeExpired(): boolean {
    return this.#isHandshakeExpired;
  }

  /** True while messages are read, so that an answer of the client can arrive. */
  get isReading(): boolean {
    return this.#isReading;
  }

  /** Calls that wait for this client's answer. */
  get results(): ClientResults {
    if (this.#results === undefined) {
      this.#results = new ClientResults(this.connectionId);
      if (this.#isEnding) this.#results.end();
    }
    return this.#results;
  }

  /** The client's hub protocol; undefined before the handshake is done. */
  get protocol(): HubProtocol | undefined {
    return this.#protocol;
  }

  get transport(): Transport {
    return this.#transport;
  }

  /** Aborted when the connection is no longer open. */
  get signal(): AbortSignal {
    if (this.#abortController === undefined) {
      this.#abortController = new AbortController();
      if (this.#isEnding) this.#abortController.abort();
    }
    return this.#abortController.signal;
  }

  /**
   * Adopts the claims and the expiry of a later request of the same user. Credentials that expire earlier than the present ones are
   * older: a request that was overtaken must not replace fresh ones.
   * @returns true when they last longer than those before
   */
  updatePrincipal(principal: ConnectionPrincipal): boolean {
    if (principal.userId !== this.#principal.userId) return false;
    const addedMs = extensionMs(this.#principal, principal);
    if (addedMs >= 0) this.#principal = principal;
    return addedMs > 0;
  }

  /** Begins to listen to the transport. */
  start(): void {
    this.#transport.start(this);
  }

  /** The handshake is done: from now on messages can be sent in this protocol. */
  open(protocol: HubProtocol, version: number): void {
    if (this.#state !== 'handshaking') return;
    this.#protocol = protocol;
    // Clients take part in stateful reconnect from version 2 on. An older one does not, even if it negotiated it.
    if (version >= 2) this.#transport.resumption?.begin(protocol);
    this.#moveTo('open');
  }

  /** The read loop has begun. */
  beginReading(): void {
    this.#isReading = true;
  }

  /**
   * Returns true when the hub has to act on the message. Messages of stateful reconnect are handled here.
   * @throws SignalRError `malformed_message`
   */
  accepts(message: HubMessage): boolean {
    return this.#transport.resumption?.accept(message) ?? true;
  }

  /** The client's answer to a call of the server. False when no call waits for it. */
  settleResult(invocationId: string, outcome: CompletionOutcome): boolean {
    return this.#results?.settle(invocationId, outcome) ?? false;
  }

  /** True while the client accepts nothing more, so that a stream should wait for {@link flushed}. */
  get isBlocked(): boolean {
    return this.#queue.isBlocked;
  }

  /** Bytes that the client has not accepted yet. */
  get waitingBytes(): number {
    return this.#queue.waitingBytes;
  }

  /** Writes the handshake response, which belongs to no hub protocol. */
  writeHandshake(response: EncodedMessage): void {
    if (this.#state === 'handshaking') this.#offer(response);
  }

  /** Closes a connection whose handshake failed, after everything written. */
  endHandshake(): void {
    if (this.#state !== 'handshaking') return;
    this.inbound.discard();
    this.#moveTo('closing');
    this.#queue.whenEmpty(() => this.#transport.close());
  }

  /**
   * Queues a message that many connections share, before it returns, in call order.
   * @param key where only the newest matters: the message replaces an older one of this key that still waits
   * @returns false when the connection is not open, or has just been found too slow
   * @throws SignalRError `unserializable`
   */
  send(message: SharedMessage, key?: string): boolean {
    if (this.#state !== 'open' || this.#protocol === undefined) return false;
    return this.#offer(message.encodedFor(this.#protocol), key);
  }

  /** Queues a message for this connection alone. As {@link HubConnection.send}. */
  write(message: HubMessage): boolean {
    if (this.#state !== 'open' || this.#protocol === undefined) return false;
    return this.#offer(encodeMessage(message, this.#protocol));
  }

  /** Resolves when nothing waits in the queue any more, or when the connection is ending. */
  flushed(): Promise<void> {
    if (this.#isEnding) return Promise.resolve();
    return new Promise((resolve) => {
      const finish = (): void => {
        this.#flushing.delete(finish);
        resolve();
      };
      this.#flushing.add(finish);
      this.#queue.whenEmpty(finish);
    });
  }

  /** Ends the connection as its reason's rule says. Only the first call counts. Never throws. */
  close(reason: CloseReason, error?: Error): void {
    if (this.#state === 'closing' || this.#state === 'closed') return;
    const rule = CLOSE_RULES[reason];
    this.#cause = { reason, error: rule.isError ? (error ?? describeReason(reason)) : undefined };
    this.inbound.discard();
    this.#writeCloseMessage(rule);
    this.#moveTo('closing');
    if (rule.discardsQueue) this.#transport.close();
    else this.#queue.whenEmpty(() => this.#transport.close());
    this.#transport.resumption?.stop();
  }

  /** Ends it at once, without a Close message; for a server that cannot wait any longer. */
  abort(): void {
    this.#transport.abort();
  }

  /** A client that has pinged once must continue to ping, so from now on its silence counts. */
  expectPings(): void {
    if (!this.#transport.hasInherentKeepAlive) this.#timers.expectPings();
  }

  /** Call when a hub method begins and ends: while it runs the client is not read, so its silence does not count. */
  setDispatching(isDispatching: boolean): void {
    this.#timers.setDispatching(isDispatching);
  }

  onBytes(bytes: Buffer): void {
    this.#timers.received();
    this.inbound.push(bytes);
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

  onClosed(isGraceful: boolean, error?: Error): void {
    if (this.#cause === undefined) {
      this.#cause = isGraceful
        ? { reason: 'client_closed', error: undefined }
        : { reason: 'transport_lost', error: error ?? describeReason('transport_lost') };
    }
    this.#moveTo('closed');
    this.#queue.discard();
    this.inbound.end();
    this.#resolveClosed();
  }

  onTick(nowMs: number): void {
    if (this.#state === 'open' && this.#isExpired) this.close('authentication_expired');
    const due = this.#timers.tick(nowMs, this.#state, {
      isAttached: this.#transport.isAttached,
      isBlocked: this.#queue.isBlocked,
      progress: this.#queue.progress,
    });
    switch (due) {
      case 'nothing':
        return;
      case 'ping':
        if (!this.#transport.hasInherentKeepAlive) this.send(PING);
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
        this.#transport.abort();
    }
  }

  get #isExpired(): boolean {
    const { expiresAtMs } = this.#principal;
    if (!this.limits.closeOnAuthenticationExpiration || expiresAtMs === undefined) return false;
    return this.#wallMs() >= expiresAtMs;
  }

  #offer(message: EncodedMessage, key?: string): boolean {
    this.#timers.sent();
    const offered = this.#queue.offer(message, key);
    if (offered === 'replaced') this.#onReplaced();
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
    if (rule.discardsQueue) this.#transport.write(message);
    else this.#queue.offerLast(message);
  }

  #moveTo(state: ConnectionState): void {
    this.#state = state;
    this.#timers.stateChanged();
    if (!this.#isEnding) return;
    this.#abortController?.abort();
    for (const finish of this.#flushing) finish();
    this.#results?.end();
    const { onEnding } = this;
    this.onEnding = undefined;
    onEnding?.();
  }

  get #isEnding(): boolean {
    return this.#state === 'closing' || this.#state === 'closed';
  }
}

/** Constructor dependencies of {@link HubConnection}. */
export interface HubConnectionDependencies {
  readonly transport: Transport;
  readonly limits: ConnectionLimits;
  /** The monotonic time at which the connection began. */
  readonly startedMs: number;
  /** Milliseconds since 1970, for the expiry of credentials. */
  readonly wallMs: () => number;
  /** A message was not sent because a newer one of its key came before the client had room for it. */
  readonly onReplaced: () => void;
}
