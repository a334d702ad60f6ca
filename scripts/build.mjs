// npm run build: builds what has changed, and prints what it builds to standard error. A command that builds first, such as `npm start`,
// thus has standard output for itself.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('..', import.meta.url));

const steps = [
  ['the types of the packages', 'node_modules/typescript/bin/tsc', '-b'],
  ['the packages', 'scripts/bundle.mjs', '--if-stale'],
  ['the pages of the helpdesk', 'apps/helpdesk/scripts/build-web.mjs'],
];

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19))
  fail(`Node 20.19 or newer is needed, and this is ${process.versions.node}. Install it, then run npm ci.`);
if (!existsSync(`${repository}/node_modules/typescript`))
  fail('The dependencies are missing. Run npm ci first.');

for (const [what, ...args] of steps) {
  const startedAtMs = performance.now();
  const seconds = () => (performance.now() - startedAtMs) / 1_000;
  process.stderr.write(`Building ${what} … `);
  const ticking = process.stderr.isTTY
    ? setInterval(() => process.stderr.write(`\rBuilding ${what} … ${seconds().toFixed(0)} s `), 1_000)
    : undefined;
  const output = await run(args);
  clearInterval(ticking);
  process.stderr.write(
    `${ticking === undefined ? '' : `\rBuilding ${what} … `}done in ${seconds().toFixed(1)} s\n`,
  );
  process.stderr.write(output);
}

/** Runs a program to its end and returns its output. Ends this process if the program fails. */
function run(args) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd: repository, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    child.once('close', (status) => {
      if (status === 0) resolve(output);
      else fail(`It failed:\n${output.trimEnd()}`);
    });
  });
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
