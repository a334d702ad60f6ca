// A gateway opens connections only to Redis, to the key server, to its own port and, with an instance URL, to the other gateways. No
// dependency sends data to another host. `strace` shows every connection of the process. These tests are skipped on a machine
// without it.
import { randomUUID } from 'node:crypto';
import { HttpTransportType } from '@microsoft/signalr';
import { freePort, startRedis } from '@millrace/testkit';
import { describe, expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { fullEvents, notification } from '../../fixtures/events/sample-events.js';
import { postEvents } from '../../fixtures/http/ingest.js';
import { KeyServer } from '../../fixtures/http/key-server.js';
import { readMetricsText } from '../../fixtures/http/metrics.js';
import { readReadiness } from '../../fixtures/http/readiness.js';
import { apiKey } from '../../fixtures/http/tokens.js';
import { CliProcess } from '../../fixtures/processes/cli-process.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { canTrace, NetworkTrace } from '../../fixtures/processes/network-trace.js';
import { Resources } from '../../fixtures/systems/resources.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const isPossible = canTrace();
if (!isPossible)
  console.warn('left out: strace is missing, or this machine does not allow to trace a process');

const transports = [
  HttpTransportType.WebSockets,
  HttpTransportType.ServerSentEvents,
  HttpTransportType.LongPolling,
];

/**
 * Uses all functions of a gateway: all transports, all event types, hub methods, bad input, metrics and
 * documents.
 */
async function useEverything(url: string, options: { readonly token?: string; readonly key?: string } = {}) {
  await using resources = new Resources();
  const roomId = 'traced-room';
  const clients: EventLog[] = [];
  for (const transport of transports) {
    const token = options.token === undefined ? {} : { token: options.token };
    clients.push(resources.use(await EventLog.inRoom(url, roomId, { transport, ...token })));
  }
  const key = options.key === undefined ? {} : { key: options.key };
  await postEvents(url, fullEvents(roomId), key);
  await postEvents(url, '{"event_type":', key);
  await clients[0]?.connection.invoke('SendTyping', roomId, true);
  await clients[1]?.connection.invoke('MarkRead', roomId, [randomUUID()]);
  const last = notification(roomId, 'the last one');
  await postEvents(url, last, key);
  for (const client of clients) await client.event(({ event_id }) => event_id === last.event_id);
  await readMetricsText(url);
  for (const path of ['/healthz', '/readyz', '/v1/openapi.json']) await (await fetch(url + path)).text();
}

describe.skipIf(!isPossible)('a gateway under a trace', () => {
  test('a gateway in full use connects only to Redis and the key server, even during an outage of both', async () => {
    await using trace = await NetworkTrace.start();
    await using redis = await startRedis();
    await using keyServer = await KeyServer.start();
    await using gateway = await GatewayProcess.start(
      {
        MILLRACE_DEV: '0',
        MILLRACE_REDIS_URL: redis.url,
        MILLRACE_JWKS_URL: keyServer.url,
        MILLRACE_JWKS_REFRESH_MS: '1',
        MILLRACE_API_KEYS: apiKey,
      },
      { under: trace.command },
    );
    gateway.mayLogErrors = true;
    const credentials = {
      token: await keyServer.sign({ sub: randomUUID(), name: 'Ana', rooms: ['traced-room'] }),
      key: apiKey,
    };
    await useEverything(gateway.url, credentials);
    await redis.stop();
    await gateway.line(/"state":"unavailable"/);
    await keyServer.stop();
    await redis.restart();
    await keyServer.restart();
    await eventually(async () => expect((await readReadiness(gateway.url)).status).toBe(200));
    await useEverything(gateway.url, credentials);
    expect(await gateway.stop()).toBe(0);
    const ports = [redis.port, Number(new URL(keyServer.url).port)];
    expect(await trace.destinations()).toEqual(ports.map((port) => `127.0.0.1:${port}`).sort());
  });

  test('a gateway with the embedded broker and the demo opens no connections', async () => {
    await using trace = await NetworkTrace.start();
    await using gateway = await GatewayProcess.start(
      { MILLRACE_APP: '@millrace/helpdesk' },
      { under: trace.command },
    );
    await useEverything(gateway.url);
    expect(await gateway.stop()).toBe(0);
    expect(await trace.destinations()).toEqual([]);
  });

  test('a gateway with an instance URL connects only to Redis and to the other gateway', async () => {
    await using trace = await NetworkTrace.start();
    await using resources = new Resources();
    const redis = resources.use(await startRedis());
    const start = async (under: readonly string[]): Promise<GatewayProcess> => {
      const port = String(await freePort());
      const environment = {
        MILLRACE_PORT: port,
        MILLRACE_REDIS_URL: redis.url,
        MILLRACE_INSTANCE_URL: `http://127.0.0.1:${port}`,
        MILLRACE_CONNECTION_KEYS: 'k'.repeat(32),
      };
      return resources.use(await GatewayProcess.start(environment, { under }));
    };
    const traced = await start(trace.command);
    const other = await start([]);
    // The client negotiates with one gateway and polls at the other, which forwards its requests.
    const { connectionToken } = (await (
      await fetch(`${other.url}/hubs/events/negotiate?negotiateVersion=1`, { method: 'POST' })
    ).json()) as { readonly connectionToken: string };
    const path = `/hubs/events?id=${encodeURIComponent(connectionToken)}`;
    expect((await fetch(other.url + path)).status).toBe(200);
    expect(
      (await fetch(traced.url + path, { method: 'POST', body: '{"protocol":"json","version":1}\u001e' }))
        .status,
    ).toBe(200);
    await useEverything(traced.url);
    expect(await traced.stop()).toBe(0);
    // Before its start, the gateway tried whether a program answers at its own port.
    const expected = [redis.port, ...[traced, other].map(({ url }) => Number(new URL(url).port))];
    expect(await trace.destinations()).toEqual(expected.map((port) => `127.0.0.1:${port}`).sort());
  });

  test('the trace shows connections over TCP and UDP, and connections of worker threads and child processes', async () => {
    await using trace = await NetworkTrace.start();
    const port = await freePort();
    const [file = '', ...args] = trace.command;
    const program = `
      import { connect } from 'node:net';
      import { createSocket } from 'node:dgram';
      import { Worker } from 'node:worker_threads';
      import { spawnSync } from 'node:child_process';
      const opens = (address) => \`process.getBuiltinModule('node:net').connect(${port}, '\${address}').on('error', () => {})\`;
      await new Promise((resolve) => connect(${port}, '127.0.0.2').on('error', resolve));
      await new Promise((resolve) => { const udp = createSocket('udp4'); udp.send('x', ${port}, '127.0.0.3', () => udp.close(resolve)); });
      await new Promise((resolve) => new Worker(opens('127.0.0.4'), { eval: true }).on('exit', resolve));
      spawnSync(process.execPath, ['-e', opens('127.0.0.5')]);
      await fetch('http://127.0.0.6:${port}').catch(() => {});
    `;
    await using traced = new CliProcess({
      file,
      args: [...args, process.execPath, '--input-type=module', '-e', program],
      hasChildren: true,
    });
    expect(await traced.exit(), traced.output).toBe(0);
    expect(await trace.destinations()).toEqual([2, 3, 4, 5, 6].map((last) => `127.0.0.${last}:${port}`));
  });
});
