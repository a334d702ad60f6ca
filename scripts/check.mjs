// Everything that is checked without running the product: format, types, lint (levels, cycles), unused and
// undeclared dependencies, package exports. Stops at the first fault. `npm run check` adds the quick tests.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

const packageFolders = ['contract', 'broker', 'signalr', 'publisher', 'client']
  .map((name) => `packages/${name}`)
  .concat('apps/gateway');

// The project's own tools, also when this file is started without npm.
const env = {
  ...process.env,
  PATH: `${join(process.cwd(), 'node_modules', '.bin')}${delimiter}${process.env.PATH}`,
};

function run(title, command, args) {
  const startedAtMs = Date.now();
  const { status } = spawnSync(command, args, { stdio: 'inherit', env });
  if (status !== 0) {
    console.error(`\ncheck: ${title} failed (${command} ${args.join(' ')})`);
    process.exit(1);
  }
  console.log(`check: ${title} ok (${((Date.now() - startedAtMs) / 1000).toFixed(1)} s)`);
}

function checkExports(folder) {
  const target = mkdtempSync(join(tmpdir(), 'millrace-pack-'));
  run(`exports of ${folder} (publint)`, 'publint', [folder, '--strict']);
  run(`pack ${folder}`, 'npm', ['pack', '--silent', '--pack-destination', target, `./${folder}`]);
  const [tarball] = readdirSync(target);
  run(`exports of ${folder} (types)`, 'attw', [
    join(target, tarball),
    '--profile',
    'esm-only',
    '--format',
    'ascii',
  ]);
  rmSync(target, { recursive: true });
}

run('format', 'biome', ['ci', '.']);
run('build', 'tsc', ['-b']);
run('types of tests', 'tsc', ['-p', 'tsconfig.tests.json']);
run('types of the helpdesk pages', 'tsc', ['-p', 'apps/helpdesk/web']);
run('lint, levels, cycles', 'oxlint', ['--type-aware', '--deny-warnings', '.']);
run('unused and undeclared', 'knip', []);
for (const folder of packageFolders) checkExports(folder);
