/*
 * A WebSocket client for both protocols. It keeps all received messages, decoded and as bytes. It answers calls as a test
 * demands.
 */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import {
  type CompletionOutcome,
  type HubMessage,
  type InvocationMessage,
  MessageType,
} from '../../src/protocol/hub-message.js';
import type { HubProtocol } from '../../src/protocol/hub-protocol.js';
import { jsonHubProtocol } from '../../src/protocol/json-hub-protocol.js';
import { messagePackHubProtocol } from '../../src/protocol/message-pack-hub-protocol.js';
import type { Host } from './host.js';

const PROTOCOLS = { json: jsonHubProtocol, messagepack: messagePackHubProtocol };

export type ProtocolName = keyof typeof PROTOCOLS;

export interface ProtocolClient extends AsyncDisposable {
  readonly socket: WebSocket;
  readonly protocol: HubProtocol;
  /** The first argument of each call of `note`, in the order of arrival. */
  readonly notes: readonly unknown[];
  /** The payloads of the WebSocket messages after the handshake. */
  readonly frames: readonly Buffer[];
  /** The server's calls that wait for an answer, because `answer` is not set. */
  readonly asked: readonly InvocationMessage[];
  /** Creates the answers to calls. If it is not set, the test must answer with `complete`. */
  answer: ((question: unknown) => CompletionOutcome) | undefined;
  complete(invocationId: string | undefined, outcome: CompletionOutcome): void;
  /** Calls a method. Resolves with its result, or rejects with the error of its completion. */
  invoke(target: string, ...args: readonly unknown[]): Promise<unknown>;
  send(message: HubMessage): void;
}

/** Connects without negotiation, and performs the handshake. */
export async function openClient(
  host: Host,
  protocolName: ProtocolName = 'json',
  path = '/hub',
): Promise<ProtocolClient> {
  const socket = new WebSocket(`${host.url.replace('http', 'ws')}${path}`);
  socket.on('error', () => {}); // tests wait for 'close', which follows
  await once(socket, 'open');
  const client = new TestProtocolClient(socket, PROTOCOLS[protocolName]);
  socket.send(`{"protocol":"${protocolName}","version":1}\u001e`);
  await client.ready;
  return client;
}

class TestProtocolClient implements ProtocolClient {
  readonly socket: WebSocket;
  readonly protocol: HubProtocol;
  readonly notes: unknown[] = [];
  readonly frames: Buffer[] = [];
  readonly asked: InvocationMessage[] = [];
  /** Resolves when the handshake has been answered. */
  readonly ready: Promise<void>;
  answer: ((question: unknown) => CompletionOutcome) | undefined;
  readonly #calls = new Map<string, (outcome: CompletionOutcome) => void>();
  #lastId = 0;

  constructor(socket: WebSocket, protocol: HubProtocol) {
    this.socket = socket;
    this.protocol = protocol;
    const parser = protocol.createParser(100_000_000);
    this.ready = new Promise((resolve) => {
      socket.once('message', () => {
        socket.on('message', (data: Buffer) => {
          this.frames.push(data);
          parser.push(data);
          for (let message = parser.next(); message; message = parser.next()) this.#take(message);
        });
        resolve();
      });
    });
  }

  send(message: HubMessage): void {
    this.socket.send(this.protocol.write(message));
  }

  complete(invocationId: string | undefined, outcome: CompletionOutcome): void {
    this.send({ type: MessageType.completion, invocationId: invocationId ?? '', outcome });
  }

  async invoke(target: string, ...args: readonly unknown[]): Promise<unknown> {
    this.#lastId += 1;
    const invocationId = String(this.#lastId);
    const outcome = await new Promise<CompletionOutcome>((resolve) => {
      this.#calls.set(invocationId, resolve);
      this.send({ type: MessageType.invocation, invocationId, target, arguments: args });
    });
    if (outcome.kind === 'error') throw new Error(outcome.error);
    return outcome.kind === 'result' ? outcome.result : undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.socket.readyState === WebSocket.CLOSED) return;
    this.socket.terminate();
    await once(this.socket, 'close');
  }

  #take(message: HubMessage): void {
    if (message.type === MessageType.completion) {
      this.#calls.get(message.invocationId)?.(message.outcome);
      this.#calls.delete(message.invocationId);
    }
    if (message.type !== MessageType.invocation) return;
    if (message.invocationId === undefined) this.notes.push(message.arguments[0]);
    else if (this.answer === undefined) this.asked.push(message);
    else this.complete(message.invocationId, this.answer(message.arguments[0]));
  }
}
