/*
 * The body of an endless response: chunks that are written to the socket, and the cases in which the response writes itself.
 */
import {
  createServer,
  get,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { EncodedMessage } from '../../src/protocol/encoded-message.js';
import { bodyFraming, StreamedBody } from '../../src/transports/streamed-body.js';

const framing = bodyFraming({ frame: (payload) => Buffer.concat([Buffer.from('> '), payload]) });

function messages(count: number, fill = ''): readonly EncodedMessage[] {
  return Array.from({ length: count }, (_, n) => new EncodedMessage(Buffer.from(`${n} ${fill}\n`), 'text'));
}

const contentOf = (sent: readonly EncodedMessage[]): string =>
  sent.map(({ payload }) => `> ${payload.toString()}`).join('');

async function serve(onRequest: (...args: Parameters<RequestListener>) => void | Promise<void>) {
  const server = createServer((...args) => void onRequest(...args)).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose](): Promise<void> {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function begin(response: ServerResponse, onRoom: () => void = () => {}): StreamedBody {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write('head\n');
  return new StreamedBody(response, framing, onRoom);
}

/** Sends requests over one socket, and returns everything that the server answers until it closes the socket. */
async function raw(port: number, requests: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.write(requests);
  return text(socket);
}

describe('a streamed body', () => {
  test('the messages of one turn and of later turns arrive in order, among texts of the response itself', async () => {
    const sent = messages(30);
    await using server = await serve(async (_, response) => {
      const body = begin(response);
      for (const [index, message] of sent.entries()) {
        expect(body.write(message)).toBe(true);
        if (index % 7 === 0) response.write('comment\n');
        if (index % 5 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      response.end('end\n');
      // A message after the end would not be part of the body.
      expect(body.write(sent[0] as EncodedMessage)).toBe(true);
    });
    const answer = await (await fetch(server.url)).text();
    expect(answer.startsWith('head\n> 0')).toBe(true);
    expect(answer.replaceAll('comment\n', '')).toBe(`head\n${contentOf(sent)}end\n`);
    expect(answer.split('comment')).toHaveLength(6);
  });

  test('each message is one chunk, which is framed once for all streams', async () => {
    const [message] = messages(1);
    if (message === undefined) throw new Error('no message');
    await using server = await serve((_, response) => {
      begin(response).write(message);
      response.end();
    });
    const request = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
    const [first, second] = [await raw(server.port, request), await raw(server.port, request)];
    for (const answer of [first, second])
      expect(answer.split('\r\n\r\n').slice(1).join('\r\n\r\n')).toBe(
        '5\r\nhead\n\r\n5\r\n> 0 \n\r\n0\r\n\r\n',
      );
    expect(message.framedBy(framing.chunk)).toBe(message.framedBy(framing.chunk));
  });

  test('a slow reader makes `write` return false, and has every message after it has read again', async () => {
    const sent = messages(400, 'x'.repeat(50_000));
    const log: string[] = [];
    let onBlocked = (): void => {};
    const blocked = new Promise<void>((resolve) => {
      onBlocked = resolve;
    });
    await using server = await serve(async (_, response) => {
      let onRoom = (): void => {};
      const body = begin(response, () => onRoom());
      for (const message of sent) {
        if (body.write(message)) continue;
        log.push('full');
        onBlocked();
        await new Promise<void>((resolve) => {
          onRoom = resolve;
        });
        expect(response.writableLength).toBe(0);
      }
      response.end();
    });
    const response = await new Promise<IncomingMessage>((resolve) =>
      get(server.url, { agent: false }, resolve),
    );
    await blocked;
    expect(await text(response)).toBe(`head\n${contentOf(sent)}`);
    expect(log.length).toBeGreaterThan(0);
  });
});

describe('a response that must write itself', () => {
  test('a client of HTTP/1.0 is sent the messages without chunks', async () => {
    const sent = messages(3);
    await using server = await serve((_, response) => {
      const body = begin(response);
      for (const message of sent) body.write(message);
      response.end();
    });
    const answer = await raw(server.port, 'GET / HTTP/1.0\r\n\r\n');
    expect(answer.split('\r\n\r\n')[1]).toBe(`head\n${contentOf(sent)}`);
  });

  test('a middleware that replaces `write` is given every message', async () => {
    const sent = messages(3);
    await using server = await serve((_, response) => {
      const { write } = response;
      response.write = (chunk: Uint8Array | string) =>
        Reflect.apply(write, response, [Buffer.from(chunk).toString().toUpperCase()]);
      const body = begin(response);
      for (const message of sent) body.write(message);
      response.end();
    });
    expect(await (await fetch(server.url)).text()).toBe(`HEAD\n${contentOf(sent)}`);
  });

  test('a pipelined request is answered after the request before it', async () => {
    const sent = messages(4);
    let answerFirst = (): void => {};
    await using server = await serve((request, response) => {
      if (request.url === '/first') {
        answerFirst = () => response.end('the first answer');
        return;
      }
      const body = begin(response);
      for (const message of sent.slice(0, 2)) body.write(message);
      answerFirst();
      setImmediate(() => {
        for (const message of sent.slice(2)) body.write(message);
        response.end();
      });
    });
    const answer = await raw(
      server.port,
      'GET /first HTTP/1.1\r\nHost: a\r\n\r\nGET /second HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    );
    const [before = '', stream = ''] = answer.split('the first answer');
    expect(before).toContain('200 OK');
    const chunks = stream.split('\r\n\r\n').slice(1).join('\r\n\r\n');
    expect(chunks.replaceAll(/^[0-9a-f]+\r\n|\r\n/gm, '')).toBe(`head\n${contentOf(sent)}`);
  });
});
