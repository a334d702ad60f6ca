// The programs of the guides “From Socket.IO” and “From ASP.NET Core SignalR”, run as they are written.
import { randomUUID } from 'node:crypto';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { HubConnectionBuilder, LogLevel } from '@microsoft/signalr';
import { startRedis } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { CliProcess, repositoryPath } from '../../fixtures/processes/cli-process.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { atAddresses } from '../../fixtures/readme.js';
import { xadd } from '../../fixtures/redis/plain-redis.js';
import { Resources } from '../../fixtures/systems/resources.js';

test.each([
  ['examples/from-socket-io/catalog.mjs', 'docs/from-socket-io.md'],
  ['examples/from-socket-io/app.mjs', 'docs/from-socket-io.md'],
  ['examples/from-socket-io/server.mjs', 'docs/from-socket-io.md'],
  ['examples/from-socket-io/client.mjs', 'docs/from-socket-io.md'],
  ['examples/from-aspnet/app.mjs', 'docs/from-aspnet.md'],
])('the guide shows the file %s unchanged', async (file, page) => {
  const text = await readFile(`${repositoryPath}${page}`, 'utf8');
  expect(text).toContain(await readFile(`${repositoryPath}${file}`, 'utf8'));
});

test('the server and the client that come from Socket.IO exchange an event of their own type', async () => {
  await using resources = new Resources();
  const redis = resources.use(await startRedis());
  // Inside the repository, so that the programs find the packages by name.
  const place = `${repositoryPath}e2e/dist/${randomUUID()}`;
  resources.defer(() => rm(place, { recursive: true }));
  await cp(`${repositoryPath}examples/from-socket-io`, place, { recursive: true });
  const gateway = resources.use(
    await GatewayProcess.start({ MILLRACE_REDIS_URL: redis.url, MILLRACE_APP: `${place}/app.mjs` }),
  );
  const program = async (name: string, addresses: Parameters<typeof atAddresses>[1]): Promise<CliProcess> => {
    const file = `${place}/${name}.mjs`;
    await writeFile(file, atAddresses(await readFile(file, 'utf8'), addresses));
    const environment = { PORT: '0' };
    return resources.use(new CliProcess({ file: process.execPath, args: [file], environment }));
  };
  const server = await program('server', { redis: redis.url });
  const [, port = ''] = await server.line(/^ready at (\d+)$/);
  const client = await program('client', { gateway: gateway.url });
  await client.line(/^joined$/);
  const response = await fetch(`http://127.0.0.1:${port}/tickets/42/solve`, { method: 'POST' });
  expect(response.status).toBe(204);
  await client.line(/^status: solved$/);
});

test('a client of the ASP.NET Core hub calls its method and receives its message from the view', async () => {
  await using redis = await startRedis();
  await using gateway = await GatewayProcess.start({
    MILLRACE_APP: `${repositoryPath}examples/from-aspnet/app.mjs`,
    MILLRACE_REDIS_URL: redis.url,
  });
  const connection = new HubConnectionBuilder()
    .withUrl(`${gateway.url}/hubs/tickets`)
    .configureLogging(LogLevel.None)
    .build();
  const received = new Promise((resolve) => connection.on('MessageAdded', resolve));
  await connection.start();
  try {
    await connection.invoke('JoinTicket', '42');
    await xadd(redis, 'app:messages', { kind: 'MessageAdded', ticket: '42', data: '{"text":"Hello"}' });
    expect(await received).toEqual({ text: 'Hello' });
  } finally {
    await connection.stop();
  }
});
