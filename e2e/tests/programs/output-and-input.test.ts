// The commands as a user at a terminal meets them: output that cannot be written, misspelt names, servers that do not answer.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, startRedis } from '@millrace/testkit';
import { describe, expect, test } from 'vitest';
import { notification } from '../../fixtures/events/sample-events.js';
import { acceptEvents, statusOf } from '../../fixtures/http/ingest.js';
import { jwtSecret } from '../../fixtures/http/tokens.js';
import {
  CliProcess,
  cliPath,
  type Environment,
  repositoryPath,
} from '../../fixtures/processes/cli-process.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { xadd } from '../../fixtures/redis/plain-redis.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const example = `${repositoryPath}examples/own-types/app.mjs`;
const millrace = `'${process.execPath}' '${cliPath}'`;

function shell(line: string, environment: Environment = {}): CliProcess {
  return new CliProcess({ file: 'bash', args: ['-c', line], environment, hasChildren: true });
}

describe('standard output that cannot be written', () => {
  test.each([
    ['--help'],
    ['--version'],
    ['help tail'],
    ['tail --help'],
    [`check --app ${example}`],
    ['token --sub ann'],
  ])('the command millrace %s ends with code 1 and the reason', async (words) => {
    await using program = shell(`${millrace} ${words} > /dev/full`, { MILLRACE_JWT_SECRET: jwtSecret });
    expect(await program.exit()).toBe(1);
    expect(program.lines.at(-1)).toBe('millrace: standard output cannot be written (ENOSPC)');
  });

  test('the commands that ask a gateway or Redis end with code 1', async () => {
    await using redis = await startRedis();
    const environment = { MILLRACE_REDIS_URL: redis.url };
    await using gateway = await GatewayProcess.start(environment);
    await using tail = shell(`${millrace} tail --room room --url ${gateway.url} > /dev/full`);
    await tail.line(/listening/);
    await acceptEvents(gateway.url, notification('room', 'one'));
    expect(await tail.exit()).toBe(1);
    await xadd(redis, 'events:chat', { no: 'event' });
    await expect
      .poll(async () => {
        await using list = shell(`${millrace} dead-letters list > /dev/full`, environment);
        return [await list.exit(), list.lines.at(-1)];
      })
      .toEqual([1, 'millrace: standard output cannot be written (ENOSPC)']);
    for (const words of [
      `erase --room room --url ${gateway.url}`,
      'shadow --duration 1s',
      'dead-letters drop --all',
    ]) {
      await using program = shell(`${millrace} ${words} > /dev/full`, environment);
      expect([words, await program.exit()]).toEqual([words, 1]);
      expect(program.output).toContain('millrace: standard output cannot be written (ENOSPC)');
    }
  });

  test('a reader that has ended is not a failure, and ends millrace tail', async () => {
    await using gateway = await GatewayProcess.start();
    const line = `${millrace} tail --room room --url ${gateway.url} | head -1; echo "code \${PIPESTATUS[0]}"`;
    await using tail = shell(line);
    await tail.line(/listening/);
    for (const title of ['one', 'two', 'three']) await acceptEvents(gateway.url, notification('room', title));
    await tail.line(/code 0/);
    expect(tail.lines.filter((each) => !/listening|one|code 0/.test(each))).toEqual([]);
    await using check = shell(
      `${millrace} check --app ${example} | head -c 0; echo "code \${PIPESTATUS[0]}"`,
    );
    await check.exit();
    expect(check.lines).toEqual(['code 0']);
  });

  test.each(['json', 'text'])(
    'a gateway whose log of the format %s cannot be written serves, and ends',
    async (format) => {
      const port = String(await freePort());
      const environment = { MILLRACE_PORT: port, MILLRACE_LOG_FORMAT: format, MILLRACE_LOG_LEVEL: 'info' };
      await using program = shell(`exec ${millrace} serve --dev > /dev/full`, environment);
      await program.line(/^millrace: .* cannot be written/);
      await eventually(async () => expect(await statusOf(`http://127.0.0.1:${port}/healthz`)).toBe(200));
      expect(await program.stop()).toBe(0);
      expect(program.lines.filter((line) => line.includes('cannot be written'))).toHaveLength(1);
    },
  );
});

describe('input of a user at a terminal', () => {
  test.each([
    ['tial', /unknown command 'tial'[^]*tail/],
    ['help tial', /unknown command 'tial'[^]*tail/],
    ['help dead-letters lits', /unknown command 'lits'[^]*list/],
    ['tail --rom a', /required option '--room <id>'/],
    ['tail --room a --jsn', /unknown option '--jsn'[^]*--json/],
    ['serve --port 4400', /unknown option '--port'[^]*MILLRACE_PORT/],
    ['tail --room a --url http://host.invalid', /the host host\.invalid cannot be resolved/],
    ['erase --room a --url http://host.invalid', /the host host\.invalid cannot be resolved/],
    ['erase --room a --key k --key-file f', /--key or --key-file, not both/],
    [`erase --room a --key-file ${example}`, /must hold one key/],
  ])('the command millrace %s is refused with the reason', async (words, message) => {
    await using program = CliProcess.millrace(words.split(' '));
    expect(await program.exit()).toBe(1);
    expect(program.output).toMatch(message);
    expect(program.output).toMatch(/^millrace: /);
  });

  test('the command help names the command that it is asked for, and not the one above it', async () => {
    await using help = CliProcess.millrace(['help', 'dead-letters', 'list']);
    expect(await help.exit()).toBe(0);
    expect(help.lines[0]).toBe('Usage: millrace dead-letters list [options]');
  });

  test('the rooms of a token have no spaces around the commas of --rooms', async () => {
    const environment = { MILLRACE_JWT_SECRET: jwtSecret };
    await using program = CliProcess.millrace(['token', '--sub', 'ann', '--rooms', 'a, b ,,c'], environment);
    expect(await program.exit()).toBe(0);
    const [, payload = ''] = program.lines.at(-1)?.split('.') ?? [];
    expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toMatchObject({
      rooms: ['a', 'b', 'c'],
    });
  });

  test('a key file may end with an empty line', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-key-'));
    try {
      const key = 'erase-key-of-at-least-16';
      const keys = JSON.stringify([{ key, name: 'eraser', scopes: ['erase'] }]);
      await writeFile(join(folder, 'key'), `${key}\n\n`);
      await using gateway = await GatewayProcess.start({ MILLRACE_API_KEYS: keys });
      const words = ['erase', '--room', 'a', '--url', gateway.url, '--key-file', join(folder, 'key')];
      await using erase = CliProcess.millrace(words);
      expect([await erase.exit(), erase.output]).toEqual([0, expect.stringContaining('erased  0 events')]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('Ctrl+C ends millrace tail while a server does not answer', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    try {
      const connected = new Promise((resolve) => silent.once('connection', resolve));
      await new Promise((resolve) => silent.once('listening', resolve));
      const { port } = silent.address() as { readonly port: number };
      await using tail = CliProcess.millrace(['tail', '--room', 'a', '--url', `http://127.0.0.1:${port}`]);
      await connected;
      expect(await tail.stop('SIGINT')).toBe(0);
    } finally {
      silent.close();
    }
  });
});
