/*
 * One client's connection: its identity, its state, and the ways to write to it and to end it.
 * The story of its life is in run-hub-connection.ts; what its messages do is the hub's.
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
import { CLOSE_RULES, type CloseReason, type CloseRule, describeReason } from './close-reason.js';
import type { ConnectionLimits } from './connection-limits.js';
import { ConnectionTimers } from './connection-timers.js';
import { buildErrorText } from './error-text.js';
import { InboundBuffer } from './inbound-buffer.js';
import { OutboundQueue } from './outbound-queue.js';
import type { Ticking } from './ticker.js';

/** Encoded once for all connections of the process. */
const PING = new SerializedHubMessage({ type: MessageType.ping });

/** Who the client is, as far as the hub is told. */
export interface ConnectionPrincipal {
  readonly userId: string | null;
  readonly user: unknown;
  /** When the credentials expire, in milliseconds since 1970. */
  readonly expiresAtMs?: number;
}

/** How a connection ended. The error is what `onDisconnected` is given. */
export interface CloseCause {
  readonly reason: CloseReason;
  readonly error: Error | undefined;
}

/**
 * `handshaking`: only the handshake answer is written. `open`: messages go both ways. `closing`: the Close
 * message was the last one; the queue and the transport come to their end. `closed`: the transport is gone.
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
export class HubConnection implements TransportListener, Ticking {
  readonly identity: ConnectionIdentity;
  readonly limits: ConnectionLimits;
  readonly inbound: InboundBuffer;
  /** Resolves when the transport is gone. */
  readonly closed: Promise<void>;
  /** Groups this connection is in, kept by the lifetime manager; absent while there are none. */
  groups: Set<string> | undefined;
  /** Called once, when the connection is no longer open; set by the hub. */
  onEnding: (() => void) | undefined;
  /** Called in the send by which half of what may wait for the client does wait; set by the hub. */
  onBackpressure: (() => void) | undefined;

  readonly #transport: Transport;
  readonly #queue: OutboundQueue;
  readonly #timers: ConnectionTimers;
  readonly #unixTimeMs: () => number;
  readonly #onReplaced: () => void;
  #principal: ConnectionPrincipal;
  #state: ConnectionState = 'handshaking';
  #protocol: HubProtocol | undefined;
  #cause: CloseCause | undefined;
  #isHandshakeExpired = false;
  #isReading = false;
  /** Made on first use: most clients are never asked for a result. */
  #results: ClientResults | undefined;
  /** Made on first use: most connections never ask for their signal. */
  #abortController: AbortController | undefined;
  #resolveClosed: () => void = () => {};
  /** Those who wait in `flushed`: streams, and hub methods. Not the signal's listeners, of which Node warns beyond ten. */
  readonly #flushing = new Set<() => void>();

  constructor(identity: ConnectionIdentity, principal: ConnectionPrincipal, parts: ConnectionParts) {
    this.identity = identity;
    this.#principal = principal;
    this.limits = parts.limits;
    this.#transport = parts.transport;
    this.#unixTimeMs = parts.unixTimeMs;
    this.#onReplaced = parts.onReplaced;
    this.#queue = new OutboundQueue(parts.transport, parts.limits, () => this.onBackpressure?.());
    this.#timers = new ConnectionTimers(parts.limits, parts.nowMs);
    this.inbound = new InboundBuffer(parts.limits.maximumInboundBufferBytes, {
      pause: () => this.#transport.pauseReading(),
      resume: () => this.#transport.resumeReading(),
    });
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  /** Who the client is, as its last authenticated request said. The user id never changes. */
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

  /** Whether the handshake took too long; the handshake then answers and gives up. */
  get isHandshakeExpired(): boolean {
    return this.#isHandshakeExpired;
  }

  /** Whether messages are read, so that an answer of the client would be heard. */
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

  /** What the client speaks; undefined before the handshake is done. */
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
   * Takes over what a later request of the same user said: fresher claims, a later expiry. Credentials that expire
   * earlier than those it has are older: a request that was overtaken must not take fresh ones back.
   * @returns whether they last longer than those it had
   */
  updatePrincipal(principal: ConnectionPrincipal): boolean {
    if (principal.userId !== this.#principal.userId) return false;
    const [newMs, knownMs] = [principal.expiresAtMs ?? Infinity, this.#principal.expiresAtMs ?? Infinity];
    if (newMs >= knownMs) this.#principal = principal;
    return newMs > knownMs;
  }

  /** Begins to listen to the transport. */
  start(): void {
    this.#transport.start(this);
  }

  /** The handshake is done: from now on messages can be sent in this protocol. */
  open(protocol: HubProtocol, version: number): void {
    if (this.#state !== 'handshaking') return;
    this.#protocol = protocol;
    // Clients take part in stateful reconnect from version 2 on; an older one has negotiated it in vain.
    if (version >= 2) this.#transport.resumption?.begin(protocol);
    this.#moveTo('open');
  }

  /** The read loop has begun. */
  beginReading(): void {
    this.#isReading = true;
  }

  /**
   * Whether a message is to be acted on; what concerns stateful reconnect alone is done here.
   * @throws SignalRError `malformed_message`
   */
  accepts(message: HubMessage): boolean {
    return this.#transport.resumption?.accept(message) ?? true;
  }

  /** The client's answer to a call of ours. False when nobody waits for it. */
  settleResult(invocationId: string, outcome: CompletionOutcome): boolean {
    return this.#results?.settle(invocationId, outcome) ?? false;
  }

  /** Whether the client takes nothing more at the moment, so that a stream should wait for {@link flushed}. */
  get isBlocked(): boolean {
    return this.#queue.isBlocked;
  }

  /** Bytes that wait for the client because it has not taken them yet. */
  get waitingBytes(): number {
    return this.#queue.waitingBytes;
  }

  /** Writes the handshake answer, which belongs to no hub protocol. */
  writeHandshake(response: EncodedMessage): void {
    if (this.#state === 'handshaking') this.#offer(response);
  }

  /** Gives up a connection whose handshake failed, after what was written. */
  endHandshake(): void {
    if (this.#state !== 'handshaking') return;
    this.inbound.discard();
    this.#moveTo('closing');
    this.#queue.whenEmpty(() => this.#transport.close());
  }

  /**
   * Queues a message that many connections share, before it returns, in call order.
   * @param key where only the newest matters: it takes the place of an older one of this key that still waits
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
    this.#sayGoodbye(rule);
    this.#moveTo('closing');
    if (rule.discardsQueue) this.#transport.close();
    else this.#queue.whenEmpty(() => this.#transport.close());
    this.#transport.resumption?.stop();
  }

  /** Ends it at once, without a word; for a server that cannot wait any longer. */
  abort(): void {
    this.#transport.abort();
  }

  /** A client that has pinged once is expected to go on, so from now on its silence counts. */
  expectPings(): void {
    if (!this.#transport.hasInherentKeepAlive) this.#timers.expectPings();
  }

  /** Tells when a hub method begins and ends: while it runs we do not listen, so silence does not count. */
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
    return this.#unixTimeMs() >= expiresAtMs;
  }

  #offer(message: EncodedMessage, key?: string): boolean {
    this.#timers.sent();
    const offered = this.#queue.offer(message, key);
    if (offered === 'replaced') this.#onReplaced();
    if (offered !== 'overflow') return true;
    this.close('slow_consumer');
    return false;
  }

  #sayGoodbye(rule: CloseRule): void {
    const message = this.#closeMessage(rule);
    if (rule.discardsQueue) this.#queue.discard();
    if (message === undefined) return;
    if (rule.discardsQueue) this.#transport.write(message);
    else this.#queue.offerLast(message);
  }

  #closeMessage(rule: CloseRule): EncodedMessage | undefined {
    if (this.#state !== 'open' || this.#protocol === undefined || rule.message === 'none') return undefined;
    const error =
      rule.message === 'error'
        ? buildErrorText(
            'Connection closed with an error.',
            this.#cause?.error,
            this.limits.enableDetailedErrors,
          )
        : undefined;
    const close = { type: MessageType.close, allowReconnect: rule.allowReconnect };
    return encodeMessage(error === undefined ? close : { ...close, error }, this.#protocol);
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

/** What a connection is made of besides its identity. */
export interface ConnectionParts {
  readonly transport: Transport;
  readonly limits: ConnectionLimits;
  readonly nowMs: number;
  /** Milliseconds since 1970, for the expiry of credentials. */
  readonly unixTimeMs: () => number;
  /** A message was not sent because a newer one of its key came before the client had room for it. */
  readonly onReplaced: () => void;
}
