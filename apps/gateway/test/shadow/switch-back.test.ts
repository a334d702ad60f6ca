// The way back from Millrace to the other service: the script, run by a shell against a real Redis.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { connectGroupReader, type GroupReader } from '@millrace/broker';
import { type RedisServer, startRedis } from '@millrace/testkit';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { toCollected } from '../../src/intake/collector/pattern.js';
import { switchBackMoves } from '../../src/shadow/switch-back.js';
import { switchBackScript } from '../../src/shadow/switch-back-script.js';

// The shell must take all of these as text.
const STREAM = `it's "$(touch x)" \\`;
const GROUP = "the old one's `group` $HOME";
const INTO = 'events:chat';
const PASSWORD = 'a secret';
const noTls = { hasCa: false, hasCertificate: false, serverName: undefined };

let redis: RedisServer;
let reader: GroupReader;

beforeAll(async () => {
  redis = await startRedis({ args: ['--requirepass', PASSWORD] });
  const url = `redis://:${encodeURIComponent(PASSWORD)}@127.0.0.1:${redis.port}/3`;
  reader = await connectGroupReader({
    url,
    streams: [
      { name: STREAM, maxLength: 10, retention: 'observe' },
      { name: INTO, maxLength: 10 },
    ],
  });
});

beforeEach(() => cli('flushall'));

afterAll(async () => {
  reader.close();
  await redis[Symbol.asyncDispose]();
});

function cli(...args: readonly string[]): Promise<string> {
  return redis.cli('-a', PASSWORD, '--no-auth-warning', '-n', '3', ...args);
}

const moves = (patterns: readonly { readonly prefix: string; readonly into: string }[] = []) =>
  switchBackMoves(reader, { from: () => 'millrace', to: GROUP, streams: [STREAM], patterns });

async function script(patterns?: Parameters<typeof moves>[0]): Promise<string> {
  return switchBackScript(await moves(patterns), GROUP, { location: await reader.location(), tls: noTls });
}

async function run(text: string): Promise<string> {
  const { stdout } = await promisify(execFile)('sh', ['-c', text], {
    env: { PATH: process.env['PATH'], REDISCLI_AUTH: PASSWORD },
  });
  return stdout.trim();
}

async function positionOf(stream: string): Promise<string> {
  const groups = JSON.parse(await cli('--json', 'xinfo', 'groups', stream)) as Record<string, unknown>[];
  return String(groups.find(({ name }) => name === GROUP)?.['last-delivered-id']);
}

const add = (stream: string, ...fields: readonly string[]): Promise<string> =>
  cli('xadd', stream, '*', 'n', '1', ...fields);

it('the script moves the group to the last entry up to which Millrace has acknowledged everything', async () => {
  const ids = [await add(STREAM), await add(STREAM), await add(STREAM)];
  expect(await moves()).toEqual([]);
  await cli('xgroup', 'create', STREAM, GROUP, '0');
  await cli('xgroup', 'create', STREAM, 'millrace', '0');
  expect(await run(await script())).toBe('');
  await cli('xreadgroup', 'group', 'millrace', 'm', 'streams', STREAM, '>');
  await cli('xack', STREAM, 'millrace', ids[0] ?? '', ids[2] ?? '');
  const text = await script();
  expect(text).not.toContain(PASSWORD);
  expect(await run(text)).toMatch(/: moved to /);
  expect(await cli('xreadgroup', 'group', GROUP, 'a', 'count', '1', 'streams', STREAM, '>')).toContain(
    ids[1],
  );
  await cli('xack', STREAM, 'millrace', ids[1] ?? '');
  await run(await script());
  expect(await positionOf(STREAM)).toBe(ids[2]);
});

it('the script never moves the group back, even if the service has read on before it runs', async () => {
  const first = await add(STREAM);
  await cli('xgroup', 'create', STREAM, GROUP, '0');
  await cli('xgroup', 'create', STREAM, 'millrace', first);
  const text = await script();
  const last = await add(STREAM);
  await cli('xreadgroup', 'group', GROUP, 'a', 'streams', STREAM, '>');
  expect(await run(text)).toBe(`${STREAM}: stays at ${last}`);
  expect(await positionOf(STREAM)).toBe(last);
  expect(await script()).toContain(`at ${last}, and Millrace at ${first}: nothing to do`);
});

it('the script ends with an error if the password is not set, or the group was deleted', async () => {
  const id = await add(STREAM);
  await cli('xgroup', 'create', STREAM, GROUP, '0');
  await cli('xgroup', 'create', STREAM, 'millrace', id);
  const text = await script();
  const failed = promisify(execFile)('sh', ['-c', text], { env: { PATH: process.env['PATH'] } });
  await expect(failed).rejects.toThrow('set REDISCLI_AUTH to the password of Redis');
  await cli('xgroup', 'destroy', STREAM, GROUP);
  await expect(run(text)).rejects.toThrow('no such group');
});

it('the group of a stream by pattern continues after the last entry whose copy Millrace has acknowledged', async () => {
  const sources = ['rooms:1', 'rooms:2'];
  const ids = new Map<string, string[]>();
  await cli('xgroup', 'create', `millrace:${INTO}`, 'millrace', '0', 'mkstream');
  for (const source of sources) {
    await cli('xgroup', 'create', source, GROUP, '0', 'mkstream');
    const added = [await add(source), await add(source), await add(source)];
    ids.set(source, added);
    for (const id of added) {
      const { fields } = toCollected(source, { id, fields: { n: '1' } });
      await cli('xadd', `millrace:${INTO}`, '*', ...Object.entries(fields).flat());
    }
    await cli('hset', `millrace:collected:{millrace:${INTO}}`, source, added.at(-1) ?? '', '*', '1');
  }
  // All copies of the first stream are acknowledged, and the first one of the second stream.
  await cli('xreadgroup', 'group', 'millrace', 'm', 'count', '5', 'streams', `millrace:${INTO}`, '>');
  const read = JSON.parse(await cli('--json', 'xrange', `millrace:${INTO}`, '-', '+')) as [string][];
  for (const [id] of read.slice(0, 4)) await cli('xack', `millrace:${INTO}`, 'millrace', id);
  await run(await script([{ prefix: 'rooms:', into: INTO }]));
  expect(await positionOf('rooms:1')).toBe(ids.get('rooms:1')?.[2]);
  const next = await cli('xreadgroup', 'group', GROUP, 'a', 'count', '1', 'streams', 'rooms:2', '>');
  expect(next).toContain(ids.get('rooms:2')?.[1]);
});
