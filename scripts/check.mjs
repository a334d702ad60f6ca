// Runs all checks that do not run the product: format, types, lint (import levels, cycles), unused and undeclared
// dependencies, house rules, evidence for a security review, package exports, API reports. Stops at the first failure. Prints one line for
// each step, and the output of a tool only if the tool fails.
//
// node scripts/check.mjs [--unit] [step …]     --unit: also runs the quick tests; names of steps: runs only these steps
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { packAll, packageFolders } from './pack.mjs';

// Finds the project's own tools even if this script is started without npm.
const env = {
  ...process.env,
  PATH: `${join(process.cwd(), 'node_modules', '.bin')}${delimiter}${process.env.PATH}`,
};

/** The steps by name. A step is a list of commands that run one after the other, or a function. */
const steps = {
  format: [['biome', 'ci', '--error-on-warnings', '.']],
  build: [
    ['tsc', '-b'],
    ['node', 'scripts/bundle.mjs', '--if-stale'],
  ],
  'build of the benchmark': [['tsc', '-b', 'bench']],
  'types of tests': [['tsc', '-p', 'tsconfig.tests.json']],
  'types of the helpdesk pages': [['tsc', '-p', 'apps/helpdesk/web']],
  'types of templates': [['tsc', '-p', 'packages/create-millrace/templates']],
  lint: [['oxlint', '--type-aware', '--deny-warnings', '.']],
  'unused and undeclared': [['knip', '--treat-config-hints-as-errors']],
  house: [['node', 'scripts/house.mjs']],
  evidence: [['node', 'scripts/evidence.mjs', '--check']],
  'exports of packages': () => runAll(packageFolders.map((folder) => ['publint', folder, '--strict'])),
  'types of packages': typesOfPackages,
  'public API': [['node', 'scripts/api-reports.mjs', '--check']],
  'unit tests': [['vitest', 'run', '--project', 'unit']],
};

const sequence = [
  'format',
  'build',
  'build of the benchmark',
  'types of tests',
  'types of the helpdesk pages',
  'types of templates',
  'lint',
  'unused and undeclared',
  'house',
  'evidence',
  'exports of packages',
  'types of packages',
  'public API',
];

/** Packs each package, and checks its exports and types from the point of view of a user who installs it. */
async function typesOfPackages() {
  const target = mkdtempSync(join(tmpdir(), 'millrace-pack-'));
  try {
    await runAll(
      packAll(target).map((tarball) => ['attw', tarball, '--profile', 'esm-only', '--format', 'ascii']),
    );
  } finally {
    rmSync(target, { recursive: true });
  }
}

/** Runs commands that need nothing of each other, two at a time. */
async function runAll(commands) {
  const left = [...commands];
  const runLeft = async () => {
    for (let command = left.shift(); command !== undefined; command = left.shift()) await run(command);
  };
  await Promise.all([runLeft(), runLeft()]);
}

/** Runs a command and returns its output. Throws an error with the output if the command fails. */
function run([command, ...args]) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    child.once('error', reject);
    child.once('close', (status) => {
      if (status === 0) resolve(output);
      else reject(new Error(`${[command, ...args].join(' ')} failed:\n\n${output.trimEnd()}`));
    });
  });
}

/**
 * Runs a step and prints its line: first the name, then the result and the duration. While the step runs in a terminal, the
 * line also counts the seconds.
 */
async function runStep(name) {
  const startedAtMs = performance.now();
  const seconds = () => (performance.now() - startedAtMs) / 1_000;
  const isTerminal = process.stdout.isTTY;
  process.stdout.write(`check: ${name} … `);
  const ticking = isTerminal
    ? setInterval(() => process.stdout.write(`\rcheck: ${name} … ${seconds().toFixed(0)} s `), 1_000)
    : undefined;
  let result = 'failed';
  try {
    const commands = steps[name];
    let output = '';
    if (typeof commands === 'function') await commands();
    else for (const command of commands) output = await run(command);
    const closingLine = output.match(/^\d+ passed, \d+ failed.*$/gm)?.at(-1);
    result = closingLine ?? 'ok';
  } finally {
    clearInterval(ticking);
    process.stdout.write(`${isTerminal ? `\rcheck: ${name} … ` : ''}${result} (${seconds().toFixed(1)} s)\n`);
  }
}

const wanted = process.argv.slice(2).filter((argument) => argument !== '--unit');
const unknown = wanted.filter((name) => !(name in steps));
if (unknown.length > 0) {
  console.error(`check: no step ${unknown.join(', ')}; there are: ${Object.keys(steps).join(', ')}`);
  process.exit(1);
}
const unit = process.argv.includes('--unit') ? ['unit tests'] : [];
try {
  for (const name of wanted.length > 0 ? wanted : [...sequence, ...unit]) await runStep(name);
} catch (error) {
  console.error(`\n${error.message}`);
  process.exitCode = 1;
}
