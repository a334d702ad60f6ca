// Answers requests that Node could not read, because their headers are too long or their bytes are not HTTP.
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { Logger } from '../telemetry/logger.js';
import { ANSWER_HEADERS } from './answer-headers.js';
import { type Problem, type ProblemCode, problemBody } from './problem.js';

/** Options of {@link createClientErrorHandler}. */
export interface ClientErrorOptions {
  /** Maximum size of all headers of a request together, with its URL. */
  readonly maxHeaderBytes: number;
  readonly logger: Pick<Logger, 'info'>;
  /** Called for every request that is answered. */
  onRefused(code: ProblemCode): void;
}

/**
 * Creates the listener for `clientError` of an HTTP server. The listener answers with a problem, and closes
 * the connection.
 */
export function createClientErrorHandler({
  maxHeaderBytes,
  logger,
  onRefused,
}: ClientErrorOptions): (error: NodeJS.ErrnoException, socket: Socket) => void {
  return (error, socket) => {
    // The client is gone, or has already been answered.
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const problem = problemOf(error.code, maxHeaderBytes);
    onRefused(problem.code);
    if (problem.code === 'headers_too_large')
      logger.info(
        { maxHeaderBytes },
        'request refused: its headers are too large, probably because of a long token',
      );
    const body = problemBody(problem);
    const { status } = problem;
    socket.once('finish', () => socket.destroy());
    const headers = {
      ...ANSWER_HEADERS,
      'Content-Type': 'application/problem+json',
      'Content-Length': String(Buffer.byteLength(body)),
      Connection: 'close',
    };
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
    socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
  };
}

function problemOf(code: string | undefined, maxHeaderBytes: number): Problem {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return {
        status: 431,
        code: 'headers_too_large',
        detail: `The headers and the URL may have at most ${maxHeaderBytes} bytes together. A long access token is a usual cause.`,
      };
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return { status: 408, code: 'request_timeout', detail: 'The request took too long to arrive.' };
    case undefined:
    default:
      return { status: 400, code: 'invalid_http', detail: 'This is not an HTTP request.' };
  }
}
