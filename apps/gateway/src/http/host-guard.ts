// Restricts development mode, which is open to everybody, to requests from this machine. Detects DNS rebinding: an attacker
// lets the host name of a web page resolve to a loopback address, but the browser still sends this name as `Host`.
import { IncomingMessage, type Server, ServerResponse, STATUS_CODES } from 'node:http';
import { Duplex } from 'node:stream';
import { ANSWER_HEADERS } from './answer-headers.js';
import { isLoopbackHost } from './loopback.js';
import { problemBody } from './problem.js';

const status = 421;
const guarded: ReadonlySet<string | symbol> = new Set([
  'request',
  'upgrade',
  'checkContinue',
  'checkExpectation',
]);

/**
 * Answers requests and upgrades with 421 if their `Host` header does not name this machine, before the server's listeners see
 * them. Call it after everything else that intercepts the server's requests. A request without a `Host` header (HTTP/1.0)
 * passes, because no browser sends such a request.
 *
 * @param onRefused called for each refused request
 */
export function guardHosts(server: Server, onRefused: () => void): void {
  const originalEmit = server.emit;
  const emit = (event: string | symbol, ...args: unknown[]): boolean => {
    const [request, second] = args;
    if (guarded.has(event) && request instanceof IncomingMessage && !isForLoopback(request)) {
      onRefused();
      refuse(request, second);
      return true;
    }
    return Reflect.apply(originalEmit, server, [event, ...args]);
  };
  server.emit = emit as typeof server.emit; // The general form covers the overloads of all event names.
}

function isForLoopback({ headers }: IncomingMessage): boolean {
  return headers.host === undefined || isLoopbackHost(headers.host);
}

const body = problemBody({
  status,
  code: 'host_not_allowed',
  detail:
    'In development mode this gateway answers to localhost and loopback addresses only. Open it by such a name, or leave development ' +
    'mode (MILLRACE_DEV) and set secrets.',
});

const headers = {
  ...ANSWER_HEADERS,
  'Content-Type': 'application/problem+json',
  'Content-Length': String(Buffer.byteLength(body)),
  Connection: 'close',
};

function refuse(request: IncomingMessage, second: unknown): void {
  if (second instanceof ServerResponse) {
    request.resume();
    second.writeHead(status, headers);
    second.end(request.method === 'HEAD' ? undefined : body);
    return;
  }
  if (!(second instanceof Duplex)) return;
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  second.on('error', () => second.destroy());
  second.once('finish', () => second.destroy());
  second.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
}
