/*
 * The README's example runs verbatim, and its table names every option with its default.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, Server } from 'node:net';
import { HubConnectionBuilder, LogLevel } from '@microsoft/signalr';
import { expect, test, vi } from 'vitest';
import { DEFAULT_OPTIONS } from '../src/index.js';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

test('the example of the README is the file that runs here', () => {
  const example = readFileSync(new URL('./examples/http.ts', import.meta.url), 'utf8');
  expect(readme).toContain(`<!-- example: http -->\n\`\`\`ts\n${example}\`\`\``);
});

test('the example of the README serves an official client', async () => {
  vi.stubEnv('PORT', '0');
  const listen = vi.spyOn(Server.prototype, 'listen');
  await import('./examples/http.js');
  const http = listen.mock.contexts[0] as Server;
  listen.mockRestore();
  vi.unstubAllEnvs();
  if (!http.listening) await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  const connection = new HubConnectionBuilder()
    .withUrl(`http://127.0.0.1:${port}/hubs/chat`)
    .configureLogging(LogLevel.None)
    .build();
  const received = new Promise<unknown[]>((resolve) => {
    connection.on('message', (...args: unknown[]) => resolve(args));
  });
  await connection.start();
  await connection.invoke('send', 'hi');
  expect(await received).toEqual([connection.connectionId, 'hi']);
  await connection.stop();
  expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('Hello');
  http.close();
});

test('the table of the README has every number with its default', () => {
  for (const [name, value] of Object.entries(DEFAULT_OPTIONS)) {
    expect(readme).toContain(`| \`${name}\` | ${value} |`);
  }
});
