// A gateway refuses a request while the client is still sending the body. Every client must be able to read
// the answer, whatever its library.
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { apiKey, normalMode } from '../../fixtures/http/tokens.js';
import { CliProcess } from '../../fixtures/processes/cli-process.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';

const gateway = sharedSystem(() => GatewayProcess.start(normalMode));
const key = `authorization: Bearer ${apiKey}`;
const json = 'content-type: application/json';
const body = Buffer.alloc(2_000_000, 0x20);
const announced = `content-length: ${body.length}`;
const chunked = 'transfer-encoding: chunked';

/** The name, path, headers and expected status of each case. */
const refusals: readonly (readonly [string, string, readonly string[], number])[] = [
  ['without a key', '/v1/events', [json, announced], 401],
  ['without a key, in chunks', '/v1/events', [json, chunked], 401],
  ['without a key, closing the connection', '/v1/events', [json, announced, 'connection: close'], 401],
  ['too large', '/v1/events', [key, json, announced], 413],
  ['too large, in chunks', '/v1/events', [key, json, chunked], 413],
  [
    'too large, waiting to be asked for it',
    '/v1/events',
    [key, json, announced, 'expect: 100-continue'],
    413,
  ],
  ['in a type that is not JSON', '/v1/events', [key, 'content-type: text/csv', announced], 415],
  ['in a type that is not JSON, in chunks', '/v1/events', [key, 'content-type: text/csv', chunked], 415],
  ['compressed', '/v1/events', [key, json, 'content-encoding: gzip', announced], 415],
  ['to nowhere', '/nowhere', [json, announced], 413],
  ['to nowhere, in chunks, closing the connection', '/nowhere', [json, chunked, 'connection: close'], 413],
  ['to a path for reading', '/healthz', [json, announced], 413],
  ['to negotiate without a token', '/hubs/events/negotiate?negotiateVersion=1', [announced], 401],
  ['to a connection that nobody knows', '/hubs/events?id=nobody', [announced, 'connection: close'], 401],
];

test.for(refusals)(
  'a refused body of 2 MB (%s) can be sent completely, and its answer can then be read',
  async ([, path, headers, status]) => {
    const answer = await sentWhole(path, headers);
    expect(answer).toMatch(new RegExp(`^(HTTP/1.1 100 Continue\\r\\n\\r\\n)?HTTP/1.1 ${status} `));
  },
);

test.for(refusals)(
  'fetch reads the answer to a refused body of 2 MB (%s)',
  async ([, path, headers, status]) => {
    const given = headers.filter(
      (line) => !/^(content-length|transfer-encoding|expect|connection)/.test(line),
    );
    const isChunked = headers.includes(chunked);
    const response = await fetch(`${gateway().url}${path}`, {
      method: 'POST',
      headers: Object.fromEntries(given.map((line) => line.split(': '))),
      ...(isChunked ? { body: new Blob([body]).stream(), duplex: 'half' } : { body }),
    });
    expect(response.status).toBe(status);
    expect(await response.text()).not.toBeUndefined();
  },
);

test('curl reads the answer to a body of 2 MB that is refused because the key is missing', async () => {
  const args = ['-sS', '-w', '%{http_code}', '-H', json, '--data-binary', '@-', `${gateway().url}/v1/events`];
  const line = `head -c 2000000 /dev/zero | curl ${args.map((word) => `'${word}'`).join(' ')}`;
  await using curl = new CliProcess({ file: 'bash', args: ['-c', line], hasChildren: true });
  expect(await curl.exit(), curl.output).toBe(0);
  expect(curl.output).toMatch(/"code":"unauthorized".*401$/s);
});

test('a connection whose request with a small body was refused serves the next request', async () => {
  const request = (path: string): string =>
    `POST ${path} HTTP/1.1\r\nHost: x\r\n${json}\r\ncontent-length: 2\r\n\r\n`;
  const socket = connect(Number(new URL(gateway().url).port), '127.0.0.1');
  socket.setEncoding('utf8');
  let text = '';
  socket.on('data', (part: string) => {
    text += part;
  });
  socket.write(request('/v1/events'));
  await untilText(socket, () => /unauthorized/.test(text));
  socket.write('{}');
  socket.write(`${request('/nowhere')}{}`);
  await untilText(socket, () => /not_found/.test(text));
  socket.destroy();
});

/** Sends on after the answer has arrived, as libraries do that read the answer later. Returns the text that it could read. */
async function sentWhole(path: string, headers: readonly string[]): Promise<string> {
  const socket = connect(Number(new URL(gateway().url).port), '127.0.0.1');
  socket.setEncoding('utf8');
  let text = '';
  socket.on('data', (part: string) => {
    text += part;
  });
  // Rejects if the connection breaks.
  const ended = once(socket, 'end');
  ended.catch(() => undefined); // The promise is awaited below, unless another step fails first.
  const write = (part: string | Buffer): Promise<void> =>
    new Promise((resolve, reject) => {
      socket.write(part, (error) => (error ? reject(error) : resolve()));
    });
  const half = body.length / 2;
  const [opening, ending] = headers.includes(chunked)
    ? [`${body.length.toString(16)}\r\n`, '\r\n0\r\n\r\n']
    : ['', ''];
  await write(`POST ${path} HTTP/1.1\r\nHost: x\r\n${headers.join('\r\n')}\r\n\r\n${opening}`);
  // A chunked body has no declared length. The gateway must read some of it before it knows that it is too large.
  await write(body.subarray(0, half + 100_000));
  await untilText(socket, () => /HTTP\/1.1 [45]\d\d .*\r\n\r\n/s.test(text));
  for (let at = half + 100_000; at < body.length; at += 50_000) await write(body.subarray(at, at + 50_000));
  await write(ending);
  // The connection can still be used, unless the server announced that it closes it.
  if (!/^connection: close/im.test(text)) {
    await write('GET /healthz HTTP/1.1\r\nHost: x\r\nconnection: close\r\n\r\n');
    await untilText(socket, () => text.includes('HTTP/1.1 200 '));
  }
  await ended;
  return text;
}

/** Waits until `isEnough` is true. Throws if the connection ends before that. */
async function untilText(socket: ReturnType<typeof connect>, isEnough: () => boolean): Promise<void> {
  const ended = once(socket, 'close').then(() => {
    if (!isEnough()) throw new Error('the connection ended without the answer');
  });
  while (!isEnough()) await Promise.race([once(socket, 'data'), ended]);
}
