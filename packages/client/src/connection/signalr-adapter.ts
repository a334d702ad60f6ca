// Connections over the official SignalR client. No other file imports the official client.
import {
  type CompletionMessage,
  type HubConnection,
  HubConnectionBuilder,
  type HubMessage,
  type IHttpConnectionOptions,
  type IHubProtocol,
  type ILogger,
  type InvocationMessage,
  JsonHubProtocol,
  LogLevel,
  MessageType,
} from '@microsoft/signalr';
import { ClientError } from '../client-error.js';
import type { CallAnswer, Connection, ConnectionRequest, CreateConnection } from './connection-port.js';

/** Options of the official SignalR client. @beta */
export interface SignalROptions {
  /** Transport, headers, credentials and so on. The token comes from `accessToken`. */
  readonly http?: Omit<IHttpConnectionOptions, 'accessTokenFactory'> & {
    /**
     * The WebSocket class that replaces the environment's. The official client accepts this option, although its types do not
     * name it.
     */
    readonly WebSocket?: new (
      url: string,
      ...more: never[]
    ) => object;
  };
  /** @defaultValue JSON */
  readonly protocol?: IHubProtocol;
  /** Receives the log of the official client. @defaultValue none, because state changes and errors report what matters */
  readonly logger?: ILogger | LogLevel;
}

/** Makes connections with the official client. */
export function createSignalRConnections(options: SignalROptions = {}): CreateConnection {
  return (request) => new SignalRAdapter(request, options);
}

/** The only target that the official client dispatches. The protocol below gives it to every message. */
const DELIVER = 'deliver';

const POST_TIMEOUT_MS = 15_000;

class SignalRAdapter implements Connection {
  readonly #hub: HubConnection;
  #isExpelled = false;

  constructor({ url, clientId, accessToken, listener }: ConnectionRequest, options: SignalROptions) {
    const protocol = new AllTargetsProtocol(options.protocol ?? new JsonHubProtocol(), (mayReturn) => {
      this.#isExpelled = !mayReturn;
    });
    this.#hub = new HubConnectionBuilder()
      .withUrl(`${url}${url.includes('?') ? '&' : '?'}client=${clientId}`, {
        // Limits the time of negotiation and POST requests. SignalR's default would leave a lost call without an answer for
        // 100 s.
        timeout: POST_TIMEOUT_MS,
        ...options.http,
        ...(accessToken === undefined ? {} : { accessTokenFactory: accessToken }),
      })
      .withHubProtocol(protocol)
      .configureLogging(options.logger ?? LogLevel.None)
      .build();
    // Events are delayed by one microtask. An answer reaches its caller through a promise, which takes one, too. Without the
    // delay, an event could overtake the answer to its room's join if both are in one frame.
    this.#hub.on(DELIVER, (target: string, argument: unknown) =>
      queueMicrotask(() => listener.onMessage(target, argument)),
    );
    this.#hub.onclose((cause) => listener.onClose({ cause, isExpelled: this.#isExpelled }));
  }

  async start(): Promise<void> {
    try {
      await this.#hub.start();
    } catch (cause) {
      if (!isAuthRefusal(cause)) throw cause;
      throw new ClientError('unauthorized', 'The gateway refused the credentials.', { cause });
    }
  }

  stop(): Promise<void> {
    return this.#hub.stop();
  }

  invoke(method: string, args: readonly unknown[], onAnswer: (answer: CallAnswer) => void): void {
    this.#hub.invoke<unknown>(method, ...args).then(
      (value) => onAnswer(value instanceof Refusal ? value.answer : { ok: true, value }),
      (error: Error) => onAnswer({ ok: false, error }),
    );
  }
}

/**
 * True for the error of a negotiation that was refused with status 401 or 403. The official client's error contains the
 * status only in its text.
 */
function isAuthRefusal(error: unknown): boolean {
  return error instanceof Error && /Status code '40[13]'/.test(error.message);
}

/** Replaces the error of a completion, so that the adapter can distinguish a refusal from a call that was never answered. */
class Refusal {
  readonly answer: CallAnswer;

  constructor(error: string) {
    // Removes the sentence before the hub's text, which contains only the name of the method.
    const reason = error.replace(/^.*?HubException: /s, '');
    this.answer = { ok: false, error: new ClientError('refused', reason) };
  }
}

/**
 * Reads messages as the inner protocol does, but sends all targets to one handler, with the target's name as the first
 * argument. The official client drops messages whose target has no handler. Without this protocol, our client would need the
 * names of all event types, and therefore the catalog.
 *
 * The protocol also sees two facts that the official client does not report: which errors came from the hub, and whether a
 * Close message allows the client to reconnect.
 */
class AllTargetsProtocol implements IHubProtocol {
  readonly name: string;
  readonly version: number;
  readonly transferFormat: IHubProtocol['transferFormat'];
  readonly #inner: IHubProtocol;
  readonly #onClose: (mayReturn: boolean) => void;

  constructor(inner: IHubProtocol, onClose: (mayReturn: boolean) => void) {
    this.name = inner.name;
    this.version = inner.version;
    this.transferFormat = inner.transferFormat;
    this.#inner = inner;
    this.#onClose = onClose;
  }

  parseMessages(input: string | ArrayBuffer, logger: ILogger): HubMessage[] {
    return this.#inner.parseMessages(input, logger).map((message) => this.#translate(message));
  }

  writeMessage(message: HubMessage): string | ArrayBuffer {
    return this.#inner.writeMessage(message);
  }

  #translate(message: HubMessage): HubMessage {
    if (message.type === MessageType.Invocation) return toDelivery(message);
    if (message.type === MessageType.Completion) return toAnswer(message);
    if (message.type === MessageType.Close) this.#onClose(message.allowReconnect === true);
    return message;
  }
}

function toDelivery(message: InvocationMessage): InvocationMessage {
  return { ...message, target: DELIVER, arguments: [message.target, ...message.arguments] };
}

function toAnswer({ error, ...message }: CompletionMessage): CompletionMessage {
  return error ? { ...message, result: new Refusal(error) } : message;
}
