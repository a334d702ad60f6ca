/* A client of the HTTP transports that sends the single requests of a test. */
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { Host } from './host.js';
import { HANDSHAKE, RS } from './raw-client.js';

export interface HttpReply {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  /** `status body`, for short expectations. */
  readonly text: string;
}

/** Negotiates, and returns the URL of the connection. */
export async function negotiateUrl(host: Host, path = '/hub'): Promise<string> {
  const response = await fetch(`${host.url}${path}/negotiate?negotiateVersion=1`, { method: 'POST' });
  const { connectionToken } = (await response.json()) as { connectionToken: string };
  return `${host.url}${path}?id=${connectionToken}`;
}

/** Sends one request, and resolves with the whole answer. */
export function send(
  url: string,
  options: {
    readonly method?: string;
    readonly headers?: Record<string, string>;
    readonly body?: string | Buffer;
  } = {},
): Promise<HttpReply> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body } = options;
    const outgoing = request(url, { method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        const whole = Buffer.concat(chunks);
        const status = response.statusCode ?? 0;
        resolve({
          status,
          headers: response.headers,
          body: whole,
          text: `${status} ${whole.toString()}`.trim(),
        });
      });
      response.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

export function post(url: string, body: string | Buffer, headers: Record<string, string> = {}) {
  return send(url, { method: 'POST', body, headers });
}

/** Connects by long polling and performs the handshake. Returns the URL of the connection. */
export async function openPolling(host: Host, path = '/hub'): Promise<string> {
  const url = await negotiateUrl(host, path);
  await send(url);
  await post(url, HANDSHAKE);
  const answer = await send(url);
  if (answer.text !== `200 {}${RS}`) throw new Error(`the handshake was answered with ${answer.text}`);
  return url;
}

export interface EventStream extends AsyncDisposable {
  readonly request: ClientRequest;
  readonly response: IncomingMessage;
  /** Returns the raw text of the next event, without the blank line at its end. */
  next(): Promise<string>;
  /** Resolves when the stream has ended. */
  readonly ended: Promise<void>;
}

/** Opens an event stream, without a handshake. */
export async function openStream(url: string, headers: Record<string, string> = {}): Promise<EventStream> {
  const outgoing = request(url, { headers: { Accept: 'text/event-stream', ...headers }, agent: false });
  outgoing.end();
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.on('response', resolve);
    outgoing.on('error', reject);
  });
  outgoing.on('error', () => {}); // the test may break the connection
  const events: string[] = [];
  const takers: ((event: string) => void)[] = [];
  let rest = '';
  response.on('data', (chunk: Buffer) => {
    rest += chunk.toString();
    for (let end = rest.indexOf('\r\n\r\n'); end >= 0; end = rest.indexOf('\r\n\r\n')) {
      const event = rest.slice(0, end);
      rest = rest.slice(end + 4);
      const take = takers.shift();
      if (take === undefined) events.push(event);
      else take(event);
    }
  });
  const ended = new Promise<void>((resolve) => {
    response.on('close', resolve);
  });
  return {
    request: outgoing,
    response,
    ended,
    next: () => {
      const event = events.shift();
      if (event !== undefined) return Promise.resolve(event);
      return new Promise((resolve) => {
        takers.push(resolve);
      });
    },
    async [Symbol.asyncDispose]() {
      outgoing.destroy();
      await ended;
    },
  };
}

/** Returns the status with which a WebSocket upgrade is refused, or 101 if it is accepted. */
export async function upgradeStatus(url: string): Promise<number> {
  const outgoing = request(url, {
    headers: {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    },
    agent: false,
  });
  outgoing.end();
  const status = await new Promise<number>((resolve, reject) => {
    outgoing.on('response', (response) => resolve(response.statusCode ?? 0));
    outgoing.on('upgrade', () => resolve(101));
    outgoing.on('error', reject);
  });
  outgoing.destroy();
  return status;
}
