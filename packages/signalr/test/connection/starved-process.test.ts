/*
 * The server's process is paused for some time, as on a machine with busy processors. The server still counts the pings that
 * its clients sent during the pause.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type ServerClock, systemServerClock } from '../../src/connection/clock.js';
import { defineHub } from '../../src/index.js';
import { startHost } from '../support/host.js';
import { call, openRaw, RS } from '../support/raw-client.js';

const ping = `{"type":6}${RS}`;

/** Blocks the whole process. */
function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Returns the real clock, and a function that waits for the end of its next tick. */
function tickingClock() {
  let onTick = (): void => {};
  const clock: ServerClock = {
    ...systemServerClock,
    every: (intervalMs, tick) =>
      systemServerClock.every(intervalMs, () => {
        tick();
        onTick();
      }),
  };
  return { clock, nextTick: () => new Promise<void>((resolve) => (onTick = resolve)) };
}

test('a client that sends its ping while the server process is paused does not count as silent', async () => {
  const { clock, nextTick } = tickingClock();
  await using host = await startHost(
    (server) => server.mapHub('/hub', defineHub()({ methods: { echo: (_context, value) => value } })),
    { clock, tickIntervalMs: 100, keepAliveIntervalMs: 60_000, clientTimeoutMs: 3_000 },
  );
  await using client = await openRaw(host);
  client.send(ping + call('echo', ['before']));
  expect(await client.next()).toContain('before');
  // The next tick registers the first ping. From then on, only the second ping can keep the connection open.
  await nextTick();
  // The process now sleeps at the end of a turn of the event loop. When it wakes up, it runs timers first.
  await turn();
  client.send(ping);
  sleep(3_500);
  client.send(call('echo', ['after']));
  expect(await client.next()).toContain('after');
  expect(host.events.filter(({ type }) => type === 'connection_closed')).toEqual([]);
});
