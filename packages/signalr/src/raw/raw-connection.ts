/* A raw connection as its handler sees it: received messages, sent messages, and facts about the client. */
import type { HubConnection } from '../connection/hub-connection.js';
import type { RequestInfo } from '../connection/request-info.js';
import { SignalRError } from '../errors.js';
import { EncodedMessage, HEADROOM_BYTES, textWithHeadroom } from '../protocol/encoded-message.js';
import type { TransferFormat } from '../protocol/hub-protocol.js';
import type { TransportName } from '../protocol/negotiate.js';
import type { RawInput, RawMessage } from './raw-input.js';

/**
 * A connection without a hub protocol, for the handler of `mapConnection`. Iterate over it to read the client's messages:
 * `for await (const message of connection)`. A string is text, a `Uint8Array` is binary. Each WebSocket message and each POST
 * is one message, in the order of arrival.
 *
 * The iteration ends when the connection ends, and never throws. At most `maximumInboundBufferBytes` wait for the handler.
 * The server then stops reading from the client. All iterators share the messages.
 * @typeParam User the type of `user` in the result of `authenticate`
 * @beta
 */
export interface RawConnection<User = undefined> extends AsyncIterable<string | Uint8Array> {
  /** The path that the handler is mapped to. */
  readonly path: string;
  /** The id of the connection. The id is public, so other clients may see it. */
  readonly connectionId: string;
  /** The id that `authenticate` returned, or null for an anonymous connection. */
  readonly userId: string | null;
  readonly user: User;
  /** The transport of the connection. */
  readonly transport: TransportName;
  /** The formats that the transport carries. Server-sent events carry only text. */
  readonly transferFormats: readonly ('text' | 'binary')[];
  readonly request: RequestInfo;
  /** Aborted as soon as the connection begins to end. */
  readonly signal: AbortSignal;
  /**
   * Sends a message: a string as text, bytes as binary. The message is queued before `send` returns. Therefore messages keep
   * the order of the calls, and the bytes may be changed afterwards. The client receives it as one message. Over server-sent
   * events, all line breaks arrive as line feeds.
   *
   * Resolves when the transport has accepted the message and has room for another one. A handler that awaits every `send`
   * never fills the queue. Without waiting, a client that reads too slowly is closed (`maximumOutboundBytes`,
   * `maximumOutboundMessages`). A rejection that nobody handles has no effect.
   * @throws SignalRError `disconnected` (as a rejection) if the connection has ended. The client may have received the
   *   message
   * @throws SignalRError `invalid_argument` (synchronously) for bytes over server-sent events, and for any other type
   */
  send(message: string | Uint8Array): Promise<void>;
  /**
   * Ends the connection after all queued messages have been sent. Messages that the handler has not read are dropped. Later
   * calls have no effect.
   * @param error if present, the connection ends with the reason `handler_failed`, and a WebSocket closes with code 1011.
   *   Only `onEvent` receives the error
   */
  close(error?: Error): void;
}

/**
 * Serves one raw connection. The connection is closed when the handler returns. It is also closed when the handler throws,
 * and the error is reported as `handler_failed`. The handler should return soon after `signal` is aborted, because `close` of
 * the server waits for it.
 * @beta
 */
export type ConnectionHandler<User = undefined> = (connection: RawConnection<User>) => void | Promise<void>;

/** See {@link RawConnection}. */
export class ClientRawConnection<User> implements RawConnection<User> {
  readonly path: string;
  readonly request: RequestInfo;
  readonly #connection: HubConnection;
  readonly #input: RawInput;
  /** Resolves when all reads so far have resolved. The input allows only one read at a time. */
  #lastRead: Promise<unknown> = Promise.resolve();

  constructor(connection: HubConnection, input: RawInput, request: RequestInfo) {
    this.path = connection.identity.hub;
    this.request = request;
    this.#connection = connection;
    this.#input = input;
  }

  get connectionId(): string {
    return this.#connection.connectionId;
  }

  get userId(): string | null {
    return this.#connection.principal.userId;
  }

  get user(): User {
    // The cast is safe: the endpoint's own `authenticate` returned the user, and `mapConnection` checks the type of its result.
    return this.#connection.principal.user as User;
  }

  get transport(): TransportName {
    return this.#connection.identity.transport;
  }

  get transferFormats(): readonly TransferFormat[] {
    return this.#connection.transport.formats;
  }

  get signal(): AbortSignal {
    return this.#connection.signal;
  }

  send(message: string | Uint8Array): Promise<void> {
    const sent = this.#deliver(this.#encode(message));
    sent.catch(() => {}); // A handler that does not wait for messages learns from the signal that the connection has ended.
    return sent;
  }

  close(error?: Error): void {
    if (error === undefined) this.#connection.close('aborted');
    else this.#connection.close('handler_failed', error);
  }

  [Symbol.asyncIterator](): AsyncIterator<RawMessage, undefined, undefined> {
    return { next: () => this.#next() };
  }

  #next(): Promise<IteratorResult<RawMessage, undefined>> {
    const read = this.#lastRead.then(async (): Promise<IteratorResult<RawMessage, undefined>> => {
      const message = await this.#input.read();
      return message === undefined ? { done: true, value: undefined } : { done: false, value: message };
    });
    this.#lastRead = read;
    return read;
  }

  #encode(message: unknown): EncodedMessage {
    if (typeof message === 'string')
      return new EncodedMessage(textWithHeadroom(message), 'text', false, true);
    if (!(message instanceof Uint8Array)) {
      throw new SignalRError(
        'invalid_argument',
        `A message must be a string or a Uint8Array, not ${typeof message}.`,
      );
    }
    if (!this.transferFormats.includes('binary')) {
      throw new SignalRError(
        'invalid_argument',
        'Server-sent events carry only text: send a string, or map the path with the transports WebSockets and LongPolling.',
      );
    }
    const buffer = Buffer.allocUnsafe(HEADROOM_BYTES + message.length);
    buffer.set(message, HEADROOM_BYTES);
    return new EncodedMessage(buffer.subarray(HEADROOM_BYTES), 'binary', false, true);
  }

  async #deliver(message: EncodedMessage): Promise<void> {
    const isQueued = this.#connection.writeRaw(message);
    if (isQueued && this.#connection.isBlocked) await this.#connection.writable();
    if (isQueued && this.#connection.state === 'open') return;
    const cause = this.#connection.cause?.error;
    throw new SignalRError(
      'disconnected',
      'The connection has ended. The client may not have received the message.',
      cause && { cause },
    );
  }
}
