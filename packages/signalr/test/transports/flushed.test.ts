// A hub method that sends much data can wait with `flushed()` until the server's queue for its client is empty.
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HubConnectionBuilder, LogLevel } from '@microsoft/signalr';
import { createSignalRServer, defineHub } from '@millrace/signalr';
import { expect, it } from 'vitest';
import { startHost } from '../support/host.js';
import { call, openRaw } from '../support/raw-client.js';

interface Client {
  part(text: string): void;
}

async function serve(methods: Parameters<ReturnType<typeof defineHub<Client>>>[0]['methods']) {
  const server = createSignalRServer({ maximumOutboundBytes: 300_000 });
  server.mapHub('/hub', defineHub<Client>()({ methods }));
  const http = createServer();
  server.attach(http);
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const connection = new HubConnectionBuilder()
    .withUrl(`http://127.0.0.1:${(http.address() as AddressInfo).port}/hub`)
    .configureLogging(LogLevel.None)
    .build();
  await connection.start();
  return {
    connection,
    async [Symbol.asyncDispose]() {
      await connection.stop();
      await server.close();
      http.close();
    },
  };
}

it('a method that awaits flushed() can send far more than the queue holds', async () => {
  await using served = await serve({
    sendMuch: async (context) => {
      for (let part = 0; part < 200; part += 1) {
        context.clients.caller.send('part', 'x'.repeat(50_000));
        await context.flushed();
      }
      return 'done';
    },
  });
  let parts = 0;
  served.connection.on('part', () => {
    parts += 1;
  });
  expect(await served.connection.invoke('sendMuch')).toBe('done');
  expect(parts).toBe(200);
});

it('a caller of flushed() continues when the connection ends', async () => {
  let ended: Promise<void> | undefined;
  await using served = await serve({
    endMyself: async (context) => {
      context.abort();
      ended = context.flushed();
      await ended;
    },
  });
  await expect(served.connection.invoke('endMyself')).rejects.toThrow();
  await ended;
  expect(ended).toBeDefined();
});

it('many callers can await flushed() without a warning of Node, and all continue when the client disconnects', async () => {
  const log: string[] = [];
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on('warning', onWarning);
  const hub = defineHub<Client>()({
    methods: {
      async flood(context) {
        for (let part = 0; part < 10; part += 1) context.clients.caller.send('part', 'x'.repeat(5_000_000));
        log.push('waits');
        await Promise.all(Array.from({ length: 50 }, () => context.flushed()));
        log.push('has waited');
      },
    },
  });
  await using host = await startHost((server) => server.mapHub('/hub', hub), {
    maximumOutboundBytes: 100_000_000,
  });
  const client = await openRaw(host);
  client.socket.pause();
  client.send(call('flood'));
  await expect.poll(() => log).toEqual(['waits']);
  // Node emits warnings in a later turn of the event loop.
  for (let round = 0; round < 3; round += 1) await fetch(`${host.url}/x`);
  expect(log).toEqual(['waits']);
  await client[Symbol.asyncDispose]();
  await expect.poll(() => log).toEqual(['waits', 'has waited']);
  process.off('warning', onWarning);
  expect(warnings).toEqual([]);
});
