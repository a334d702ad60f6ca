/*
 * Forwards a request to the instance that serves its connection, as a proxy does. Headers, body and answer are streamed
 * unchanged, with two exceptions: hop-by-hop headers are left out, and the client's address is appended to `X-Forwarded-For`.
 * If one side ends, the other side ends, too. Decision 14 explains why no library is used.
 */
import { type ClientRequest, type IncomingMessage, type ServerResponse, request as send } from 'node:http';
import { request as sendSecurely } from 'node:https';
import type { Duplex } from 'node:stream';
import { endAfterRest } from '../http/rest-of-input.js';

/** Marks a forwarded request, so that it is never forwarded again. */
const FORWARDED_HEADER = 'x-signalr-forwarded';

/**
 * Headers that belong to a single network connection (RFC 9110, 7.6.1) and are not forwarded. Forwarded
 * upgrades keep these headers.
 */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** True when another instance forwarded the request. */
export function isForwarded(request: IncomingMessage): boolean {
  return request.headers[FORWARDED_HEADER] !== undefined;
}

/** Maximum time to wait for the answer of an instance. It includes the time for which the instance may hold a poll. */
export interface ForwardLimits {
  readonly timeoutMs: number;
}

/**
 * The outcome of forwarding a request. `gone`: no process listens at the URL any more, so the connections of that instance
 * are lost. `unreachable`: the instance may still run. After `gone` and `unreachable`, the request still needs an answer.
 */
export type ForwardOutcome = 'answered' | 'gone' | 'unreachable';

/** Forwards a request. Resolves when the answer has begun, or when the request has failed. */
export function forwardRequest(
  request: IncomingMessage,
  response: ServerResponse,
  url: string,
  limits: ForwardLimits,
): Promise<ForwardOutcome> {
  return new Promise((resolve) => {
    const outgoing = startRequest(url, request, withoutHopByHop(request.headers), limits);
    let isAnswered = false;
    const giveUp = (error?: Error): void => {
      // The whole answer has arrived. A failure can only concern the rest of the request's body, which nobody needs now.
      if (isAnswered) return;
      outgoing.destroy();
      if (response.headersSent) response.destroy();
      resolve(response.headersSent ? 'answered' : failureOf(error));
    };
    outgoing.on('error', giveUp);
    response.on('close', () => outgoing.destroy());
    outgoing.on('response', (answer) => {
      answer.on('error', giveUp);
      answer.on('aborted', () => giveUp());
      if (response.destroyed) return giveUp();
      response.writeHead(answer.statusCode ?? 502, withoutHopByHop(answer.headers));
      // The client must receive the head of an event stream before the first event.
      response.flushHeaders();
      answer.pipe(response, { end: false });
      answer.on('end', () => {
        isAnswered = true;
        request.unpipe(outgoing);
        void endAfterRest(response);
      });
      resolve('answered');
    });
    // There is no timeout. The serving instance decides how long a poll or a stream may be silent.
    response.setTimeout(0);
    request.pipe(outgoing);
  });
}

/**
 * Forwards an upgrade. Resolves as `forwardRequest` does. A refusal of the other instance is passed to the client, and counts
 * as an answer.
 */
export function forwardUpgrade(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  url: string,
  limits: ForwardLimits,
): Promise<ForwardOutcome> {
  return new Promise((resolve) => {
    const outgoing = startRequest(url, request, request.headers, limits);
    outgoing.on('error', (error) => resolve(failureOf(error)));
    socket.on('close', () => outgoing.destroy());
    outgoing.on('response', (answer) => {
      socket.write(responseHead(answer));
      answer.pipe(socket);
      resolve('answered');
    });
    outgoing.on('upgrade', (answer, upstream, upstreamHead) => {
      socket.write(responseHead(answer));
      if (upstreamHead.length > 0) socket.write(upstreamHead);
      if (head.length > 0) upstream.write(head);
      upstream.setTimeout(0);
      for (const [from, to] of [
        [socket, upstream],
        [upstream, socket],
      ] as const) {
        from.on('error', () => to.destroy());
        from.on('close', () => to.destroy());
        from.pipe(to);
      }
      resolve('answered');
    });
    outgoing.end();
  });
}

/**
 * Only a refused connection proves that the instance has ended. After a timeout or a reset, the instance may
 * still run.
 */
function failureOf(error: NodeJS.ErrnoException | undefined): 'gone' | 'unreachable' {
  return error?.code === 'ECONNREFUSED' ? 'gone' : 'unreachable';
}

function startRequest(
  url: string,
  request: IncomingMessage,
  headers: IncomingMessage['headers'],
  { timeoutMs }: ForwardLimits,
): ClientRequest {
  const target = new URL(request.url ?? '/', 'http://unused');
  const { protocol, hostname, port } = new URL(url);
  const options = {
    hostname: hostname.replace(/^\[|\]$/g, ''),
    port,
    path: `${target.pathname}${target.search}`,
    method: request.method,
    headers: {
      ...headers,
      [FORWARDED_HEADER]: '1',
      // Addresses that proxies in front of this instance have written stay in the header.
      'x-forwarded-for': [headers['x-forwarded-for'], request.socket.remoteAddress]
        .filter(Boolean)
        .join(', '),
    },
    timeout: timeoutMs,
    // Each client's request uses a connection of its own, as it would without forwarding.
    agent: false,
  };
  const outgoing = protocol === 'https:' ? sendSecurely(options) : send(options);
  outgoing.on('timeout', () => outgoing.destroy(new Error('The instance did not answer in time.')));
  return outgoing;
}

function withoutHopByHop(headers: IncomingMessage['headers']): IncomingMessage['headers'] {
  const named = (headers.connection ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim());
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name) && !named.includes(name)),
  );
}

function responseHead({ statusCode, statusMessage, rawHeaders }: IncomingMessage): string {
  const lines = [`HTTP/1.1 ${statusCode} ${statusMessage}`];
  for (let at = 0; at < rawHeaders.length; at += 2) lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}
