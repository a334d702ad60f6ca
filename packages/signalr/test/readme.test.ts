/* The README's examples are identical to tested files. Its table lists every numeric option with its default value. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, Server } from 'node:net';
import { type HubConnection, HubConnectionBuilder, LogLevel } from '@microsoft/signalr';
import { startRedis } from '@millrace/testkit';
import { expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { DEFAULT_OPTIONS } from '../src/index.js';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

test.each(['http', 'raw', 'backplane'])('the example "%s" of the README equals the tested file', (name) => {
  const example = readFileSync(new URL(`./examples/${name}.ts`, import.meta.url), 'utf8');
  expect(readme).toContain(`<!-- example: ${name} -->\n\`\`\`ts\n${example}\`\`\``);
});

/** Runs an example on a free port. Each call loads the example again. */
async function runExample(
  load: () => Promise<unknown>,
): Promise<{ readonly http: Server; readonly url: string }> {
  vi.stubEnv('PORT', '0');
  vi.resetModules();
  const listen = vi.spyOn(Server.prototype, 'listen');
  await load();
  const http = listen.mock.contexts[0] as Server;
  listen.mockRestore();
  vi.unstubAllEnvs();
  if (!http.listening) await once(http, 'listening');
  return { http, url: `http://127.0.0.1:${(http.address() as AddressInfo).port}` };
}

/** Connects an official client. Resolves with the client, and with a promise of the first message that it receives. */
async function connectTo(url: string): Promise<readonly [HubConnection, Promise<unknown[]>]> {
  const connection = new HubConnectionBuilder()
    .withUrl(`${url}/hubs/chat`)
    .configureLogging(LogLevel.None)
    .build();
  const received = new Promise<unknown[]>((resolve) => {
    connection.on('message', (...args: unknown[]) => resolve(args));
  });
  await connection.start();
  return [connection, received];
}

test('the example “http” of the README serves an official client', async () => {
  const { http, url } = await runExample(() => import('./examples/http.js'));
  const [connection, received] = await connectTo(url);
  await connection.invoke('send', 'hi');
  expect(await received).toEqual([connection.connectionId, 'hi']);
  await connection.stop();
  expect(await (await fetch(url)).text()).toBe('Hello');
  http.close();
});

test('the example “raw” of the README sends messages back', async () => {
  const { http, url } = await runExample(() => import('./examples/raw.js'));
  const socket = new WebSocket(`${url.replace('http', 'ws')}/echo`);
  await once(socket, 'open');
  socket.send('hi');
  expect(await once(socket, 'message')).toEqual([Buffer.from('hi'), false]);
  socket.terminate();
  http.close();
});

test('two servers that run the README’s backplane example reach each other’s clients', async () => {
  await using redis = await startRedis();
  const before = new Set(process.listeners('SIGTERM'));
  const run = (): ReturnType<typeof runExample> => {
    vi.stubEnv('REDIS_URL', redis.url);
    return runExample(() => import('./examples/backplane.js'));
  };
  const [one, other] = [await run(), await run()];
  for (const { url } of [one, other]) {
    await expect.poll(async () => (await fetch(url)).text()).toBe('up');
  }
  const [sender] = await connectTo(one.url);
  const [receiver, received] = await connectTo(other.url);
  await sender.invoke('send', 'hi');
  expect(await received).toEqual([sender.connectionId, 'hi']);
  await Promise.all([sender.stop(), receiver.stop()]);
  const ends = process.listeners('SIGTERM').filter((listener) => !before.has(listener));
  for (const end of ends) end('SIGTERM');
  await Promise.all([one, other].map(({ http }) => once(http, 'close')));
  await expect.poll(() => redis.cli('pubsub', 'channels')).toBe('');
});

test('the table of the README lists every numeric option with its default value', () => {
  for (const [name, value] of Object.entries(DEFAULT_OPTIONS)) {
    expect(readme).toContain(`| \`${name}\` | ${value} |`);
  }
});
