/*
 * HTTP answers as values, and the functions that send them. One function uses Node's response. The other writes directly to
 * the socket of a refused upgrade.
 */
import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { discardRest, endAfterRest } from './rest-of-input.js';

/** A complete HTTP answer. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string;
}

/** Creates an answer in plain text, like those of ASP.NET Core. */
export function plainText(status: number, body = ''): HttpAnswer {
  return { status, headers: { 'Content-Type': 'text/plain' }, body };
}

/**
 * The answer to a WebSocket upgrade with an unknown token. It is the only refusal with a body and without a content type, as
 * in ASP.NET Core.
 */
export const UNKNOWN_CONNECTION: HttpAnswer = { status: 404, body: 'No Connection with that ID' };

/** Creates an answer with status 503 that asks the client to retry after a whole number of seconds. */
export function retryLater(seconds: number): HttpAnswer {
  return { status: 503, headers: { 'Retry-After': String(seconds) } };
}

/**
 * Creates the answer to a client that has used up its budget. The official client shows the text as the reason of its
 * failure.
 */
export function tooManyRequests(waitMs: number, text: string): HttpAnswer {
  const answer = plainText(429, text);
  return { ...answer, headers: { ...answer.headers, 'Retry-After': String(Math.ceil(waitMs / 1_000)) } };
}

/** The answer that asks the client to retry after one second, the minimum. Another server may accept the client at once. */
export const GOING_AWAY: HttpAnswer = retryLater(1);

/** Creates an answer without a body and without a content type, like those of ASP.NET Core. */
export function emptyAnswer(status: number): HttpAnswer {
  return { status };
}

/**
 * Sends the answer immediately, even while the request's body is still arriving. The response ends when the body has arrived.
 */
export function sendAnswer(response: ServerResponse, answer: HttpAnswer): void {
  if (response.headersSent || response.destroyed) return;
  const body = answer.body ?? '';
  // A response with status 204 has no body (RFC 9110, 8.6), and neither has a response to HEAD.
  const isBodiless = answer.status === 204 || response.req.method === 'HEAD';
  const length = isBodiless ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
  for (const [name, value] of Object.entries(answer.headers ?? {})) response.setHeader(name, value);
  response.writeHead(answer.status, length);
  if (response.req.complete) {
    response.end(body);
    return;
  }
  if (isBodiless || body === '') response.flushHeaders();
  else response.write(body);
  void endAfterRest(response);
}

/** Refuses an upgrade and ends its socket. */
export function sendUpgradeAnswer(socket: Duplex, answer: HttpAnswer): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = answer.body ?? '';
  const headers = {
    ...answer.headers,
    Connection: 'close',
    'Content-Length': String(Buffer.byteLength(body)),
  };
  const lines = Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map((value) => `${name}: ${value}`),
  );
  const reason = STATUS_CODES[answer.status] ?? '';
  socket.end(`HTTP/1.1 ${answer.status} ${reason}\r\n${lines.join('\r\n')}\r\n\r\n${body}`, () => {
    void discardRest(socket).then(() => socket.destroy());
  });
}
