// Every snippet of the README works as it stands.
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { CliProcess, repositoryPath } from '../fixtures/cli-process.js';
import { startOnRedis } from '../fixtures/delivery-system.js';
import { EventLog } from '../fixtures/event-log.js';
import { eventually } from '../fixtures/eventually.js';
import { atAddresses, readSnippet } from '../fixtures/readme.js';
import { sharedSystem } from '../fixtures/shared-system.js';

const roomId = 'ticket-42';
const system = sharedSystem(() => startOnRedis());
const hasPython = spawnSync('python3', ['--version']).status === 0;

test('publish-typescript compiles under strict rules and publishes a status change', async () => {
  await using folder = await temporaryFolder();
  await writeFile(
    `${folder.path}/publish.mts`,
    atAddresses(await readSnippet('publish-typescript'), { redis: system().redis.url }),
  );
  const compiler = `${repositoryPath}node_modules/typescript/bin/tsc`;
  const options = [
    '--ignoreConfig',
    '--strict',
    '--module',
    'nodenext',
    '--target',
    'es2023',
    '--skipLibCheck',
    '--types',
    'node',
  ];
  await run(process.execPath, [compiler, ...options, `${folder.path}/publish.mts`]);
  await using client = await memberOf(roomId);
  await run(process.execPath, [`${folder.path}/publish.mjs`]);
  const [event] = await client.received(1);
  expect(event).toMatchObject({
    event_type: 'status_change',
    payload: { old_status: 'open', new_status: 'solved' },
  });
});

test('publish-curl publishes a notification', async () => {
  await using client = await memberOf(roomId);
  await run('bash', ['-c', atAddresses(await readSnippet('publish-curl'), { gateway: system().url })]);
  const [event] = await client.received(1);
  expect(event).toMatchObject({
    event_type: 'notification',
    payload: { type: 'info', title: 'Maria is on it' },
  });
});

test.skipIf(!hasPython)('publish-python adds a full entry (needs python3)', async () => {
  await using folder = await temporaryFolder();
  if (spawnSync('python3', ['-c', 'import redis']).status !== 0) {
    await cp(fileURLToPath(new URL('../fixtures/redis.py', import.meta.url)), `${folder.path}/redis.py`);
  }
  await writeFile(
    `${folder.path}/publish.py`,
    atAddresses(await readSnippet('publish-python'), { redis: system().redis.url }),
  );
  await using client = await memberOf(roomId);
  await run('python3', [`${folder.path}/publish.py`]);
  const [event] = await client.received(1);
  expect(event).toMatchObject({
    event_type: 'notification',
    payload: { type: 'info', title: 'Maria is on it' },
    metadata: { source_instance: 'api-1' },
  });
});

test('receive prints each notification of the room once', async () => {
  await using folder = await temporaryFolder();
  await writeFile(
    `${folder.path}/receive.mjs`,
    atAddresses(await readSnippet('receive'), { gateway: system().url }),
  );
  await using receiver = new CliProcess({ file: process.execPath, args: [`${folder.path}/receive.mjs`] });
  const { publisher } = system();
  // The program does not say when it has joined, so it is asked until it answers.
  await eventually(async () => {
    await publisher.publish('notification', roomId, { type: 'info', title: 'are you there?' });
    expect(receiver.output).toContain('are you there?');
  });
  const eventId = randomUUID();
  for (const title of ['once', 'again'])
    await publisher.publish('notification', roomId, { type: 'info', title }, { eventId });
  await publisher.publish('notification', roomId, { type: 'info', title: 'the last' });
  await receiver.line(/^the last$/);
  expect(receiver.lines.filter((line) => line === 'once' || line === 'again')).toEqual(['once']);
});

async function memberOf(room: string): Promise<EventLog> {
  const client = await EventLog.connect(system().url);
  await client.join(room);
  return client;
}

/** Runs a program to its end, which must be a good one. */
async function run(file: string, args: readonly string[]): Promise<void> {
  await using program = new CliProcess({ file, args });
  if ((await program.exit()) !== 0) throw new Error(`${file} failed:\n${program.output}`);
}

/** A folder inside the repository, where packages are found by their names. */
async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = `${repositoryPath}e2e/dist/${randomUUID()}`;
  await mkdir(path, { recursive: true });
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}
