// The page “Getting started” works step by step. With FROM_TARBALLS=1 the packages are installed in a folder outside of the
// repository, as the page says; otherwise the built packages of the repository are used.
import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@millrace/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TestBrowser } from '../../fixtures/browser/browser.js';
import { CliProcess, cliPath, repositoryPath } from '../../fixtures/processes/cli-process.js';
import { Tarballs } from '../../fixtures/processes/installed-app.js';
import { readSnippet } from '../../fixtures/readme.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const page = 'docs/getting-started.md';
/** True if the packages are installed from tarballs, as step 1 says. It takes a registry for their dependencies. */
const isInstalled = process.env['FROM_TARBALLS'] === '1';
const ports = { gateway: 0, redis: 0, vite: 0 };
let parent = '';
let folder = '';

beforeAll(async () => {
  parent = isInstalled
    ? await mkdtemp(join(tmpdir(), 'millrace-start-'))
    : `${repositoryPath}e2e/dist/${randomUUID()}`;
  folder = `${parent}/live`;
  for (const name of ['gateway', 'redis', 'vite'] as const) ports[name] = await freePort();
  if (isInstalled) await install();
  else await mkdir(folder, { recursive: true });
  for (const file of ['index.html', 'main.js'])
    await writeFile(
      `${folder}/${file}`,
      placed(await readFile(`${repositoryPath}examples/getting-started/${file}`, 'utf8')),
    );
});

afterAll(async () => rm(parent, { recursive: true }));

/** Step 1, with tarballs of this repository in place of a registry. */
async function install(): Promise<void> {
  await using tarballs = await Tarballs.pack();
  const code = (await readSnippet('start-install', page)).replaceAll(
    /@millrace\/(\w+)/g,
    (_, name: string) => `${tarballs.path}/millrace-${name}-*.tgz`,
  );
  await using shell = new CliProcess({
    file: 'bash',
    args: ['-ec', code],
    folder: parent,
    hasChildren: true,
  });
  if ((await shell.exit()) !== 0) throw new Error(`step 1 failed:\n${shell.output}`);
}

/** Gives a text the ports of this test, and the programs of this repository where nothing is installed. */
function placed(text: string): string {
  const withPorts = text
    .replaceAll('localhost:4400', `localhost:${ports.gateway}`)
    .replaceAll('6390', String(ports.redis))
    .replaceAll('millrace tail', `millrace tail --url http://localhost:${ports.gateway}`)
    .replaceAll('npx vite', `npx vite --port ${ports.vite}`);
  if (isInstalled) return withPorts;
  return withPorts
    .replaceAll('npx millrace', `"${process.execPath}" "${cliPath}"`)
    .replaceAll('npx vite', `"${process.execPath}" "${repositoryPath}node_modules/vite/bin/vite.js"`);
}

/** Starts the commands of a step in a shell. */
async function step(name: string): Promise<CliProcess> {
  return new CliProcess({
    file: 'bash',
    args: ['-c', placed(await readSnippet(name, page))],
    folder,
    hasChildren: true,
    environment: { MILLRACE_PORT: String(ports.gateway) },
  });
}

/** Runs the commands of a step to their end, and returns their output. */
async function run(name: string): Promise<string> {
  await using program = await step(name);
  const code = await program.exit();
  if (code !== 0) throw new Error(`${name} ended with ${code}:\n${program.output}`);
  return program.output;
}

const listening = /"msg":"listening"/;

test('the steps of “Getting started” show events in a terminal and on a page, and lose none when the gateway is unavailable', async () => {
  const first = await step('start-serve');
  await using _first = first;
  await first.line(listening);
  {
    await using tail = await step('start-tail');
    await tail.line(/listening to ticket-42/);
    expect(await run('start-publish')).toContain('"status":"stored"');
    await tail.line(/^\S+Z {2}notification +\{ "type": "info", "title": "Maria is on it" \}$/);
  }
  await using vite = await step('start-vite');
  await vite.line(/Local:/);
  await using browser = await TestBrowser.start();
  const shown = await browser.page('http://localhost');
  await shown.goto(`http://localhost:${ports.vite}/`);
  const shows = async (text: string): Promise<void> =>
    eventually(async () => expect(await shown.textContent('body')).toContain(text));
  await shows('Connection: live');
  await run('start-publish');
  await shows('Maria is on it');
  expect(await run('start-mistake')).toContain('"status":422');
  await first.stop('SIGINT');

  const onRedis = await step('start-redis');
  await using _onRedis = onRedis;
  await onRedis.line(listening);
  try {
    await shows('Some events are missing');
    await shows('Connection: live');
    await run('start-xadd');
    await shows('Written by XADD');
    await onRedis.stop('SIGINT');
    await shows('Connection: reconnecting');
    await run('start-xadd');
    await using again = await step('start-again');
    await again.line(listening);
    await shows('Connection: live');
    await eventually(async () =>
      expect((await shown.textContent('body'))?.split('Written by XADD')).toHaveLength(3),
    );
    await again.stop('SIGINT');
    await outsideDevelopment();
  } finally {
    await run('start-end');
  }
  // Chromium reports the requests to gateways that were stopped, and to the last one, which does not allow the page's origin.
  for (const complaint of browser.takeComplaints())
    expect(complaint).toMatch(/net::ERR_|403|Failed to|blocked by CORS policy/);
});

/** Step 7: a gateway with secrets, a token and a key. */
async function outsideDevelopment(): Promise<void> {
  await using gateway = await step('start-secrets');
  await gateway.line(listening);
  await using tail = await step('start-tail-token');
  await tail.line(/listening to ticket-42/);
  expect(await run('start-publish-key')).toContain('"status":"stored"');
  await tail.line(/With a key/);
  await gateway.stop('SIGINT');
}
