// Creates the HTTP server of the gateway: a Fastify instance that answers every error with a problem document.
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { discardRest } from '@millrace/signalr';
import Fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import type { Logger } from '../telemetry/logger.js';
import { createClientErrorHandler } from './client-errors.js';
import { guardIngest } from './ingest-admission.js';
import { KnownRoutes } from './known-routes.js';
import { type Problem, type ProblemCode, problemCodeOf, sendProblem } from './problem.js';

/**
 * Maximum times of one request. The connection of a slower client is closed. Until then, the client uses one socket and no
 * other resource.
 */
export interface RequestTimeouts {
  /** Time for all headers. It begins with the connection, or with the first byte of a later request. */
  readonly headersMs: number;
  /** Time for the whole request, with its body. */
  readonly requestMs: number;
  /**
   * Time without a byte in either direction, for example while a client does not read its answer. Does not apply to polls and
   * streams.
   */
  readonly silenceMs: number;
  /**
   * Interval at which `headersMs` and `requestMs` are checked. A connection may exceed its limit by up to one
   * interval.
   */
  readonly checkEveryMs: number;
}

/** Requests are small. A publisher needs much less time than these limits to send one. */
const defaultTimeouts: RequestTimeouts = {
  headersMs: 10_000,
  requestMs: 30_000,
  silenceMs: 60_000,
  checkEveryMs: 2_000,
};

/** Creates the server without routes. It does not listen yet. */
export function createHttpServer(options: {
  readonly maxBodyBytes: number;
  /** Maximum size of all headers of a request together, with its URL. */
  readonly maxHeaderBytes: number;
  /** Text for the answer to an unknown path. The text describes this server. */
  readonly notFoundDetail: string;
  readonly logger: Logger;
  /** @defaultValue 10 s for the headers, 30 s for the request, 60 s of silence */
  readonly timeouts?: RequestTimeouts;
  /** Called for every request that was answered with a problem. */
  onRefused(code: ProblemCode): void;
}): FastifyInstance {
  const { headersMs, requestMs, silenceMs, checkEveryMs } = options.timeouts ?? defaultTimeouts;
  const app = Fastify({
    logger: false,
    http: {
      maxHeaderSize: options.maxHeaderBytes,
      headersTimeout: headersMs,
      requestTimeout: requestMs,
      connectionsCheckingInterval: checkEveryMs,
    },
    clientErrorHandler: createClientErrorHandler(options),
    // A room ID has up to 256 bytes, and three characters for each of them in a URL.
    routerOptions: { maxParamLength: 1_024 },
    frameworkErrors: (_error, _request, reply) => {
      const detail = 'The path is not valid: it has an invalid escape sequence, or a part that is too long.';
      void sendProblem(reply, { status: 400, code: 'invalid_parameter', detail });
    },
    bodyLimit: options.maxBodyBytes,
    // Fields such as `__proto__` are kept and passed on. No code merges a body into an object with a prototype.
    onProtoPoisoning: 'ignore',
    onConstructorPoisoning: 'ignore',
    // Fastify sets this value on the server after Node has created it.
    requestTimeout: requestMs,
    connectionTimeout: silenceMs,
    forceCloseConnections: true,
  });
  guardIngest(app.server, options.onRefused);
  // Only JSON is accepted. Browsers send a CORS preflight before JSON, so no web page can publish without its visitor's
  // knowledge.
  app.removeContentTypeParser('text/plain');
  app.addHook('onSend', (request, reply, payload, done) => {
    if (!isBodyComing(request.raw) || typeof payload !== 'string') return done(null, payload);
    // The length tells the client when the answer is complete. The response itself ends only when the request's body has
    // arrived.
    void reply.header('content-length', Buffer.byteLength(payload));
    // A client that reads the answer while it sends can stop sending, because nothing uses the rest of its body.
    if (!(Number(request.headers['content-length']) <= options.maxBodyBytes)) {
      void reply.header('connection', 'close');
    }
    return done(null, Readable.from(answerThenRest(payload, request.raw)));
  });
  app.addHook('onResponse', async (_request, reply) => {
    const code = problemCodeOf(reply);
    if (code !== undefined) options.onRefused(code);
  });
  app.setErrorHandler(async (error: FastifyError, request, reply) => {
    const problem = problemOf(error, options.maxBodyBytes);
    if (problem.status >= 500)
      options.logger.error({ err: error, path: request.routeOptions.url }, 'request failed');
    await sendProblem(reply, problem);
  });
  const routes = new KnownRoutes(app);
  app.setNotFoundHandler(async ({ method, raw }, reply) => {
    const methods = routes.methodsOf(raw.url ?? '');
    // A route with the method of the request has itself answered that there is nothing.
    const isOtherMethod = methods.length > 0 && !methods.includes(method);
    if (!isOtherMethod)
      return sendProblem(reply, { status: 404, code: 'not_found', detail: options.notFoundDetail });
    const allowed = methods.join(', ');
    void reply.header('allow', allowed);
    const detail = `This path has no ${method}. It has ${allowed}.`;
    await sendProblem(reply, { status: 405, code: 'method_not_allowed', detail });
  });
  return app;
}

/** True when part of the request's body has not arrived yet. */
function isBodyComing({ complete, headers }: IncomingMessage): boolean {
  return !complete && (headers['transfer-encoding'] !== undefined || Number(headers['content-length']) > 0);
}

/**
 * Sends the answer, then reads and discards the rest of the request's body. A client that sends its whole body before it
 * reads would otherwise get a broken pipe instead of the answer. Closes the connection at a limit of `discardRest`.
 */
async function* answerThenRest(answer: string, request: IncomingMessage): AsyncGenerator<string> {
  yield answer;
  if (!(await discardRest(request))) request.destroy();
}

function problemOf(error: FastifyError, maxBodyBytes: number): Problem {
  switch (error.statusCode) {
    case 413:
      return {
        status: 413,
        code: 'body_too_large',
        detail: `A body may have at most ${maxBodyBytes} bytes.`,
      };
    case 415:
      return { status: 415, code: 'unsupported_media_type', detail: 'Send application/json.' };
    case 400:
      return { status: 400, code: 'invalid_json', detail: 'The body could not be read as JSON in UTF-8.' };
    case undefined:
    default:
      return { status: 500, code: 'internal', detail: 'The gateway could not answer this request.' };
  }
}
