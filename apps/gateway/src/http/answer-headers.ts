// The headers of every HTTP answer of the gateway. They keep a browser that opens an answer as a page from running anything in it
// (ASVS 3.4.3 and 3.4.4). Answers are data, which the scripts of pages read; no page is among them.
import { type Server, ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';

const policy = 'Content-Security-Policy';

/** The headers, by name. */
export const ANSWER_HEADERS: Readonly<Record<string, string>> = {
  'X-Content-Type-Options': 'nosniff',
  [policy]: "default-src 'none'; frame-ancestors 'none'",
};

const answerHeaders = Object.entries(ANSWER_HEADERS);

const answered: ReadonlySet<string | symbol> = new Set(['request', 'checkContinue', 'checkExpectation']);

/**
 * Sets the headers of every answer, before any listener of the server sees the request. A listener may replace them. Call it after
 * everything else that intercepts the server's requests. Costs nothing for a message over a WebSocket.
 * @param isStopping While it returns true, each answer ends its connection (`Connection: close`). A proxy then keeps no connection
 * to a gateway that stops, on which the gateway could end just as a request arrives
 */
export function setAnswerHeaders(server: Server, isStopping: () => boolean): void {
  const originalEmit = server.emit;
  const emit = (event: string | symbol, ...args: unknown[]): boolean => {
    const [, response] = args;
    if (answered.has(event) && response instanceof ServerResponse) {
      for (const [name, value] of answerHeaders) response.setHeader(name, value);
      if (isStopping()) response.shouldKeepAlive = false;
    }
    return Reflect.apply(originalEmit, server, [event, ...args]);
  };
  server.emit = emit as typeof server.emit; // The general form covers the overloads of all event names.
}

/**
 * Leaves the policy out of the answers of routes that are added from now on: those of the application. The pages of an application
 * need a policy of their own, and this one would keep their scripts and styles from being loaded.
 */
export function leavePolicyToLaterRoutes(app: FastifyInstance): void {
  app.addHook('onRoute', (route) => {
    route.onRequest = [
      (_request, reply, done) => {
        reply.raw.removeHeader(policy);
        done();
      },
      ...[route.onRequest ?? []].flat(),
    ];
  });
}
