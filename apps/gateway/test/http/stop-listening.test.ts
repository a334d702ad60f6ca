// Deploys behind proxies: a server that stops to listen answers each request that has come, or is on its way.
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, test } from 'vitest';
import { stopListening } from '../../src/http/stop-listening.js';

test('connections that wait in the kernel when a server stops to listen get their answers', async () => {
  const server = await listening();
  const answers = Array.from({ length: 200 }, () => answerOf(server));
  // None of the connections has been accepted yet.
  const stopped = stopListening(server);
  expect(new Set(await Promise.all(answers))).toEqual(new Set(['HTTP/1.1 200 OK']));
  await stopped;
  await expect(answerOf(server)).rejects.toThrow('ECONNREFUSED');
});

test('a request on a new connection is answered although the server no longer listens', async () => {
  const server = await listening();
  const socket = connect(portOf(server), '127.0.0.1');
  await once(server, 'connection');
  const stopped = stopListening(server);
  const closed = once(socket, 'close');
  while (server.listening) await new Promise((resolve) => setImmediate(resolve));
  socket.end('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  const [answer] = await once(socket, 'data');
  expect(String(answer)).toMatch(/^HTTP\/1\.1 200 OK/);
  await Promise.all([closed, stopped]);
});

test('a request on a kept connection is answered although the server no longer listens', async () => {
  const server = await listening();
  const socket = connect(portOf(server), '127.0.0.1');
  const ask = async (): Promise<string> => {
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    const [answer] = await once(socket, 'data');
    return String(answer);
  };
  expect(await ask()).toMatch(/^HTTP\/1\.1 200 OK/);
  const closed = once(socket, 'close');
  const stopped = stopListening(server);
  while (server.listening) await new Promise((resolve) => setImmediate(resolve));
  expect(await ask()).toMatch(/^HTTP\/1\.1 200 OK/);
  await Promise.all([closed, stopped]);
});

test('a request without an answer does not delay a server that stops to listen, and stays open for its answer', async () => {
  const server = await listening();
  server.removeAllListeners('request');
  const socket = connect(portOf(server), '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  const [, response] = (await once(server, 'request')) as [unknown, ServerResponse];
  await stopListening(server);
  response.end('here');
  const [answer] = await once(socket, 'data');
  expect(String(answer)).toMatch(/^HTTP\/1\.1 200 OK/);
});

const ports = new WeakMap<Server, number>();

/** Returns a server that answers 200 to each request, and keeps connections for a minute. */
async function listening(): Promise<Server> {
  const server = createServer({ keepAliveTimeout: 60_000 }, (_request, response) => response.end('here'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ports.set(server, (server.address() as AddressInfo).port);
  return server;
}

function portOf(server: Server): number {
  return ports.get(server) ?? 0;
}

/** Sends a request on a connection of its own, and resolves with the status line. */
async function answerOf(server: Server): Promise<string> {
  const socket = connect(portOf(server), '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  const [answer] = await once(socket, 'data');
  return String(answer).split('\r\n')[0] ?? '';
}
