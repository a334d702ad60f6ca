// Questions to a real HTTP server, which answers in every way in which a backend can answer.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { accessCallback } from '../../src/access/access-callback.js';
import { AccessFailure } from '../../src/access/access-failure.js';

const ana = { userId: 'ana', name: 'Ana', rooms: [] };

async function startBackend(answer: (...args: Parameters<RequestListener>) => unknown) {
  const server = createServer((request, response) => void answer(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/access?v=1`;
  return {
    url,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

function ask(
  url: string,
  { key, keyHeader = 'authorization', signal = new AbortController().signal } = {} as {
    readonly key?: string;
    readonly keyHeader?: string;
    readonly signal?: AbortSignal;
  },
): Promise<unknown> {
  return Promise.resolve(accessCallback({ url, key, keyHeader }).ask(ana, 'lobby', { signal }));
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString());
}

describe('a question', () => {
  it.each([
    ['authorization', 'authorization', 'Bearer a-key'],
    ['x-internal-api-key', 'x-internal-api-key', 'a-key'],
  ])('a request names user, name and room, and carries the key in %s', async (keyHeader, header, value) => {
    const seen: unknown[] = [];
    await using backend = await startBackend(async (request, response) => {
      const { method, url, headers } = request;
      seen.push({
        method,
        url,
        key: headers[header],
        type: headers['content-type'],
        body: await bodyOf(request),
      });
      response.end('{"allowed":true,"reason":"a participant"}');
    });
    expect(await ask(backend.url, { key: 'a-key', keyHeader })).toBe(true);
    expect(seen).toEqual([
      {
        method: 'POST',
        url: '/access?v=1',
        key: value,
        type: 'application/json',
        body: { user_id: 'ana', name: 'Ana', room_id: 'lobby' },
      },
    ]);
  });

  it('a no is an answer', async () => {
    await using backend = await startBackend((_, response) => response.end('{"allowed":false}'));
    expect(await ask(backend.url)).toBe(false);
  });

  const answers: readonly (readonly [string, (response: ServerResponse) => unknown, RegExp])[] = [
    ['status 500', (response) => response.writeHead(500).end('{"allowed":false}'), /status 500$/],
    ['status 403', (response) => response.writeHead(403).end('{"allowed":false}'), /status 403$/],
    ['status 201', (response) => response.writeHead(201).end('{"allowed":true}'), /status 201$/],
    ['status 204', (response) => response.writeHead(204).end(), /status 204$/],
    [
      'a redirect to a yes',
      (response) => response.writeHead(307, { location: '/yes' }).end(),
      /status 307 \(a redirect: configure the address it redirects to\)$/,
    ],
    ['a page', (response) => response.end('<!doctype html><title>Sign in</title>'), /not JSON$/],
    ['an empty body', (response) => response.end(), /not JSON$/],
    ['half an answer', (response) => response.end('{"allowed":tr'), /not JSON$/],
    ['a bare true', (response) => response.end('true'), /no field `allowed`/],
    ['null', (response) => response.end('null'), /no field `allowed`/],
    ['a list', (response) => response.end('[true]'), /no field `allowed`/],
    [
      'a string instead of a boolean',
      (response) => response.end('{"allowed":"false"}'),
      /no field `allowed`/,
    ],
    ['an answer without the field', (response) => response.end('{}'), /no field `allowed`/],
    [
      'an endless answer',
      (response) => {
        const write = (): void => {
          while (response.write(' '.repeat(1_000)));
          response.once('drain', write);
        };
        write();
      },
      /more than 16384 bytes$/,
    ],
  ];

  it.each(answers)('%s is a failure of this question and no answer', async (_, answer, reason) => {
    await using backend = await startBackend((request, response) => {
      if (request.url === '/yes') response.end('{"allowed":true}');
      else answer(response);
    });
    const failure = await ask(backend.url).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(AccessFailure);
    expect(failure).toMatchObject({ isUnreachable: false, message: expect.stringMatching(reason) });
  });

  it('a backend that refuses connections cannot be reached', async () => {
    const backend = await startBackend(() => {});
    await backend[Symbol.asyncDispose]();
    await expect(ask(backend.url)).rejects.toMatchObject({
      isUnreachable: true,
      message: 'it cannot be reached (ECONNREFUSED)',
    });
  });

  it('a connection that breaks before the answer is replaced by another one, once', async () => {
    let requests = 0;
    await using backend = await startBackend((request, response) => {
      requests += 1;
      if (requests === 1) request.socket.destroy();
      else response.end('{"allowed":true}');
    });
    expect(await ask(backend.url)).toBe(true);
    await using broken = await startBackend((request) => {
      requests += 1;
      request.socket.destroy();
    });
    requests = 0;
    await expect(ask(broken.url)).rejects.toMatchObject({ isUnreachable: false });
    expect(requests).toBe(2);
  });

  it('a backend that breaks the protocol in one answer counts as reached', async () => {
    await using backend = await startBackend((request) => {
      request.socket.end('HTTP/1.1 200 OK\r\nno header\r\n\r\n');
    });
    await expect(ask(backend.url)).rejects.toMatchObject({ isUnreachable: false });
  });

  it('an aborted question ends, and its connection is closed', async () => {
    const abort = new AbortController();
    const closed = deferred();
    await using backend = await startBackend((request) => {
      request.socket.once('close', closed.resolve);
      abort.abort();
    });
    await expect(ask(backend.url, { signal: abort.signal })).rejects.toBeInstanceOf(AccessFailure);
    await closed.promise;
  });
});

/** `Promise.withResolvers`, which Node 20 does not have. */
function deferred(): { readonly promise: Promise<unknown>; readonly resolve: (value: unknown) => void } {
  let resolve: (value: unknown) => void = () => {};
  const promise = new Promise((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
