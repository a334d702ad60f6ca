// npm run matrix [-- --node 22,24] [-- --server 'Valkey 8.1']: runs a choice of the tests on each supported line of Node with each
// server that Debian has, and writes the table of docs/compatibility.md. Each run takes one to three minutes.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { nodeBinary, nodeVersions } from '../node-binary.mjs';
import { debianServer } from './debian-server.mjs';
import { resultOf } from './run-result.mjs';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const page = join(repository, 'docs/compatibility.md');
const logs = join(repository, '.vitest/matrix');

/** The lines of servers, each with the release of Debian that has it. The first one is installed on the machines of the tests. */
const servers = [
  { name: 'Redis 7.0', program: 'redis-server' },
  { name: 'Redis 8.0', program: 'redis-server', suite: 'trixie' },
  { name: 'Valkey 8.1', program: 'valkey-server', suite: 'trixie' },
  { name: 'Valkey 9.1', program: 'valkey-server', suite: 'sid' },
];

/** Delivery, resuming, the official clients, dead letters and erasure, and every promise of the broker's port. */
const files = [
  'packages/broker/test/redis/conformance.test.ts',
  'packages/broker/test/redis/lost-state.test.ts',
  'packages/broker/test/redis/script-cache.test.ts',
  'packages/signalr/test/official-clients/official-client.test.ts',
  'e2e/tests/delivery/delivery-redis.test.ts',
  'e2e/tests/delivery/no-sticky-sessions.test.ts',
  'e2e/tests/delivery/transports.test.ts',
  'e2e/tests/erasure/erasure.test.ts',
  'e2e/tests/events/dead-letters.test.ts',
  'e2e/tests/resume/another-gateway.test.ts',
  'e2e/tests/resume/resume.test.ts',
];

const { values } = parseArgs({ options: { node: { type: 'string' }, server: { type: 'string' } } });
const wantedNodes = chosen(nodeVersions, values.node);
const wantedServers = servers.filter(({ name }) =>
  chosen(
    servers.map((server) => server.name),
    values.server,
  ).includes(name),
);

mkdirSync(logs, { recursive: true });
let passed = 0;
let failed = 0;
for (const server of wantedServers) {
  const program =
    server.suite === undefined ? server.program : debianServer({ ...server, debianPackage: server.program });
  const serverVersion = versionOf(program);
  for (const wanted of wantedNodes) {
    const { version, folder } = await nodeBinary(wanted);
    const { status, result, runTwice } = await run(
      folder,
      program,
      join(logs, `${version}-${server.name}.log`),
    );
    if (status === 0) passed += 1;
    else failed += 1;
    console.log(`Node ${version}, ${server.name} (${serverVersion}): ${[result, ...runTwice].join('\n  ')}`);
    write({ node: version, server: `${server.name.split(' ')[0]} ${serverVersion}`, result });
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

/** Returns the names of a list that a text with commas chooses, or all names. */
function chosen(names, text) {
  const wanted = text?.split(',') ?? names;
  const unknown = wanted.filter((name) => !names.includes(name));
  if (unknown.length > 0)
    throw new Error(`--node or --server names ${unknown.join(', ')}: choose from ${names.join(', ')}.`);
  return wanted;
}

/** Returns the version that a server prints. Only this table needs it: Millrace tries out what a server can do. */
function versionOf(program) {
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  return /\bv=([\d.]+)/.exec(stdout)?.[1] ?? 'of unknown version';
}

/**
 * Runs the tests with a Node and a server. The output goes to a file, and its last line is the result. A failed test is retried once,
 * because a busy machine may fail it once, but an incompatible version fails it every time. The result says how many were.
 */
async function run(nodeFolder, serverProgram, log) {
  const vitest = join(repository, 'node_modules/vitest/vitest.mjs');
  const projects = ['unit', 'slow', 'e2e'].flatMap((name) => ['--project', name]);
  const child = spawn(join(nodeFolder, 'node'), [vitest, 'run', '--retry=1', ...projects, ...files], {
    cwd: repository,
    env: {
      ...process.env,
      PATH: `${nodeFolder}${delimiter}${process.env.PATH}`,
      REDIS_SERVER_PROGRAM: serverProgram,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  const [status] = await once(child, 'close');
  writeFileSync(log, output);
  return { status, ...resultOf(output) };
}

/** Writes the row of a Node and a server into the page. A row of the same lines is replaced. */
function write({ node, server, result }) {
  const lineOf = (text) => text.replace(/^(\w+ \d+\.\d+|\d+)\..*$/, '$1');
  const text = readFileSync(page, 'utf8');
  const [begin, end] = ['<!-- begin matrix -->\n', '<!-- end matrix -->'];
  const [head, rest = ''] = text.split(begin);
  const [table = '', tail = ''] = rest.split(end);
  const rows = table
    .split('\n')
    .filter((row) => /^\| \d/.test(row))
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
    .filter(
      ([rowNode, rowServer]) => lineOf(rowNode) !== lineOf(node) || lineOf(rowServer) !== lineOf(server),
    );
  const commit = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).stdout.trim();
  rows.push([node, server, new Date().toISOString().slice(0, 10), commit, result]);
  rows.sort(
    ([a, b], [c, d]) =>
      b.localeCompare(d, 'en', { numeric: true }) || Number.parseInt(a, 10) - Number.parseInt(c, 10),
  );
  const lines = [
    '| Node | server | day | commit | tests |',
    '|---|---|---|---|---|',
    ...rows.map((row) => `| ${row.join(' | ')} |`),
  ];
  writeFileSync(page, `${head}${begin}${lines.join('\n')}\n${end}${tail}`);
}
