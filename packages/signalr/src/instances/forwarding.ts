/*
 * Forwards a request to the instance that serves its connection, as a proxy does. Headers, body and answer are streamed unchanged,
 * except for hop-by-hop headers and `X-Forwarded-For`, to which the client's address is appended. If one side ends, the other side
 * ends, too.
 * The reasons for not using a library: docs/decisions/0014-own-forwarding-between-instances.md.
 */
import { type ClientRequest, type IncomingMessage, type ServerResponse, request as send } from 'node:http';
import { request as sendSecurely } from 'node:https';
import type { Duplex } from 'node:stream';
import { endAfterRest } from '../http/rest-of-input.js';

/** Marks a forwarded request, which is never forwarded again. */
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

/**
 * The maximum time to wait for the answer of an instance. This time includes the time for which the instance
 * may hold a poll.
 */
export interface ForwardLimits {
  readonly timeoutMs: number;
}

/**
 * The outcome of a forwarded request. `gone`: no process listens at the URL any more, so the connections of that instance are lost.
 * `unreachable`: the instance may still run. In the cases `gone` and `unreachable` the request has not been answered.
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
      // After the whole answer, a failure can only concern the rest of the request's body. This rest is no
      // longer needed.
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
      // The head of an event stream must reach its client before the first event.
      response.flushHeaders();
      answer.pipe(response, { end: false });
      answer.on('end', () => {
        isAnswered = true;
        request.unpipe(outgoing);
        void endAfterRest(response);
      });
      resolve('answered');
    });
    // Sets no timeout, because the instance that serves the connection decides how long a poll or a stream
    // may be silent.
    response.setTimeout(0);
    request.pipe(outgoing);
  });
}

/** Forwards an upgrade. Resolves as `forwardRequest` does. A refusal is passed on and counts as an answer. */
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
      // Addresses that proxies in front of this instance have written are kept.
      'x-forwarded-for': [headers['x-forwarded-for'], request.socket.remoteAddress]
        .filter(Boolean)
        .join(', '),
    },
    timeout: timeoutMs,
    // Each client's request uses a separate connection, as it would without forwarding.
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
