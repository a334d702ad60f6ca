// Every snippet of the README works unchanged.
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { HubConnectionBuilder, LogLevel } from '@microsoft/signalr';
import { freePort } from '@millrace/testkit';
import { build, preview } from 'vite';
import { expect, test } from 'vitest';
import { TestBrowser } from '../../fixtures/browser/browser.js';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { CliProcess, repositoryPath } from '../../fixtures/processes/cli-process.js';
import { atAddresses, readSnippet } from '../../fixtures/readme.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const roomId = 'ticket-42';
const system = sharedSystem(() => startOnRedis());

test('the README snippet “express” compiles under strict rules and publishes a status change', async () => {
  await using folder = await temporaryFolder();
  const port = await freePort();
  const code = atAddresses(await readSnippet('express'), { redis: system().redis.url });
  await writeFile(`${folder.path}/app.mts`, placed(code, 'app.listen(3000)', `app.listen(${port})`));
  const compiler = `${repositoryPath}node_modules/typescript/bin/tsc`;
  const options =
    '--ignoreConfig --strict --module nodenext --target es2023 --skipLibCheck --types node'.split(' ');
  await run(process.execPath, [compiler, ...options, `${folder.path}/app.mts`]);
  await using client = await memberOf(roomId);
  await using _app = new CliProcess({ file: process.execPath, args: [`${folder.path}/app.mjs`] });
  await answersAt(`http://127.0.0.1:${port}/tickets/42/solve`, 204);
  const [event] = await client.received(1);
  expect(event).toMatchObject({
    event_type: 'status_change',
    payload: { old_status: 'open', new_status: 'solved' },
  });
});

test('the README snippet “fastapi” publishes a notification with a plain XADD', async () => {
  await using folder = await temporaryFolder();
  const port = await freePort();
  await writeFile(
    `${folder.path}/app.py`,
    atAddresses(await readSnippet('fastapi'), { redis: system().redis.url }),
  );
  await using client = await memberOf(roomId);
  // Debian's Python is used, because FastAPI is installed as a Debian package.
  await using _app = new CliProcess({
    file: '/usr/bin/python3',
    args: ['-m', 'uvicorn', 'app:app', '--port', String(port), '--app-dir', folder.path],
  });
  await answersAt(`http://127.0.0.1:${port}/tickets/42/remind`, 200);
  const [event] = await client.received(1);
  expect(event).toMatchObject({
    event_type: 'notification',
    payload: { type: 'info', title: 'Maria is on it' },
    metadata: { source_instance: 'api-1' },
  });
});

test('the README snippet “browser” shows a notification in Chromium, on a page of another origin', async () => {
  await using folder = await temporaryFolder();
  await writeFile(
    `${folder.path}/main.ts`,
    atAddresses(await readSnippet('browser'), { gateway: system().url }),
  );
  await writeFile(
    `${folder.path}/index.html`,
    '<!doctype html><link rel="icon" href="data:,"><body><script type="module" src="/main.ts"></script>',
  );
  await using site = await servePage(folder.path);
  await using browser = await TestBrowser.start();
  const page = await browser.page('http://127.0.0.1');
  await page.goto(site.url);
  const { publisher } = system();
  // The page does not show when it has joined. Therefore the test publishes until a notification appears.
  await eventually(async () => {
    await publisher.publish('notification', roomId, { type: 'info', title: 'seen in the browser' });
    expect(await page.textContent('body')).toContain('seen in the browser');
  });
});

test('the README snippet “signalr-only” serves the official client', async () => {
  await using folder = await temporaryFolder();
  const port = await freePort();
  await writeFile(
    `${folder.path}/server.mjs`,
    placed(
      await readSnippet('signalr-only'),
      'http.listen(5000)',
      `http.listen(${port}, '127.0.0.1', () => console.log('ready'))`,
    ),
  );
  await using server = new CliProcess({ file: process.execPath, args: [`${folder.path}/server.mjs`] });
  await server.line(/^ready$/);
  const connection = new HubConnectionBuilder()
    .withUrl(`http://127.0.0.1:${port}/chat`)
    .configureLogging(LogLevel.None)
    .build();
  const said = new Promise<unknown>((resolve) => connection.on('said', (_from, text) => resolve(text)));
  await connection.start();
  await connection.invoke('say', 'hello');
  expect(await said).toBe('hello');
  await connection.stop();
});

test('the README snippet “publish-curl” publishes a notification', async () => {
  await using client = await memberOf(roomId);
  await run('bash', ['-c', atAddresses(await readSnippet('publish-curl'), { gateway: system().url })]);
  const [event] = await client.received(1);
  expect(event).toMatchObject({
    event_type: 'notification',
    payload: { type: 'info', title: 'Maria is on it' },
  });
});

test('the README snippet “read-curl” shows a notification as soon as it is published', async () => {
  const code = atAddresses(await readSnippet('read-curl'), { gateway: system().url });
  await using reader = new CliProcess({ file: 'bash', args: ['-c', code], hasChildren: true });
  await reader.line(/^event: position$/);
  await system().publisher.publish('notification', roomId, { type: 'info', title: 'seen by curl' });
  await reader.line(/^event: notification$/);
  await reader.line(/^data: \{"event_id":.*"title":"seen by curl"/);
});

test('the README snippet “event-source” shows a notification in Chromium, on a page of another origin', async () => {
  const code = atAddresses(await readSnippet('event-source'), { gateway: system().url });
  await using browser = await TestBrowser.start();
  const page = await browser.page('http://127.0.0.1');
  const port = await freePort();
  await using _site = await serveText(
    port,
    `<!doctype html><link rel="icon" href="data:,"><body><script>${code}</script>`,
  );
  await page.goto(`http://127.0.0.1:${port}/`);
  await eventually(async () => {
    await system().publisher.publish('notification', roomId, { type: 'info', title: 'seen by EventSource' });
    expect(await page.textContent('body')).toContain('seen by EventSource');
  });
});

test('the gateway serves the committed OpenAPI document', async () => {
  const response = await fetch(`${system().url}/v1/openapi.json`);
  expect(response.headers.get('content-type')).toContain('application/json');
  const committed = await readFile(`${repositoryPath}docs/contract/openapi.json`, 'utf8');
  expect(await response.json()).toEqual(JSON.parse(committed));
});

async function memberOf(room: string): Promise<EventLog> {
  const client = await EventLog.connect(system().url);
  await client.join(room);
  return client;
}

/** Replaces a text, and throws if the code does not contain it. */
function placed(code: string, written: string, real: string): string {
  if (!code.includes(written)) throw new Error(`the snippet does not say ${written}`);
  return code.replace(written, real);
}

/** Posts until a server that is starting answers with the expected status. */
async function answersAt(url: string, status: number): Promise<void> {
  await eventually(async () => expect((await fetch(url, { method: 'POST' })).status).toBe(status));
}

/** Builds a page with a bundler, as a user does, and serves it. */
async function servePage(root: string): Promise<AsyncDisposable & { readonly url: string }> {
  await build({ root, logLevel: 'silent', build: { outDir: 'site' } });
  const server = await preview({
    root,
    logLevel: 'silent',
    build: { outDir: 'site' },
    preview: { port: 0, host: '127.0.0.1' },
  });
  const url = server.resolvedUrls?.local[0];
  if (url === undefined) throw new Error('the page is not served');
  return { url, [Symbol.asyncDispose]: () => server.close() };
}

/** Serves one page. */
async function serveText(port: number, html: string): Promise<AsyncDisposable> {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html');
    response.end(html);
  });
  await new Promise<void>((resolve) => {
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

/** Runs a program to its end, and throws if it fails. */
async function run(file: string, args: readonly string[]): Promise<void> {
  await using program = new CliProcess({ file, args });
  if ((await program.exit()) !== 0) throw new Error(`${file} failed:\n${program.output}`);
}

/** Creates a folder inside the repository, so that modules find packages by name. */
async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = `${repositoryPath}e2e/dist/${randomUUID()}`;
  await mkdir(path, { recursive: true });
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}
