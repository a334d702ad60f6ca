/*
 * Attaches the hubs to a Node HTTP server: requests of hubs never reach the other listeners, all other requests reach them as if
 * nothing had been attached.
 */
import { type Server as HttpServer, IncomingMessage, ServerResponse } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import { Duplex } from 'node:stream';
import type { Route } from './request-router.js';

/** The servers a SignalR server can be attached to. */
export type AttachableServer = HttpServer | HttpsServer;

/** Finds the route of a request's URL. */
export type FindRoute = (url: string | undefined) => Route | undefined;

/**
 * Wraps the server's `emit`, because listeners cannot stop one another: a framework's listener, added before or after, would answer
 * our requests a second time or destroy our upgrades.
 * @returns a function that undoes it
 */
export function attachToServer(server: AttachableServer, findRoute: FindRoute): () => void {
  const originalEmit = server.emit;
  const emit = function (this: unknown, event: string | symbol, ...args: unknown[]): boolean {
    if (takeEvent(findRoute, event, args)) return true;
    return Reflect.apply(originalEmit, server, [event, ...args]);
  };
  server.emit = emit as typeof server.emit; // the overloads per event name are all covered by the general form
  const onUpgrade = createFallback(server);
  server.on('upgrade', onUpgrade);
  return () => {
    server.off('upgrade', onUpgrade);
    // Another wrapper may have been added meanwhile; then ours stays, and finds no routes any more.
    if (server.emit === (emit as typeof server.emit)) server.emit = originalEmit;
  };
}

function takeEvent(findRoute: FindRoute, event: string | symbol, args: readonly unknown[]): boolean {
  const [request, second, head] = args;
  if (!(request instanceof IncomingMessage)) return false;
  const route = event === 'request' || event === 'upgrade' ? findRoute(request.url) : undefined;
  if (route === undefined) return false;
  if (event === 'request' && second instanceof ServerResponse) {
    void route.endpoint.handle(request, second, route);
    return true;
  }
  if (event === 'upgrade' && second instanceof Duplex && Buffer.isBuffer(head)) {
    void route.endpoint.upgrade(request, second, head, route);
    return true;
  }
  return false;
}

/** Listeners of this file: each SignalR server that is attached to an HTTP server adds one. */
const fallbacks = new WeakSet<object>();

/**
 * Node treats an upgrade as a plain request unless there is a listener for upgrades. Ours is one, so it passes an upgrade that no
 * other listener handles on as the plain request it would have been; of several attached servers the first one does.
 */
function createFallback(server: AttachableServer) {
  const onUpgrade = (request: IncomingMessage, socket: Duplex): void => {
    const listeners = server.listeners('upgrade');
    if (listeners[0] !== onUpgrade || !listeners.every((listener) => fallbacks.has(listener))) return;
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    // The upgrade gave us the socket of the connection, which is what a response writes to.
    response.assignSocket(socket as Parameters<ServerResponse['assignSocket']>[0]);
    response.on('finish', () => socket.end());
    socket.on('error', () => socket.destroy());
    server.emit('request', request, response);
  };
  fallbacks.add(onUpgrade);
  return onUpgrade;
}
