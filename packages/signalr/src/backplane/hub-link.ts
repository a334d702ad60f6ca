/*
 * One hub of one instance, linked with the same hub of all others: what each message means, and what is said when.
 */
import { canceled, unknownConnection } from '../connection/call-errors.js';
import type { Ticker, Ticking } from '../connection/ticker.js';
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
import { BackplaneLine } from './backplane-connection.js';
import type { Answer, BackplaneMessage, MessageOf, Request } from './backplane-message.js';
import type { HubBackplane } from './hub-backplane.js';
import { Presence } from './presence.js';
import { type QuestionListener, Questions, unavailable } from './pending-queries.js';
import { RemoteCalls } from './remote-calls.js';
import { randomId, Speaker } from './backplane-sender.js';

/** Further versions are not told one by one: there are hardly two at a time. */
const MAXIMUM_VERSIONS = 16;

/** Numbers of a link. */
export interface LinkLimits {
  /** Between two signs of life; kept to within one tick. */
  readonly heartbeatIntervalMs: number;
  /** How long a question may take. */
  readonly answerTimeoutMs: number;
  /** Bytes that were published and not taken by the backplane yet; what would exceed them is not published. */
  readonly maximumBytes: number;
}

/** What a link is made of. */
export interface LinkParts {
  readonly backplane: HubBackplane;
  readonly limits: LinkLimits;
  /** The path the hub is mapped to, and its key, which is the same on all instances. */
  readonly hub: string;
  readonly channel: string;
  readonly manager: HubLifetimeManager;
  readonly protocols: readonly HubProtocol[];
  readonly ticker: Ticker;
  readonly onEvent: SignalREventListener;
}

/**
 * Subscribes from `start` to `close`. Sends go to one channel that all instances of the hub listen to, each to find its own
 * receivers: so a connection that has just joined a group is reached by the very next send from anywhere.
 */
export class HubLink implements RemoteHub, Ticking {
  readonly #parts: LinkParts;
  readonly #speaker: Speaker;
  readonly #line: BackplaneLine;
  readonly #presence: Presence;
  readonly #questions: Questions;
  readonly #calls: RemoteCalls;
  /** Versions that this one does not know, and that were told; see `MAXIMUM_VERSIONS`. */
  readonly #unknownVersions = new Set<number>();
  #lastCheckMs = 0;
  #isClosed = false;

  constructor(parts: LinkParts) {
    this.#parts = parts;
    this.#speaker = new Speaker({
      channel: parts.channel,
      publish: (channel, message) => this.#line.publish(channel, message),
      onFailed: (error) => parts.onEvent({ type: 'backplane_publish_failed', hub: parts.hub, error }),
    });
    this.#line = this.#createLine();
    this.#presence = this.#createPresence();
    this.#questions = new Questions({
      timeoutMs: parts.limits.answerTimeoutMs,
      isComplete: () => this.#presence.isComplete,
    });
    this.#calls = new RemoteCalls(this.#speaker, parts.protocols);
  }

  get state(): 'up' | 'down' {
    return this.#presence.isUp && !this.#isClosed ? 'up' : 'down';
  }

  /** Begins to listen, and to be heard. */
  start(): void {
    const { ticker } = this.#parts;
    ticker.add(this);
    this.#lastCheckMs = ticker.exactNowMs();
    this.#line.open(ticker.exactNowMs());
  }

  /** Says goodbye and stops listening; what waits is rejected with `server_closed`. Never rejects. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#parts.ticker.remove(this);
    this.#questions.failAll(closed());
    this.#calls.failAll(closed());
    await this.#presence.close();
    await this.#line.close();
  }

  send(address: Address, message: SharedMessage, key: string | undefined): void {
    if (this.#isClosed) return;
    this.#speaker.broadcast({ kind: 'send', address, key, encodings: this.#encode(message) });
  }

  async invoke(connectionId: string, call: Call, signal: AbortSignal | undefined): Promise<unknown> {
    if (signal?.aborted === true) throw canceled();
    this.#checkCanAsk();
    const id = randomId();
    const message = new SerializedHubMessage({ type: MessageType.invocation, invocationId: id, ...call });
    const request: Request = { kind: 'invoke', encodings: this.#encode(message) };
    const answer = this.#calls.start({ id, connectionId }, signal, () => this.#questions.forget(id));
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
    this.#line.tick(nowMs);
    this.#presence.tick(nowMs);
    this.#questions.tick(nowMs);
    if (nowMs - this.#lastCheckMs < this.#parts.limits.answerTimeoutMs) return;
    this.#lastCheckMs = nowMs;
    this.#calls.check();
  }

  #createLine(): BackplaneLine {
    const { backplane, channel, limits } = this.#parts;
    return new BackplaneLine({
      backplane,
      channels: new Map([
        [this.#speaker.ownChannel, (message) => this.#onDirect(message)],
        [channel, (message) => this.#onBroadcast(message)],
      ]),
      maximumBytes: limits.maximumBytes,
      retryMs: limits.heartbeatIntervalMs,
      onOpen: () => this.#presence.open(),
    });
  }

  #createPresence(): Presence {
    const { hub, limits, onEvent, ticker } = this.#parts;
    const parts = {
      hub,
      heartbeatIntervalMs: limits.heartbeatIntervalMs,
      speaker: this.#speaker,
      onEvent,
      onAppeared: (peer: string) => this.#questions.peerAppeared(peer),
      onGone: (peer: string) => {
        this.#questions.peerGone(peer);
        this.#calls.peerGone(peer);
      },
      onDown: () =>
        this.#questions.failAll(unavailable('The backplane went away before the question was answered.')),
      lastError: () => this.#line.error,
    };
    return new Presence(parts, ticker.exactNowMs());
  }

  /** @throws SignalRError `backplane_unavailable`, `server_closed` */
  #checkCanAsk(): void {
    if (this.#isClosed) throw closed();
    if (!this.#presence.isUp)
      throw unavailable('The other instances cannot be asked: the backplane is away.');
    if (this.#questions.isFull)
      throw unavailable('Too many questions wait for an answer of the other instances.');
  }

  #ask(id: string, connectionId: string, request: Request, listener: QuestionListener): void {
    const nowMs = this.#parts.ticker.exactNowMs();
    if (!this.#questions.ask(id, this.#presence.peers(), nowMs, listener)) return;
    this.#speaker.broadcast({ kind: 'question', id, connectionId, request }, (cause) =>
      this.#questions.fail(id, unavailable('The other instances could not be asked.', cause)),
    );
  }

  /** @throws SignalRError `unserializable` */
  #encode(message: SharedMessage): Encodings {
    return new Map(
      this.#parts.protocols.map((protocol) => [protocol.name, message.encodedFor(protocol).payload]),
    );
  }

  #onBroadcast(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    const decoded = decodeBackplaneMessage(bytes);
    const head = decoded.message ?? decoded.head;
    // Its receivers here have had it first.
    if (head?.sender === this.#speaker.id) return this.#presence.heardSelf();
    const reason = head && this.#presence.heard(head, decoded.message?.kind);
    if (reason !== undefined) this.#ignore(reason);
    else this.#act(decoded);
  }

  #onDirect(bytes: Uint8Array): void {
    if (!this.#isClosed) this.#act(decodeBackplaneMessage(bytes));
  }

  /** Never throws, whatever the message holds. */
  #act(decoded: Decoded): void {
    if (decoded.message === undefined) {
      if (decoded.version !== undefined) this.#noteVersion(decoded.version);
      return this.#ignore(decoded.reason);
    }
    try {
      this.#dispatch(decoded.message);
    } catch {
      // Bytes inside of it are no message of a hub protocol; what they are is not to be told.
      this.#ignore('malformed');
    }
  }

  #dispatch(message: BackplaneMessage): void {
    const { manager, protocols } = this.#parts;
    switch (message.kind) {
      case 'hello':
        return this.#presence.onHello(message);
      case 'bye':
        return this.#presence.onBye(message);
      case 'send': {
        const { address, encodings, key } = message;
        manager.send(address, new RelayedMessage(encodings, protocols), key);
        return;
      }
      case 'question':
        return this.#onQuestion(message);
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

  #onQuestion({ sender, id, connectionId, request }: MessageOf<'question'>): void {
    const { manager, protocols } = this.#parts;
    const answer = (text: Answer): void => this.#speaker.tell(sender, { kind: 'answer', id, answer: text });
    const connection = manager.connection(connectionId);
    if (connection === undefined) return answer('elsewhere');
    if (request.kind !== 'invoke')
      return answer(manager.request(connectionId, request) ? 'done' : 'not_done');
    const message = new RelayedMessage(request.encodings, protocols);
    if (this.#calls.serve(id, sender, connection, message)) answer('done');
  }

  #onAnswer({ sender, id, answer }: MessageOf<'answer'>): void {
    if (answer === 'elsewhere') return this.#questions.notFound(id, sender);
    // A question that is no longer open may have been a call: then the client need not answer any more.
    if (!this.#questions.found(id, sender, answer === 'done')) this.#calls.called(id, sender);
  }

  /** The client could not be called, or was and will not answer. */
  #onFailure({ id, code, text }: MessageOf<'failure'>): void {
    const error = new SignalRError(code, text);
    if (!this.#questions.fail(id, error)) this.#calls.fail(id, error);
  }

  #noteVersion(version: number): void {
    if (this.#unknownVersions.has(version) || this.#unknownVersions.size >= MAXIMUM_VERSIONS) return;
    this.#unknownVersions.add(version);
    const { hub, onEvent } = this.#parts;
    onEvent({ type: 'backplane_version_unknown', hub, version });
  }

  #ignore(reason: BackplaneIgnoreReason): void {
    const { hub, onEvent } = this.#parts;
    onEvent({ type: 'backplane_message_ignored', hub, reason });
  }
}

function closed(): SignalRError {
  return new SignalRError('server_closed', 'The server has been closed.');
}
