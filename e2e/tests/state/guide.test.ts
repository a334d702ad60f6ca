// The snippets of docs/never-stale.md work unchanged: a FastAPI backend, and a plain client that follows the recipe.
import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { freePort } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { CliProcess, repositoryPath } from '../../fixtures/processes/cli-process.js';
import { atAddresses, readSnippet } from '../../fixtures/readme.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const guide = 'docs/never-stale.md';

test.each([
  ['load-recipe', 'load.js'],
  ['use-load', 'use-load.js'],
])('the guide’s snippet %s is the same as examples/%s', async (snippet, file) => {
  const code = await readSnippet(snippet, guide);
  expect(`${code}\n`).toBe(await readFile(`${repositoryPath}examples/${file}`, 'utf8'));
});

test('the guide’s FastAPI backend and plain client show every message once, in order', async () => {
  await using system = await startOnRedis();
  const path = `${repositoryPath}e2e/dist/${randomUUID()}`;
  await mkdir(path, { recursive: true });
  await using _folder = { [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
  const port = await freePort();
  const backend = `http://127.0.0.1:${port}`;
  await writeFile(
    `${path}/app.py`,
    atAddresses(await readSnippet('fastapi-state', guide), { redis: system.redis.url }),
  );
  for (const file of ['load.js', 'resume.js'])
    await copyFile(`${repositoryPath}examples/${file}`, `${path}/${file}`);
  await writeFile(`${path}/package.json`, '{ "type": "module" }');
  const use = atAddresses(await readSnippet('use-load', guide), { gateway: system.url, backend });
  await writeFile(`${path}/use-load.js`, use);
  // Uses Debian's Python, because FastAPI is a Debian package there.
  await using _backend = new CliProcess({
    file: '/usr/bin/python3',
    args: ['-m', 'uvicorn', 'app:app', '--port', String(port), '--app-dir', path],
    folder: path,
  });
  const say = async (content: string): Promise<void> => {
    const url = `${backend}/rooms/ticket-42/messages?content=${content}`;
    await eventually(async () => expect((await fetch(url, { method: 'POST' })).status).toBe(200));
  };
  await say('before');
  await using program = new CliProcess({ file: process.execPath, args: [`${path}/use-load.js`] });
  await program.line(/^ticket-42: 1 messages$/);
  for (const content of ['one', 'two', 'three']) await say(content);
  await program.line(/^ticket-42: three$/);
  expect(program.lines.filter((line) => line.startsWith('ticket-42: '))).toEqual([
    'ticket-42: 1 messages',
    'ticket-42: one',
    'ticket-42: two',
    'ticket-42: three',
  ]);
  expect(await (await fetch(`${backend}/rooms/ticket-42/messages`)).json()).toMatchObject({
    state: [{ content: 'before' }, { content: 'one' }, { content: 'two' }, { content: 'three' }],
    upTo: { sequence: 4 },
  });
});
