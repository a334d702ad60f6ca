// npm run release:version: turns the changesets into the next version. Changesets writes it into the published packages and their
// CHANGELOGs. This script writes the same version into the private packages, then updates the lock file and the SBOM, and keeps
// the API reports as those of the release.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = fileURLToPath(new URL('..', import.meta.url));

const run = (file, ...args) => execFileSync(file, args, { cwd: repository, stdio: 'inherit' });

const read = (folder) => readFileSync(join(repository, folder, 'package.json'), 'utf8');

run('npx', 'changeset', 'version');
const { version } = JSON.parse(read('packages/contract'));
for (const folder of ['.', 'apps/helpdesk', 'bench', 'e2e', 'packages/testkit']) {
  // The text is edited, and not parsed and printed: the format of the file is Biome's.
  const text = read(folder).replace(/^ {2}"version": "[^"]*"/m, `  "version": "${version}"`);
  writeFileSync(join(repository, folder, 'package.json'), text);
}
run('npm', 'run', '--silent', 'lock');
run('npm', 'run', '--silent', 'evidence');
run('npm', 'run', '--silent', 'build');
run('node', 'scripts/api-reports.mjs', '--release');
console.log(
  `Every package has version ${version}. docs/stability.md and CONTRIBUTING.md list what remains to do.`,
);
