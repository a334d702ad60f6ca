// The commands and programs of docs/own-event-types.md, run as they are written: each way in, and the official SignalR client.
import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { startRedis } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { CliProcess, repositoryPath } from '../../fixtures/processes/cli-process.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { atAddresses, readSnippet } from '../../fixtures/readme.js';
import { Resources } from '../../fixtures/systems/resources.js';

const guide = 'docs/own-event-types.md';
const folder = `${repositoryPath}examples/own-types`;

test('an event of an own type that is published by redis-cli, by HTTP and by the library reaches the official client', async () => {
  await using resources = new Resources();
  const redis = resources.use(await startRedis());
  const gateway = resources.use(
    await GatewayProcess.start({ MILLRACE_REDIS_URL: redis.url, MILLRACE_APP: `${folder}/app.mjs` }),
  );
  // Inside the repository, so that the programs find the packages by name.
  const place = `${repositoryPath}e2e/dist/${randomUUID()}`;
  await mkdir(place, { recursive: true });
  resources.defer(() => rm(place, { recursive: true }));
  await copyFile(`${folder}/app.mjs`, `${place}/app.mjs`);
  const program = async (
    snippet: string,
    addresses: Parameters<typeof atAddresses>[1],
  ): Promise<CliProcess> => {
    const name = snippet.replace('own-types-', '');
    const code = await readFile(`${folder}/${name}.mjs`, 'utf8');
    expect(`${await readSnippet(snippet, guide)}\n`).toBe(code);
    await writeFile(`${place}/${name}.mjs`, atAddresses(code, addresses));
    return resources.use(new CliProcess({ file: process.execPath, args: [`${place}/${name}.mjs`] }));
  };
  const command = async (snippet: string, addresses: Parameters<typeof atAddresses>[1]): Promise<void> => {
    const code = atAddresses(await readSnippet(snippet, guide), addresses);
    await using shell = new CliProcess({ file: 'bash', args: ['-c', code], hasChildren: true });
    expect(await shell.exit(), shell.output).toBe(0);
  };

  const client = await program('own-types-receive', { gateway: gateway.url });
  await client.line(/^joined$/);
  await command('own-types-redis', { redis: redis.url });
  await command('own-types-http', { gateway: gateway.url });
  expect(await (await program('own-types-publish', { redis: redis.url })).exit()).toBe(0);
  for (const parcels of [1, 2, 3]) await client.line(new RegExp(`^order-7 .*parcels: ${parcels} `));
});
