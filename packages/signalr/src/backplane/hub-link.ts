/*
 * Links one hub of one instance with the same hub on all other instances: handles their messages, and sends messages to them.
 */
import { canceled, unknownConnection } from '../connection/call-errors.js';
import type { Ticker, TickListener } from '../connection/ticker.js';
import { SignalRError } from '../errors.js';
import type { BackplaneIgnoreReason, SignalREventListener } from '../events.js';
import type { Address } from '../hub/address.js';
import type { Call, ConnectionRequest } from '../hub/connection-request.js';
import type { HubLifetimeManager } from '../hub/hub-lifetime-manager.js';
import type { RemoteHub } from '../hub/remote-hub.js';
import { MessageType } from '../protocol/hub-message.js';
import type { HubProtocol } from '../protocol/hub-protocol.js';
import { type Encodings, RelayedMessage } from '../protocol/relayed-message.js';
import { SerializedHubMessage, type SharedMessage } from '../protocol/serialized-hub-message.js';
import { type Decoded, decodeBackplaneMessage } from './backplane-codec.js';
import { BackplaneConnection } from './backplane-connection.js';
import type { Answer, BackplaneMessage, MessageOf, Request } from './backplane-message.js';
import { BackplaneSender, randomId } from './backplane-sender.js';
import type { HubBackplane } from './hub-backplane.js';
import { PendingQueries, type QueryListener, unavailable } from './pending-queries.js';
import { Presence } from './presence.js';
import { RemoteCalls } from './remote-calls.js';

/** Maximum number of unknown format versions that are reported. Each version is reported once. */
const MAXIMUM_VERSIONS = 16;

/** The limits of the link between a hub and the other instances. */
export interface HubLinkLimits {
  /** Interval between two heartbeats, accurate to one tick. */
  readonly heartbeatIntervalMs: number;
  /** Maximum time to wait for the answers to a query. */
  readonly answerTimeoutMs: number;
  /**
   * Maximum number of published bytes that the backplane has not accepted yet. A message that would exceed this limit is not
   * published.
   */
  readonly maximumBytes: number;
}

/** Constructor dependencies of {@link HubLink}. */
export interface HubLinkDependencies {
  readonly backplane: HubBackplane;
  readonly limits: HubLinkLimits;
  /** `hub` is the path that the hub is mapped to. `channel` is the `pathKey` of that path, which is the same on all instances. */
  readonly hub: string;
  readonly channel: string;
  readonly manager: HubLifetimeManager;
  readonly protocols: readonly HubProtocol[];
  readonly ticker: Ticker;
  readonly onEvent: SignalREventListener;
}

/**
 * Connects a hub to the same hub on the other instances, from `start` to `close`. All instances subscribe to the same channel
 * for sends. Each instance looks up the receivers among its own connections. Therefore a connection receives the sends of all
 * instances as soon as it has joined a group.
 */
export class HubLink implements RemoteHub, TickListener {
  readonly #dependencies: HubLinkDependencies;
  readonly #sender: BackplaneSender;
  readonly #connection: BackplaneConnection;
  readonly #presence: Presence;
  readonly #queries: PendingQueries;
  readonly #calls: RemoteCalls;
  /** The unknown format versions that have been reported, at most `MAXIMUM_VERSIONS`. */
  readonly #unknownVersions = new Set<number>();
  #lastCheckMs = 0;
  #isClosed = false;

  constructor(dependencies: HubLinkDependencies) {
    this.#dependencies = dependencies;
    this.#sender = new BackplaneSender({
      channel: dependencies.channel,
      publish: (channel, message) => this.#connection.publish(channel, message),
      onFailed: (error) =>
        dependencies.onEvent({ type: 'backplane_publish_failed', hub: dependencies.hub, error }),
    });
    this.#connection = this.#createConnection();
    this.#presence = this.#createPresence();
    this.#queries = new PendingQueries({
      timeoutMs: dependencies.limits.answerTimeoutMs,
      isComplete: () => this.#presence.isComplete,
    });
    this.#calls = new RemoteCalls(this.#sender, dependencies.protocols);
  }

  get state(): 'up' | 'down' {
    return this.#presence.isUp && !this.#isClosed ? 'up' : 'down';
  }

  start(): void {
    const { ticker } = this.#dependencies;
    ticker.add(this);
    this.#lastCheckMs = ticker.monotonicMs();
    this.#connection.open(ticker.monotonicMs());
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#dependencies.ticker.remove(this);
    this.#queries.failAll(closed());
    this.#calls.failAll(closed());
    await this.#presence.close();
    await this.#connection.close();
  }

  send(address: Address, message: SharedMessage, key: string | undefined): void {
    if (this.#isClosed) return;
    this.#sender.broadcast({ kind: 'send', address, key, encodings: this.#encode(message) });
  }

  async invoke(connectionId: string, call: Call, signal: AbortSignal | undefined): Promise<unknown> {
    if (signal?.aborted === true) throw canceled();
    this.#checkCanAsk();
    const id = randomId();
    const message = new SerializedHubMessage({ type: MessageType.invocation, invocationId: id, ...call });
    const request: Request = { kind: 'invoke', encodings: this.#encode(message) };
    const answer = this.#calls.start({ id, connectionId }, signal, () => this.#queries.forget(id));
    this.#ask(id, connectionId, request, {
      onFound: (peer) => this.#calls.called(id, peer),
      onNobody: () => this.#calls.fail(id, unknownConnection(connectionId)),
      onFailed: (error) => this.#calls.fail(id, error),
    });
    return answer;
  }

  async request(connectionId: string, request: ConnectionRequest): Promise<boolean> {
    this.#checkCanAsk();
    return new Promise((resolve, reject) => {
      this.#ask(randomId(), connectionId, request, {
        onFound: (_peer, isDone) => resolve(isDone),
        onNobody: () => resolve(false),
        onFailed: reject,
      });
    });
  }

  onTick(nowMs: number): void {
    this.#connection.tick(nowMs);
    this.#presence.tick(nowMs);
    this.#queries.tick(nowMs);
    if (nowMs - this.#lastCheckMs < this.#dependencies.limits.answerTimeoutMs) return;
    this.#lastCheckMs = nowMs;
    this.#calls.check();
  }

  #createConnection(): BackplaneConnection {
    const { backplane, channel, limits } = this.#dependencies;
    return new BackplaneConnection({
      backplane,
      channels: new Map([
        [this.#sender.ownChannel, (message) => this.#onDirect(message)],
        [channel, (message) => this.#onBroadcast(message)],
      ]),
      maximumBytes: limits.maximumBytes,
      retryMs: limits.heartbeatIntervalMs,
      onOpen: () => this.#presence.open(),
    });
  }

  #createPresence(): Presence {
    const { hub, limits, onEvent, ticker } = this.#dependencies;
    const dependencies = {
      hub,
      heartbeatIntervalMs: limits.heartbeatIntervalMs,
      sender: this.#sender,
      onEvent,
      onAppeared: (peer: string) => this.#queries.peerAppeared(peer),
      onGone: (peer: string) => {
        this.#queries.peerGone(peer);
        this.#calls.peerGone(peer);
      },
      onDown: () =>
        this.#queries.failAll(
          unavailable('The backplane became unreachable before the other instances had answered.'),
        ),
      lastError: () => this.#connection.error,
    };
    return new Presence(dependencies, ticker.monotonicMs());
  }

  /** @throws SignalRError `backplane_unavailable`, `server_closed` */
  #checkCanAsk(): void {
    if (this.#isClosed) throw closed();
    if (!this.#presence.isUp)
      throw unavailable('The other instances cannot be asked: the backplane is unreachable.');
    if (this.#queries.isFull)
      throw unavailable('Too many queries wait for an answer of the other instances.');
  }

  #ask(id: string, connectionId: string, request: Request, listener: QueryListener): void {
    const nowMs = this.#dependencies.ticker.monotonicMs();
    if (!this.#queries.ask(id, this.#presence.peers(), nowMs, listener)) return;
    this.#sender.broadcast({ kind: 'query', id, connectionId, request }, (cause) =>
      this.#queries.fail(id, unavailable('The other instances could not be asked.', cause)),
    );
  }

  /** @throws SignalRError `unserializable` */
  #encode(message: SharedMessage): Encodings {
    return new Map(
      this.#dependencies.protocols.map((protocol) => [protocol.name, message.encodedFor(protocol).payload]),
    );
  }

  #onBroadcast(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    const decoded = decodeBackplaneMessage(bytes);
    const head = decoded.message ?? decoded.head;
    // The message comes from this instance, so its receivers here already have it.
    if (head?.sender === this.#sender.id) return this.#presence.receivedOwnMessage();
    const reason = head && this.#presence.received(head, decoded.message?.kind);
    if (reason !== undefined) this.#ignore(reason);
    else this.#act(decoded);
  }

  #onDirect(bytes: Uint8Array): void {
    if (!this.#isClosed) this.#act(decodeBackplaneMessage(bytes));
  }

  /** Handles a message. Never throws for any content. */
  #act(decoded: Decoded): void {
    if (decoded.message === undefined) {
      if (decoded.version !== undefined) this.#noteVersion(decoded.version);
      return this.#ignore(decoded.reason);
    }
    try {
      this.#dispatch(decoded.message);
    } catch {
      // The bytes inside the message are not valid in a hub protocol. The error is dropped, because it may contain some of
      // them, and the content of a message must not reach logs.
      this.#ignore('malformed');
    }
  }

  #dispatch(message: BackplaneMessage): void {
    const { manager, protocols } = this.#dependencies;
    switch (message.kind) {
      case 'announce':
        return this.#presence.onAnnounce(message);
      case 'leave':
        return this.#presence.onLeave(message);
      case 'send': {
        const { address, encodings, key } = message;
        manager.send(address, new RelayedMessage(encodings, protocols), key);
        return;
      }
      case 'query':
        return this.#onQuery(message);
      case 'answer':
        return this.#onAnswer(message);
      case 'failure':
        return this.#onFailure(message);
      case 'completion':
      case 'cancel':
      case 'check':
      case 'missing':
        return this.#calls.take(message);
    }
  }

  #onQuery({ sender, id, connectionId, request }: MessageOf<'query'>): void {
    const { manager, protocols } = this.#dependencies;
    const answer = (text: Answer): void => this.#sender.sendTo(sender, { kind: 'answer', id, answer: text });
    const connection = manager.connection(connectionId);
    if (connection === undefined) return answer('elsewhere');
    if (request.kind !== 'invoke')
      return answer(manager.request(connectionId, request) ? 'done' : 'not_done');
    const message = new RelayedMessage(request.encodings, protocols);
    if (this.#calls.serve(id, sender, connection, message)) answer('done');
  }

  #onAnswer({ sender, id, answer }: MessageOf<'answer'>): void {
    if (answer === 'elsewhere') return this.#queries.notFound(id, sender);
    // The caller of a query that is no longer pending may have canceled. `called` then tells the peer that no answer is
    // needed.
    if (!this.#queries.found(id, sender, answer === 'done')) this.#calls.called(id, sender);
  }

  /** Handles a failed call: the client could not be called, or will never answer. */
  #onFailure({ id, code, text }: MessageOf<'failure'>): void {
    const error = new SignalRError(code, text);
    if (!this.#queries.fail(id, error)) this.#calls.fail(id, error);
  }

  #noteVersion(version: number): void {
    if (this.#unknownVersions.has(version) || this.#unknownVersions.size >= MAXIMUM_VERSIONS) return;
    this.#unknownVersions.add(version);
    const { hub, onEvent } = this.#dependencies;
    onEvent({ type: 'backplane_version_unknown', hub, version });
  }

  #ignore(reason: BackplaneIgnoreReason): void {
    const { hub, onEvent } = this.#dependencies;
    onEvent({ type: 'backplane_message_ignored', hub, reason });
  }
}

function closed(): SignalRError {
  return new SignalRError('server_closed', 'The server has been closed.');
}
