// Everything that is checked without running the product: format, types, lint (levels, cycles), unused and
// undeclared dependencies, package exports. Stops at the first fault. `npm run check` adds the quick tests.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { packAll, packageFolders } from './pack.mjs';

// The project's own tools, also when this file is started without npm.
const env = {
  ...process.env,
  PATH: `${join(process.cwd(), 'node_modules', '.bin')}${delimiter}${process.env.PATH}`,
};

function run(title, command, args) {
  const startedAtMs = Date.now();
  const { status } = spawnSync(command, args, { stdio: 'inherit', env });
  if (status !== 0) {
    throw new Error(`${title} failed (${command} ${args.join(' ')})`);
  }
  console.log(`check: ${title} ok (${((Date.now() - startedAtMs) / 1000).toFixed(1)} s)`);
}

function checkPackages() {
  for (const folder of packageFolders) run(`exports of ${folder} (publint)`, 'publint', [folder, '--strict']);
  const target = mkdtempSync(join(tmpdir(), 'millrace-pack-'));
  try {
    for (const tarball of packAll(target)) {
      run(`types of ${tarball}`, 'attw', [tarball, '--profile', 'esm-only', '--format', 'ascii']);
    }
  } finally {
    rmSync(target, { recursive: true });
  }
}

try {
  run('format', 'biome', ['ci', '.']);
  run('build', 'tsc', ['-b']);
  run('build of the benchmark', 'tsc', ['-b', 'bench']);
  run('types of tests', 'tsc', ['-p', 'tsconfig.tests.json']);
  run('types of the helpdesk pages', 'tsc', ['-p', 'apps/helpdesk/web']);
  run('lint, levels, cycles', 'oxlint', ['--type-aware', '--deny-warnings', '.']);
  run('unused and undeclared', 'knip', []);
  checkPackages();
} catch (error) {
  console.error(`\ncheck: ${error.message}`);
  process.exitCode = 1;
}
