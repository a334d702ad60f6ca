/*
 * Automatic reconnect and keep-alive of the official client. The keep-alive test uses real time, because the client's clock cannot
 * be replaced.
 */
import { HubConnectionBuilder, LogLevel } from '@microsoft/signalr';
import { expect, test } from 'vitest';
import { systemServerClock } from '../../src/connection/clock.js';
import { defineHub } from '../../src/index.js';
import { startHost } from '../support/host.js';

test('an official client with automatic reconnect reconnects when the server allows it', async () => {
  await using host = await startHost(
    (server) => {
      server.mapHub('/hub', defineHub()({ methods: { echo: (_context, value) => value } }));
    },
    { maximumReceiveMessageBytes: 1_000 },
  );
  const connection = new HubConnectionBuilder()
    .withUrl(`${host.url}/hub`)
    .withAutomaticReconnect([0, 0, 0])
    .configureLogging(LogLevel.None)
    .build();
  const reconnected = new Promise<string | undefined>((resolve) => {
    connection.onreconnected(resolve);
  });
  await connection.start();
  const firstId = connection.connectionId;
  await expect(connection.invoke('echo', 'x'.repeat(2_000))).rejects.toThrow(
    'Connection closed with an error.',
  );
  expect(await reconnected).not.toBe(firstId);
  expect(await connection.invoke('echo', 1)).toBe(1);
  await connection.stop();
});

test('an official client with a short server timeout stays connected because of the server’s pings', async () => {
  await using host = await startHost(
    (server) => {
      server.mapHub('/hub', defineHub()({ methods: { echo: (_context, value) => value } }));
    },
    { clock: systemServerClock, tickIntervalMs: 10, keepAliveIntervalMs: 20, clientTimeoutMs: 10_000 },
  );
  const connection = new HubConnectionBuilder()
    .withUrl(`${host.url}/hub`)
    .withServerTimeout(2_000)
    .withKeepAliveInterval(20)
    .configureLogging(LogLevel.None)
    .build();
  let isClosed = false;
  connection.onclose(() => {
    isClosed = true;
  });
  await connection.start();
  // This time is longer than the client's server timeout. Therefore only pings can have kept the connection open.
  await new Promise((resolve) => {
    setTimeout(resolve, 2_500);
  });
  expect(isClosed).toBe(false);
  expect(await connection.invoke('echo', 'alive')).toBe('alive');
  await connection.stop();
});
