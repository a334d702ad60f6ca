// A connection of `@millrace/client` that does as little work as possible: one WebSocket with JSON, without the official
// SignalR client. One process can therefore hold thousands.
import { type CallAnswer, ClientError, type Connection, type ConnectionRequest } from '@millrace/client';
import WebSocket from 'ws';

const separator = '\u001e';

interface Message {
  readonly type?: number;
  readonly target?: string;
  readonly arguments?: readonly unknown[];
  readonly invocationId?: string;
  readonly result?: unknown;
  readonly error?: string;
}

/** Makes connections for `ClientOptions.createConnection`. */
export function createLightConnection(request: ConnectionRequest): Connection {
  return new LightConnection(request);
}

class LightConnection implements Connection {
  readonly #request: ConnectionRequest;
  /** By invocation ID, the calls that have no answer yet. */
  readonly #calls = new Map<string, (answer: CallAnswer) => void>();
  #socket: WebSocket | undefined;
  #isOpen = false;
  #callCount = 0;

  constructor(request: ConnectionRequest) {
    this.#request = request;
  }

  async start(): Promise<void> {
    const socket = new WebSocket(this.#request.url.replace(/^http/, 'ws'), { perMessageDeflate: false });
    this.#socket = socket;
    await new Promise<void>((resolve, reject) => {
      socket.on('open', () => socket.send(`{"protocol":"json","version":1}${separator}`));
      // A `close` event follows every error.
      socket.on('error', () => {});
      socket.on('close', () => {
        reject(new Error('no connection'));
        this.#onClose();
      });
      socket.on('message', (data: Buffer) => {
        for (const text of data.toString().split(separator)) {
          if (text === '') continue;
          if (this.#isOpen) this.#onMessage(JSON.parse(text) as Message);
          this.#isOpen = true;
          resolve();
        }
      });
    });
  }

  async stop(): Promise<void> {
    this.#socket?.terminate();
  }

  invoke(method: string, args: readonly unknown[], onAnswer: (answer: CallAnswer) => void): void {
    const invocationId = String((this.#callCount += 1));
    this.#calls.set(invocationId, onAnswer);
    const message = { type: 1, invocationId, target: method, arguments: args };
    this.#socket?.send(JSON.stringify(message) + separator);
  }

  #onMessage({
    type,
    target = '',
    arguments: [argument] = [],
    invocationId = '',
    result,
    error,
  }: Message): void {
    if (type === 1) this.#request.listener.onMessage(target, argument);
    if (type !== 3) return;
    const onAnswer = this.#calls.get(invocationId);
    this.#calls.delete(invocationId);
    onAnswer?.(
      error === undefined
        ? { ok: true, value: result }
        : { ok: false, error: new ClientError('refused', error) },
    );
  }

  #onClose(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#request.listener.onClose({ cause: undefined, isExpelled: false });
    for (const onAnswer of this.#calls.values()) onAnswer({ ok: false, error: new Error('cut off') });
    this.#calls.clear();
  }
}
