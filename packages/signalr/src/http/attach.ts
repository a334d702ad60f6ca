/*
 * Attaches the hubs to a Node HTTP server. Requests for hubs never reach the server's other listeners. All
 * other requests reach those listeners as if no hub had been attached. If there are no other listeners, these
 * requests are answered with 404.
 */
import { type Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import { Duplex } from 'node:stream';
import { emptyAnswer, sendAnswer } from './http-answer.js';
import type { Route } from './request-router.js';

/** An HTTP server to which a SignalR server can be attached. @beta */
export type AttachableServer = HttpServer | HttpsServer;

/** Finds the route of a request's URL. */
export type FindRoute = (url: string | undefined) => Route | undefined;

/**
 * Wraps the server's `emit`, so that requests for hubs reach no listener of the server. An additional listener could not stop
 * the other listeners: a framework's listener would answer the same request again, or destroy the upgrade.
 * @returns a function that detaches the hubs
 */
export function attachToServer(server: AttachableServer, findRoute: FindRoute): () => void {
  const originalEmit = server.emit;
  const emit = function (this: unknown, event: string | symbol, ...args: unknown[]): boolean {
    if (takeEvent(server, findRoute, event, args)) return true;
    if (Reflect.apply(originalEmit, server, [event, ...args])) return true;
    return event === 'request' && answerNotFound(args[1]);
  };
  server.emit = emit as typeof server.emit; // the cast gives `emit` its overloads, one for each event name
  const onUpgrade = createFallback(server);
  server.on('upgrade', onUpgrade);
  return () => {
    server.off('upgrade', onUpgrade);
    // This wrapper must stay in place if another wrapper was added later. It now finds no routes, and only calls the original
    // `emit`.
    if (server.emit === (emit as typeof server.emit)) server.emit = originalEmit;
  };
}

/** Answers a request that no listener has handled. Without an answer, its client would wait forever. */
function answerNotFound(response: unknown): boolean {
  if (!(response instanceof ServerResponse)) return false;
  sendAnswer(response, emptyAnswer(404));
  return true;
}

function takeEvent(
  server: AttachableServer,
  findRoute: FindRoute,
  event: string | symbol,
  args: readonly unknown[],
): boolean {
  const [request, second, head] = args;
  if (!(request instanceof IncomingMessage)) return false;
  const route = event === 'request' || event === 'upgrade' ? findRoute(request.url) : undefined;
  if (route === undefined) return false;
  if (event === 'request' && second instanceof ServerResponse) {
    void route.endpoint.handle(request, second, route);
    return true;
  }
  if (event === 'upgrade' && second instanceof Duplex && Buffer.isBuffer(head)) {
    if (!isWebSocketUpgrade(request)) {
      readWithoutUpgrade(server, request, second, head);
      return true;
    }
    void route.endpoint.upgrade(request, second, head, route);
    return true;
  }
  return false;
}

function isWebSocketUpgrade({ headers }: IncomingMessage): boolean {
  return (headers.upgrade ?? '').split(',').some((protocol) => protocol.trim().toLowerCase() === 'websocket');
}

/**
 * Lets the server read the request again, without the offer to upgrade. A server must ignore offers of protocols that it does
 * not support (RFC 9110, section 7.8). For example, `curl --http2` offers `h2c` with every request. Node stops reading after
 * the request's headers. Therefore the body is still in `head` and in the socket.
 */
function readWithoutUpgrade(
  server: AttachableServer,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`];
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    const [name = '', value = ''] = request.rawHeaders.slice(index, index + 2);
    const kept = keptHeader(name, value);
    if (kept !== undefined) lines.push(`${name}: ${kept}`);
  }
  // Node reads headers as Latin-1. Written as Latin-1, they have the client's bytes again.
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]));
  server.emit('encrypted' in socket ? 'secureConnection' : 'connection', socket);
}

/** Returns a header's value without the parts that offer an upgrade, or undefined if nothing is left. */
function keptHeader(name: string, value: string): string | undefined {
  if (/^(?:upgrade|http2-settings)$/i.test(name)) return undefined;
  if (!/^connection$/i.test(name)) return value;
  const options = value.split(',').filter((option) => !/^\s*(?:upgrade|http2-settings)\s*$/i.test(option));
  return options.length === 0 ? undefined : options.join(',');
}

/** The upgrade listeners that this file has added: one for each SignalR server that is attached to an HTTP server. */
const fallbacks = new WeakSet<object>();

/**
 * Creates an `upgrade` listener. Without one, Node does not emit `upgrade`, and treats an upgrade as a plain request. An
 * upgrade that is not for a hub must still become a plain request, with its body, if the application has no `upgrade`
 * listener. The first listener that this file has added then lets the server read it again.
 */
function createFallback(server: AttachableServer) {
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const listeners = server.listeners('upgrade');
    if (listeners[0] !== onUpgrade || !listeners.every((listener) => fallbacks.has(listener))) return;
    readWithoutUpgrade(server, request, socket, head);
  };
  fallbacks.add(onUpgrade);
  return onUpgrade;
}
