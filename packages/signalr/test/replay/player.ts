/*
 * Plays the client's half of a conversation against any SignalR server, with plain HTTP and WebSockets, and observes the
 * server's half. A recording stores what it observes. A replay compares it with the recording.
 */
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { Inbox } from './inbox.js';
import { splitMessages } from './message-reader.js';
import { Variables } from './variables.js';
import type { Ended, HttpAnswer, Received, RequestStep, Step } from './vector.js';

/** The server against which a conversation is played. */
export interface PlayedServer {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  /** Advances the server's clock. */
  readonly elapse: (ms: number) => Promise<void>;
  /** Resolves when the server has received `count` requests and upgrades in total. */
  readonly requestsArrived: (count: number) => Promise<void>;
  /** Maximum time to wait for a message, an answer or an end. */
  readonly limitMs: number;
  /** Time without a message that counts as silence. */
  readonly quietMs: number;
}

/** Headers that depend on the time and the server instead of the answer's content. */
const VOLATILE_HEADERS = new Set(['date', 'server', 'connection', 'keep-alive', 'transfer-encoding']);

interface Channel {
  readonly inbox: Inbox<Received, Ended>;
  readonly socket?: WebSocket;
  readonly close: () => void;
}

interface Pending {
  readonly request: ClientRequest;
  readonly answer: Promise<IncomingMessage>;
}

/** Plays one conversation. Closes its sockets when it is disposed of. */
export class Player implements AsyncDisposable {
  readonly #server: PlayedServer;
  readonly #variables = new Variables();
  readonly #channels = new Map<string, Channel>();
  readonly #pending = new Map<string, Pending>();
  #requestCount = 0;

  constructor(server: PlayedServer) {
    this.#server = server;
  }

  /** Plays one step. Returns it with the observed answer. Rejects if the expected event does not happen. */
  async play(step: Step): Promise<Step> {
    switch (step.do) {
      case 'http': {
        const answer = await this.#answer(this.#request(step));
        return { ...step, expect: this.#hideAnswer(await withBody(answer), step.name) };
      }
      case 'begin':
        this.#pending.set(step.name, this.#request(step));
        await this.#server.requestsArrived(this.#requestCount);
        break;
      case 'answer': {
        const answer = await this.#answer(known(this.#pending, step.of));
        return { ...step, expect: this.#hideAnswer(await withBody(answer)) };
      }
      case 'give-up':
        known(this.#pending, step.of).request.destroy();
        break;
      case 'stream':
        return { ...step, expect: await this.#openStream(step) };
      case 'open':
        return { ...step, expect: await this.#openSocket(step) };
      case 'send':
        this.#send(step);
        break;
      case 'receive': {
        const received = await known(this.#channels, step.on).inbox.next(this.#server.limitMs);
        return { ...step, expect: this.#hideReceived(received, step.capture) };
      }
      case 'silent':
        return { ...step, expect: await this.#listen(step.on) };
      case 'close':
        known(this.#channels, step.on).socket?.close(step.code, step.reason);
        break;
      case 'cut':
        known(this.#channels, step.on).close();
        break;
      case 'closed':
        return { ...step, expect: await known(this.#channels, step.on).inbox.ended(this.#server.limitMs) };
      case 'elapse':
        await this.#server.elapse(step.ms);
        break;
    }
    return step;
  }

  #request(step: RequestStep): Pending {
    this.#requestCount += 1;
    const request = httpRequest(`${this.#server.url}${this.#variables.fill(step.path)}`, {
      method: step.method,
      agent: false,
      headers: this.#fillHeaders(step.headers),
    });
    const answer = new Promise<IncomingMessage>((resolve, reject) => {
      request.on('response', resolve);
      request.on('error', reject);
    });
    answer.catch(() => {}); // Nobody awaits the answer to a dropped request. All other callers receive the error.
    request.end(this.#payload(step));
    return { request, answer };
  }

  #answer(pending: Pending): Promise<IncomingMessage> {
    return within(pending.answer, this.#server.limitMs, 'an answer');
  }

  async #openStream(step: RequestStep & { readonly name: string }): Promise<HttpAnswer> {
    const { request, answer } = this.#request(step);
    const response = await within(answer, this.#server.limitMs, 'an answer');
    if (response.statusCode !== 200) return this.#hideAnswer(await withBody(response));
    const inbox = new Inbox<Received, Ended>();
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (data: string) => {
      const parts = (text + data).split(/(?<=\r\n\r\n|^:\r\n)/);
      const isWhole = /\r\n\r\n$|^:\r\n$/.test(parts.at(-1) ?? '');
      text = isWhole ? '' : (parts.pop() ?? '');
      for (const part of parts) if (part !== '') inbox.push({ text: part });
    });
    response.on('close', () => inbox.end({}));
    response.on('error', () => inbox.end({}));
    this.#channels.set(step.name, { inbox, close: () => request.destroy() });
    return headOf(response);
  }

  async #openSocket(step: Step & { readonly do: 'open' }): Promise<HttpAnswer> {
    this.#requestCount += 1;
    const url = `${this.#server.url.replace('http', 'ws')}${this.#variables.fill(step.path)}`;
    const socket = new WebSocket(url, { headers: this.#fillHeaders(step.headers), perMessageDeflate: false });
    const inbox = new Inbox<Received, Ended>();
    let rest: Buffer = Buffer.alloc(0);
    socket.on('message', (data: Buffer, isBinary) => {
      const split = splitMessages(Buffer.concat([rest, data]));
      rest = split.rest;
      for (const message of split.messages) {
        inbox.push(isBinary ? { hex: message.toString('hex') } : { text: message.toString() });
      }
    });
    socket.on('close', (code, reason) => inbox.end({ code, reason: reason.toString() }));
    const opened = new Promise<HttpAnswer>((resolve, reject) => {
      socket.on('open', () => resolve({ status: 101, headers: {} }));
      socket.on('error', reject); // 'close' follows
      socket.on('unexpected-response', (_request, response) => {
        withBody(response).then((answer) => resolve(this.#hideAnswer(answer)), reject);
      });
    });
    this.#channels.set(step.name, { inbox, socket, close: () => socket.terminate() });
    return within(opened, this.#server.limitMs, 'an answer to the upgrade');
  }

  /** Returns the next received message, or an empty object if none arrives. */
  async #listen(on: string): Promise<Received> {
    const { inbox } = known(this.#channels, on);
    const received = await inbox.next(this.#server.quietMs).catch(() => ({})); // silence is expected
    return received;
  }

  #send(step: Step & { readonly do: 'send' }): void {
    const { socket } = known(this.#channels, step.on);
    if (step.hex === undefined) socket?.send(this.#variables.fill(step.text ?? ''));
    else socket?.send(Buffer.from(this.#variables.fill(step.hex), 'hex'));
  }

  #payload(step: RequestStep): Buffer {
    return step.hex === undefined
      ? Buffer.from(this.#variables.fill(step.text ?? ''))
      : Buffer.from(this.#variables.fill(step.hex), 'hex');
  }

  #fillHeaders(headers: Readonly<Record<string, string>> = {}): Record<string, string> {
    return Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, this.#variables.fill(value)]),
    );
  }

  #hideAnswer(answer: HttpAnswer, name?: string): HttpAnswer {
    if (name !== undefined) this.#learnIds(name, answer.text ?? '');
    if (answer.text !== undefined) return { ...answer, text: this.#variables.hide(answer.text, 'text') };
    if (answer.hex !== undefined) return { ...answer, hex: this.#variables.hide(answer.hex, 'hex') };
    return answer;
  }

  #learnIds(name: string, negotiation: string): void {
    for (const [key, field] of [
      ['id', 'connectionId'],
      ['token', 'connectionToken'],
    ] as const) {
      const value = new RegExp(`"${field}":"([^"]*)"`).exec(negotiation)?.[1];
      if (value !== undefined) this.#variables.set(`${name}.${key}`, value);
    }
  }

  #hideReceived(received: Received, patterns: Readonly<Record<string, string>> = {}): Received {
    if (received.hex !== undefined) {
      return { hex: this.#variables.capture(this.#variables.hide(received.hex, 'hex'), patterns) };
    }
    return { text: this.#variables.capture(this.#variables.hide(received.text ?? '', 'text'), patterns) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { close } of this.#channels.values()) close();
    for (const { request } of this.#pending.values()) request.destroy();
  }
}

function headOf(response: IncomingMessage): HttpAnswer {
  const headers: [string, string][] = [];
  for (const [name, value] of Object.entries(response.headers)) {
    if (!VOLATILE_HEADERS.has(name)) headers.push([name, String(value)]);
  }
  headers.sort(([a], [b]) => (a < b ? -1 : 1));
  return { status: response.statusCode ?? 0, headers: Object.fromEntries(headers) };
}

async function withBody(response: IncomingMessage): Promise<HttpAnswer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const head = headOf(response);
  if (body.length === 0) return head;
  const { 'content-length': _length, ...headers } = head.headers; // not compared, because chunked responses have no length
  const text = body.toString();
  const isText = Buffer.from(text).equals(body) && /^[{A-Z]/.test(text);
  return { ...head, headers, ...(isText ? { text } : { hex: body.toString('hex') }) };
}

function known<Value>(values: ReadonlyMap<string, Value>, name: string): Value {
  const value = values.get(name);
  if (value === undefined) throw new Error(`nothing is named ${name}`);
  return value;
}

async function within<Value>(promise: Promise<Value>, limitMs: number, what: string): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${limitMs} ms for ${what} in vain`)), limitMs);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}
