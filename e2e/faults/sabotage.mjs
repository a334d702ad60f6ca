// npm run sabotage [-- <part of a name>]: breaks the promises of Millrace one at a time, in a copy of the repository. A fault
// test must fail each time. If two checks in the code protect a promise, the sabotage removes both.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('../..', import.meta.url));

/** Edits that make streams short and trim them at once. They break no promise by themselves. */
const hasteInTrimming = [
  ['packages/contract/src/built-in/event-catalog.ts', /maxLength: 10_000/, 'maxLength: 200'],
  ['apps/gateway/src/settings/options.ts', /minAgeMs: 30_000/, 'minAgeMs: 0'],
];

const [, , wanted = ''] = process.argv;
const sabotages = [
  {
    name: 'control: short streams, trimmed at once',
    edits: hasteInTrimming,
    test: ['connections', 'hears nothing'],
    isSound: true,
  },
  {
    name: 'skip a cursor check: read from a new server before a heartbeat has looked at it, and believe every cursor',
    edits: [
      [
        'packages/broker/src/redis/connection/blocking-reader.ts',
        /settled === undefined \|\| this\.#connection\.isRun\(settled\.runId\)/,
        'settled?.runId !== `${settled?.runId} `',
      ],
      [
        'packages/broker/src/redis/scripts/heartbeat.ts',
        /holdsEntry\(stream, cursor, digest\)/,
        'holdsEntry(stream, cursor, digest) or life.former == knownEpoch',
      ],
    ],
    test: ['failover', 'lost the last writes'],
  },
  {
    name: 'acknowledge too early: all that was consumed, and trim by that alone',
    edits: [
      ...hasteInTrimming,
      ['packages/broker/src/redis/scripts/ledger-pass.ts', /'-', smallest, count\)/, "'-', '+', count)"],
      ['packages/broker/src/redis/scripts/trim.ts', /^eachCursor\(cursors.*$/m, ''],
    ],
    test: ['connections', 'hears nothing'],
  },
  {
    name: 'drop the epoch: positions of a lost stream are believed',
    edits: [
      [
        'packages/broker/src/positions/position.ts',
        /if \(epoch === current\.epoch\) return true;/,
        'if (epoch !== undefined) return true;',
      ],
    ],
    test: ['redis', 'all data is flushed'],
  },
  {
    name: 'trim too far: by length alone',
    edits: [
      ...hasteInTrimming,
      [
        'packages/broker/src/redis/scripts/trim.ts',
        /'MINID', '~', floor, 'LIMIT', excess/,
        "'MAXLEN', '~', maxLength, 'LIMIT', excess",
      ],
    ],
    test: ['connections', 'hears nothing'],
  },
  {
    name: 'forget a dedupe: what is published again is stored again, and delivered again',
    edits: [
      ['packages/broker/src/redis/scripts/publish.ts', /redis\.call\('SET', key, id, 'PX', windowMs\)/, ''],
      ['apps/gateway/src/dispatch/seen-events.ts', /\.has\(received\.event\.event_id,/, ".has('',"],
    ],
    test: ['connections', 'the publisher’s connection'],
  },
  {
    name: 'leave out a message of a view now and then: to clients that are connected',
    edits: [
      [
        'apps/gateway/src/views/view-sender.ts',
        /if \(present \+ pending === 0\) return 0;/,
        'if (present + pending === 0 || Math.random() < 0.01) return 0;',
      ],
    ],
    test: ['connections', 'at the same time'],
  },
  {
    name: 'leave out a message of a view now and then: to clients that come back',
    edits: [
      [
        'apps/gateway/src/views/view-rooms.ts',
        /if \(sends\.length === 0\) return;/,
        'if (sends.length === 0 || Math.random() < 0.2) return;',
      ],
    ],
    test: ['connections', 'at the same time'],
  },
].filter(({ name }) => name.includes(wanted));

function prepare() {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-sabotage-'));
  const files = execFileSync('git', ['ls-files', '-coz', '--exclude-standard'], {
    cwd: repository,
    encoding: 'utf8',
  })
    .split('\0')
    .filter(Boolean);
  for (const file of files) cpSync(join(repository, file), join(folder, file));
  // The links to the workspaces are relative, so they lead to the packages of the copy.
  execFileSync('cp', ['-a', join(repository, 'node_modules'), folder]);
  for (const workspace of ['packages/signalr', 'apps/gateway', 'bench'])
    spawnSync('cp', ['-a', join(repository, workspace, 'node_modules'), join(folder, workspace)]);
  return folder;
}

/** Applies the edits and returns a function that undoes them. */
function edit(folder, edits) {
  const before = new Map();
  for (const [file, pattern, replacement] of edits) {
    const path = join(folder, file);
    const text = readFileSync(path, 'utf8');
    if (!before.has(path)) before.set(path, text);
    if (!pattern.test(text)) throw new Error(`${file} has no ${pattern} any more: mend the sabotage`);
    writeFileSync(path, text.replace(pattern, replacement));
  }
  return () => {
    for (const [path, text] of before) writeFileSync(path, text);
  };
}

function build(folder) {
  const { status, stdout } = spawnSync('npm', ['run', '--silent', 'compile'], {
    cwd: folder,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the sabotaged copy does not build:\n${stdout}`);
}

const folder = prepare();
const surprises = [];
try {
  for (const { name, edits, test, isSound = false } of sabotages) {
    const undo = edit(folder, edits);
    build(folder);
    const [file, title] = test;
    const args = ['vitest', 'run', '--project', 'e2e', `e2e/faults/${file}.test.ts`, '-t', title];
    const { status, stdout, stderr } = spawnSync('npx', args, { cwd: folder, encoding: 'utf8' });
    const output = `${stdout}${stderr}`;
    undo();
    const judgement =
      /"?(lost|excused|repeated|wronglyRecovered|handledTwice|outOfOrder)"?: \d+|a client was told|client \d+ lost/.exec(
        output,
      );
    const isAsExpected = isSound ? status === 0 : status !== 0;
    if (!isAsExpected) surprises.push(name);
    console.log(
      `${isAsExpected ? 'ok' : 'SURPRISE'}: ${name}: ${status === 0 ? 'not seen' : `seen (${judgement?.[0] ?? 'by a check'})`}`,
    );
    if (!isAsExpected || process.env.SABOTAGE_VERBOSE === '1')
      console.log(output.split('\n').slice(-60).join('\n'));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${sabotages.length - surprises.length} as expected, ${surprises.length} surprises`);
process.exitCode = surprises.length === 0 ? 0 : 1;
