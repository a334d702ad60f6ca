/*
 * Answers to HTTP requests, as plain values and as bytes: through Node's response, or by hand on the socket of
 * an upgrade that is refused.
 */
import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { discardRest, endAfterRest } from './rest-of-input.js';

/** A whole answer. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A refusal in words, as ASP.NET Core writes it. */
export function plainText(status: number, body = ''): HttpAnswer {
  return { status, headers: { 'Content-Type': 'text/plain' }, body };
}

/** Nobody is known by this token. Of all refusals with words, ASP.NET Core gives only this one no type. */
export const UNKNOWN_CONNECTION: HttpAnswer = { status: 404, body: 'No Connection with that ID' };

/** Not now: the client may come back after so many whole seconds. */
export function retryLater(seconds: number): HttpAnswer {
  return { status: 503, headers: { 'Retry-After': String(seconds) } };
}

/** Another server takes the client at once, where there is one: the shortest wait that the header can say. */
export const GOING_AWAY: HttpAnswer = retryLater(1);

/** Answers that ASP.NET Core gives without a body and without a type. */
export function emptyAnswer(status: number): HttpAnswer {
  return { status };
}

/** Answers at once, also where the body is still coming; the response ends when that has come. */
export function sendAnswer(response: ServerResponse, answer: HttpAnswer): void {
  if (response.headersSent || response.destroyed) return;
  const body = answer.body ?? '';
  // 204 says by itself that there is no body (RFC 9110, 8.6), and so does HEAD.
  const isBodiless = answer.status === 204 || response.req.method === 'HEAD';
  const length = isBodiless ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
  response.writeHead(answer.status, { ...answer.headers, ...length });
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
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  const reason = STATUS_CODES[answer.status] ?? '';
  socket.end(`HTTP/1.1 ${answer.status} ${reason}\r\n${lines.join('\r\n')}\r\n\r\n${body}`, () => {
    void discardRest(socket).then(() => socket.destroy());
  });
}
