// The small examples of the pages in docs/ compile, and those that do something do it. Longer examples are tested beside their
// subject.
import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { CliProcess, repositoryPath } from '../../fixtures/processes/cli-process.js';
import { readSnippet } from '../../fixtures/readme.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const system = sharedSystem(() => startOnRedis());

const client = `import { createClient } from '@millrace/client';
declare const client: ReturnType<typeof createClient>;`;
const publisher = `import type { connectPublisher } from '@millrace/publisher';
declare const publisher: Awaited<ReturnType<typeof connectPublisher>>;`;

/** Each snippet of TypeScript or JavaScript that only has to compile: its page, and the declarations that the page leaves out. */
const compiled: readonly (readonly [name: string, page: string, before: string])[] = [
  ['remove-member', 'docs/membership.md', publisher],
  ['on-removed', 'docs/membership.md', `${client}\ndeclare function closeTicket(roomId: string): void;`],
  ['show-members', 'docs/presence.md', `${client}\ndeclare function show(text: string): void;`],
  ['redis-tls', 'docs/redis.md', ''],
  [
    'spread-catalog',
    'docs/own-event-types.md',
    `import { defineCatalog, defineStream, eventCatalog } from '@millrace/contract';
declare const orderShipped: (typeof eventCatalog.eventTypes)[number];`,
  ],
  ['catalog-recommended', 'docs/contract/README.md', ''],
  ['indicator', 'docs/contract/README.md', ''],
];

test('the small examples of the pages compile under strict rules', async () => {
  await using folder = await temporaryFolder();
  for (const [name, page, before] of compiled) {
    const code = await readSnippet(name, page);
    await writeFile(`${folder.path}/${name}.mts`, `${before}\n${code}\nexport {};\n`);
  }
  const options =
    '--ignoreConfig --strict --noEmit --module nodenext --target es2023 --skipLibCheck --types node'.split(
      ' ',
    );
  const files = compiled.map(([name]) => `${folder.path}/${name}.mts`);
  const compiler = `${repositoryPath}node_modules/typescript/bin/tsc`;
  expect(await outputOf(process.execPath, [compiler, ...options, ...files])).toEqual([]);
});

test('the commands of the pages remove a user from a room, let the user in again, and sign the user out', async () => {
  const removed = await shell('remove-curl', 'docs/membership.md');
  expect(removed).toHaveLength(2);
  for (const answer of removed) expect(JSON.parse(answer)).not.toHaveProperty('code');
  const [signedOut = ''] = await shell('sign-out-curl', 'docs/membership.md');
  expect(JSON.parse(signedOut)).not.toHaveProperty('code');
});

test('the command of the guide to erasure erases the event, and prints the answer that the guide shows', async () => {
  const code = await readSnippet('erase-curl', 'docs/erasure.md');
  const id = /events\/([\w-]+)/.exec(code)?.[1] ?? '';
  await system().publisher.publish(
    'notification',
    'ticket-42',
    { type: 'info', title: 'erase me' },
    { eventId: id },
  );
  const [answer = ''] = await shell('erase-curl', 'docs/erasure.md');
  const shown = /^# (\{.*\})$/m.exec(code)?.[1] ?? '';
  expect(Object.keys(JSON.parse(answer))).toEqual(Object.keys(JSON.parse(shown)));
  expect(JSON.parse(answer)).toMatchObject({ erased: 1 });
});

test('the guide to presence shows the form of the answers to its commands', async () => {
  await using _member = await memberOf('ticket-42');
  const code = await readSnippet('presence-curl', 'docs/presence.md');
  const shown = Array.from(code.matchAll(/^# (\{.*\})$/gm), ([, json = '']) => JSON.parse(json) as object);
  await eventually(async () => {
    const [room, user] = (await shell('presence-curl', 'docs/presence.md')).map((line) => JSON.parse(line));
    expect(Object.keys(room)).toEqual(Object.keys(shown[0] ?? {}));
    expect(room.users).toBe(1);
    expect(Object.keys(shown[1] ?? {})).toEqual(expect.arrayContaining(Object.keys(user)));
  });
});

async function memberOf(room: string): Promise<EventLog> {
  const log = await EventLog.connect(system().url);
  await log.join(room);
  return log;
}

/** Runs the shell commands of a page at the system's gateway, and returns their answers. */
async function shell(name: string, page: string): Promise<readonly string[]> {
  const url = system().url;
  const code = (await readSnippet(name, page))
    .replaceAll(/(?:https?:\/\/)?(?:localhost:4400|live\.example\.com)/g, url)
    .replaceAll(/^curl(?! -sS)/gm, 'curl -sS -w "\\n"');
  return outputOf('bash', ['-c', code]);
}

/** Runs a program to its end, and returns its lines. Throws if it fails. */
async function outputOf(file: string, args: readonly string[]): Promise<readonly string[]> {
  await using program = new CliProcess({ file, args, environment: { KEY: 'any' } });
  if ((await program.exit()) !== 0) throw new Error(`${file} failed:\n${program.output}`);
  return program.lines.filter((line) => line !== '');
}

/** Creates a folder inside the repository, so that modules find packages by name. */
async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = `${repositoryPath}e2e/dist/${randomUUID()}`;
  await mkdir(path, { recursive: true });
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}
