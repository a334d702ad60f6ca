// The program `millrace` serves an application module, and refuses a module that it cannot serve.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HubConnectionBuilder, LogLevel } from '@microsoft/signalr';
import { expect, test } from 'vitest';
import { CliProcess, repositoryPath } from '../../fixtures/processes/cli-process.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';

const example = `${repositoryPath}examples/own-types/app.mjs`;

test('a client in the room receives an event of the application that its route publishes', async () => {
  await using gateway = await GatewayProcess.start({ MILLRACE_APP: example });
  const connection = new HubConnectionBuilder()
    .withUrl(`${gateway.url}/hubs/events`)
    .configureLogging(LogLevel.None)
    .build();
  const received = new Promise<unknown>((resolve) => {
    connection.on('order_shipped', resolve);
  });
  await connection.start();
  try {
    await connection.invoke('JoinRoom', 'order-7');
    const response = await fetch(`${gateway.url}/orders/7/ship`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"parcels":2}',
    });
    expect(response.status).toBe(201);
    expect(await received).toMatchObject({
      event_type: 'order_shipped',
      room_id: 'order-7',
      payload: { order_id: '7', parcels: 2 },
    });
  } finally {
    await connection.stop();
  }
});

test('the types of an application replace the built-in event types', async () => {
  await using gateway = await GatewayProcess.start({ MILLRACE_APP: example });
  const event = { event_type: 'notification', room_id: 'order-7', payload: {} };
  const response = await fetch(`${gateway.url}/v1/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(event),
  });
  expect(response.status).toBe(422);
  expect(await response.text()).toContain('order_shipped');
});

test('the guide to own event types shows the unchanged example module', async () => {
  const guide = await readFile(`${repositoryPath}docs/own-event-types.md`, 'utf8');
  expect(guide).toContain(await readFile(example, 'utf8'));
});

test('the command check prints what an application serves', async () => {
  await using check = CliProcess.millrace(['check', '--app', example]);
  expect(await check.exit()).toBe(0);
  expect(check.lines[0]).toBe('orders: valid');
  expect(check.output).toContain('order_shipped  events:orders');
});

test.each<[string, string, RegExp]>([
  ['has no default export', 'export const app = {};', /app\.mjs has no default export\. .*defineApp/],
  [
    'fails while it loads',
    '\nthrow new Error("no database");',
    /could not be loaded: no database \(file:\/\/\S+app\.mjs:2:7\)$/,
  ],
  [
    'is not valid JavaScript',
    'const name = ;',
    /loaded: Unexpected token ';'\. To see the line, run node \/\S+\/app\.mjs$/,
  ],
  [
    'has a stream without maxLength',
    `import { defineStream } from '${repositoryPath}packages/contract/dist/node/index.js';\ndefineStream({ name: 'orders' });`,
    /could not be loaded: .*maxLength must be .* \(file:\/\/\S+app\.mjs:2:1\)$/,
  ],
  ['throws no error but null', 'throw null;', /could not be loaded: null/],
  ['ends the process', 'process.exit(0);', /was not loaded: it ended the process, or waits/],
  ['waits for ever', 'await new Promise(() => {});', /was not loaded: it ended the process, or waits/],
  ['has a wrong part', 'export default { http: 1 };', /app\.mjs: http must be a function, not 1/],
])('a gateway does not start with an application module that %s', async (_, text, pattern) => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-app-'));
  try {
    await writeFile(join(folder, 'app.mjs'), text);
    const message = await refusal(['serve', '--app', './app.mjs'], folder);
    expect(message).toMatch(pattern);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a wrong declaration is refused with the line of the module that has it', async () => {
  const module = `${repositoryPath}e2e/fixtures/apps/wrong-stream.mjs`;
  expect(await refusal(['check', '--app', module], tmpdir())).toMatch(
    /loaded: stream "events:orders" has no field retension: did you mean retention\? \(file:\/\/\S+wrong-stream\.mjs:4:1\)$/,
  );
});

test.each([
  ['throws', "throw new Error('no database');", 'no database'],
  [
    'registers a plugin that fails',
    "http.register(async () => { throw new Error('no plugin'); });",
    'no plugin',
  ],
  [
    'listens',
    'return http.listen({ port: 0 }).then(() => undefined);',
    'it has called http.listen(). Leave that out: the gateway listens itself',
  ],
])(
  'a function http of an application that %s is named in the last line of a gateway that does not start',
  async (_, body, reason) => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-app-'));
    try {
      const text = `export default { name: 'desk', http({ http }) { ${body} } };`;
      await writeFile(join(folder, 'app.mjs'), text);
      await using program = CliProcess.millrace(['serve', '--dev', '--app', join(folder, 'app.mjs')], {
        MILLRACE_PORT: '0',
      });
      expect(await program.exit()).toBe(1);
      expect(program.lines.at(-1)).toBe(
        `millrace: The function http of the application desk failed: ${reason}`,
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);

test('a stop that takes too long names the function of the application for which it has waited', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-app-'));
  try {
    await writeFile(join(folder, 'app.mjs'), 'export default { http: () => () => new Promise(() => {}) };');
    const environment = { MILLRACE_APP: join(folder, 'app.mjs'), MILLRACE_SHUTDOWN_TIMEOUT_MS: '100' };
    await using gateway = await GatewayProcess.start(environment);
    gateway.mayLogErrors = true;
    expect(await gateway.stop()).toBe(0);
    expect(gateway.output).toMatch(/"waitsFor":"application".*could not be closed in time/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test.each<[string, string, RegExp]>([
  ['a path that does not exist', './none.mjs', /application module \/.*none\.mjs does not exist/],
  [
    'a folder',
    './',
    /application module \/\S+ is a folder: give the path of the file that exports the application/,
  ],
  ['a package that is not installed', 'no-such-app', /no-such-app is not installed.*begins with \.\//],
])('a gateway does not start with %s as its application', async (_, module, pattern) => {
  expect(await refusal(['check', '--app', module], tmpdir())).toMatch(pattern);
});

/** Runs the program. It must exit with code 1 and print one line. Returns this line. */
async function refusal(args: readonly string[], folder: string): Promise<string> {
  await using program = new CliProcess({
    file: process.execPath,
    args: [`${repositoryPath}apps/gateway/bin/millrace.js`, ...args],
    environment: { MILLRACE_DEV: '1', MILLRACE_PORT: '0' },
    folder,
  });
  expect(await program.exit()).toBe(1);
  const [line = '', ...others] = program.lines;
  expect(others).toEqual([]);
  return line;
}
