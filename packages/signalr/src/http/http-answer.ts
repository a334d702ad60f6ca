/*
 * Answers to HTTP requests, as values and as bytes: through Node's response, or directly on the socket of an upgrade that is refused.
 */
import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { discardRest, endAfterRest } from './rest-of-input.js';

/** A complete answer. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A refusal in words, as ASP.NET Core writes it. */
export function plainText(status: number, body = ''): HttpAnswer {
  return { status, headers: { 'Content-Type': 'text/plain' }, body };
}

/** The token is unknown. Of all refusals with a body, ASP.NET Core sends only this one without a content type. */
export const UNKNOWN_CONNECTION: HttpAnswer = { status: 404, body: 'No Connection with that ID' };

/** The server is unavailable: the client may retry after so many whole seconds. */
export function retryLater(seconds: number): HttpAnswer {
  return { status: 503, headers: { 'Retry-After': String(seconds) } };
}

/** Another server may accept the client at once, so the wait is the shortest that the header can express. */
export const GOING_AWAY: HttpAnswer = retryLater(1);

/** An answer that ASP.NET Core sends without a body and without a content type. */
export function emptyAnswer(status: number): HttpAnswer {
  return { status };
}

/** Answers at once, even while the request's body is still arriving; the response ends when the body has arrived. */
export function sendAnswer(response: ServerResponse, answer: HttpAnswer): void {
  if (response.headersSent || response.destroyed) return;
  const body = answer.body ?? '';
  // 204 implies that there is no body (RFC 9110, 8.6), and so does HEAD.
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
