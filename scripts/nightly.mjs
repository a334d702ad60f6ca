// npm run nightly [-- <part> …] runs the tests that take too long for the suite, one part after the other. All parts together take
// about two hours. The script writes the result of each part into docs/nightly.md.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';

const page = new URL('../docs/nightly.md', import.meta.url);
const chaosSeeds = [7, 101, 202];

/** The parts: the name of each part and its shell command. */
const parts = new Map([
  [
    'rehearsal',
    'npm run release:rehearse -- --write && NIGHTLY=1 npx vitest run --project unit scripts/test/damaged-packages.test.mjs',
  ],
  ['benchmarks', 'NIGHTLY=1 npx vitest run --project e2e e2e/tests/programs/benchmarks.test.ts'],
  ['create', 'NIGHTLY=1 npx vitest run --project e2e e2e/tests/programs/create-millrace.test.ts'],
  [
    'site',
    'npm ci --prefix site && npm run docs && NIGHTLY=1 npx vitest run --project e2e e2e/tests/programs/site.test.ts',
  ],
  [
    'guides',
    'NIGHTLY=1 FROM_TARBALLS=1 npx vitest run --project e2e e2e/tests/programs/dotnet-guide.test.ts e2e/tests/programs/getting-started.test.ts',
  ],
  ['looks', 'NIGHTLY=1 npx vitest run --project e2e e2e/tests/helpdesk/looks.test.ts'],
  [
    'load-model',
    'LOAD_MODEL_RUNS=10000 npx vitest run --project unit packages/client/test/loading/load-model.test.ts',
  ],
  ['rolling-restart', 'npm run rolling-restart'],
  ...chaosSeeds.map((seed) => [`chaos-${seed}`, `npm run chaos -- --minutes 10 --seed ${seed} --write`]),
  ['presence', 'NIGHTLY=1 npx vitest run --project e2e e2e/faults/presence-storm.test.ts e2e/tests/presence'],
  ['durability', 'npm run durability'],
  ['members', 'MEMBER_RUNS=150 npx vitest run --project e2e e2e/tests/members/property/removals.test.ts'],
  [
    'upgrade',
    'npm run upgrade && NIGHTLY=1 npx vitest run --project e2e e2e/upgrade/control-entries.test.ts',
  ],
  ['readable', 'npm run readable'],
  ['chart', 'npm run chart && git diff --exit-code deploy/kubernetes'],
  ['matrix', 'npm run matrix'],
  [
    'erasure',
    'npm run build && ERASURE_RUNS=300 npx vitest run --project e2e e2e/tests/erasure/erasure-races.test.ts',
  ],
]);

/** Returns the last line of the form `N passed, N failed`. */
function closingLineOf(output) {
  return output.match(/^\d+ passed, \d+ failed.*$/gm)?.at(-1) ?? 'ended without a result';
}

async function run(name, command) {
  const startedAtMs = Date.now();
  const commit = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).stdout.trim();
  const child = spawn('sh', ['-c', command], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
    process.stdout.write(text);
  });
  const [status] = await once(child, 'close');
  const minutes = ((Date.now() - startedAtMs) / 60_000).toFixed(1);
  const day = new Date(startedAtMs).toISOString().slice(0, 10);
  write(name, `| ${name} | \`${command}\` | ${day} | ${commit} | ${minutes} | ${closingLineOf(output)} |`);
  return status === 0;
}

/** Replaces the row of a part in docs/nightly.md with its new result. */
function write(name, row) {
  const text = readFileSync(page, 'utf8');
  const place = new RegExp(`^\\| ${name} \\|.*$`, 'm');
  if (!place.test(text)) throw new Error(`docs/nightly.md has no row for ${name}`);
  writeFileSync(
    page,
    text.replace(place, () => row),
  );
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !parts.has(name));
if (unknown.length > 0) {
  console.error(`nightly: no part ${unknown.join(', ')}; there are ${[...parts.keys()].join(', ')}`);
  process.exit(1);
}
const failed = [];
for (const [name, command] of parts) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  if (!(await run(name, command))) failed.push(name);
}
for (const name of failed) console.error(`nightly: ${name} failed`);
process.exit(failed.length === 0 ? 0 : 1);
