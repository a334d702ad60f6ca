// Requests that Node cannot read are answered with a problem, and their connection ends.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, it } from 'vitest';
import { createClientErrorHandler } from '../../src/http/client-errors.js';

/**
 * Sends bytes to a server with the handler. Returns the answer, the codes that were counted and the lines that were logged.
 * @param requestTimeout in milliseconds, 0 for no limit. On a busy machine, a short one ends any request
 */
async function answerTo(
  bytes: string,
  requestTimeout: number,
): Promise<{ answer: string; codes: string[]; logged: string[] }> {
  const codes: string[] = [];
  const logged: string[] = [];
  const logger = { info: (_fields: object, line: string) => void logged.push(line) };
  const server = createServer({
    maxHeaderSize: 1_000,
    headersTimeout: requestTimeout,
    requestTimeout,
    connectionsCheckingInterval: 10,
  });
  const handler = createClientErrorHandler({
    maxHeaderBytes: 1_000,
    logger: logger as never,
    onRefused: (code) => void codes.push(code),
  });
  server.on('clientError', (error, socket) => handler(error, socket as never));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const closed = once(socket, 'close');
  let answer = '';
  socket.on('data', (data: Buffer) => {
    answer += data.toString();
  });
  socket.write(bytes);
  await closed;
  server.close();
  return { answer, codes, logged };
}

it.each([
  ['headers_too_large', 431, `GET / HTTP/1.1\r\nHost: x\r\nAuthorization: ${'x'.repeat(2_000)}\r\n\r\n`],
  ['invalid_http', 400, 'hello\r\n\r\n'],
  ['request_timeout', 408, 'GET / HTTP/1.1\r\nHost: x\r\n'],
])('a request with the fault %s receives %i and a problem, and is counted', async (code, status, bytes) => {
  const { answer, codes, logged } = await answerTo(bytes, code === 'request_timeout' ? 50 : 0);
  expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  expect(head).toContain('Content-Type: application/problem+json');
  expect(head).toContain(`Content-Length: ${body.length}`);
  expect(JSON.parse(body)).toMatchObject({ status, code });
  expect(codes).toEqual([code]);
  expect(logged).toHaveLength(code === 'headers_too_large' ? 1 : 0);
});
