// npm run evidence [-- --check] writes docs/evidence/, the documents for a security review. With `--check` it writes nothing,
// and fails if a file is out of date. It always fails if a licence is not allowed, or if a row of the ASVS names a test that
// does not exist.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { asvsPage, missingTests } from './evidence/asvs/page.mjs';
import { licenceTable, refusedLicences } from './evidence/licences.mjs';
import { nameOf, productionEntries } from './evidence/production-lock.mjs';
import { runsPage } from './evidence/runs.mjs';
import { softwareBillOfMaterials } from './evidence/sbom.mjs';
import { packageFolders } from './pack.mjs';

const root = new URL('../', import.meta.url);
const read = (path) => readFileSync(new URL(path, root), 'utf8');

/**
 * The demo is not published, but everybody who runs it installs its packages. Its pages are built from its development
 * dependencies.
 */
const demoFolder = 'apps/helpdesk';

/**
 * Returns the lock file's keys of the packages that are built into the demo's pages. Type packages and the build tool are not
 * built in.
 */
function keysInPages({ packages }) {
  return Object.keys(packages[demoFolder].devDependencies)
    .filter((name) => !/^@(types|vitejs)\//.test(name))
    .map((name) => `node_modules/${name}`)
    .filter((key) => packages[key].link !== true);
}

/** Returns the name, version and licence of each package that the given folders need in production. */
function packagesOf(lock, folders) {
  return [...productionEntries(lock, folders)]
    .filter(([key]) => key.includes('node_modules/'))
    .map(([key, entry]) => ({ name: nameOf(key, entry), version: entry.version, licence: entry.license }));
}

function licencesPage(published, demo) {
  const names = new Set(published.map(({ name, version }) => `${name} ${version}`));
  const others = demo.filter(({ name, version }) => !names.has(`${name} ${version}`));
  return [
    '# Licences',
    '',
    'Everything that the published packages need at run time, and what the demo adds. The published packages are MIT. `npm run evidence` writes this page, and fails if a licence is',
    'not permissive: the list is in `scripts/evidence/licences.mjs`.',
    '',
    '## Published packages',
    '',
    licenceTable(published),
    '',
    '## Added by the demo',
    '',
    licenceTable(others),
    '',
  ].join('\n');
}

/**
 * Returns the files of the evidence, and the problems that appear in no file. A file with `isFresh` may change although the
 * code did not change, so `--check` does not compare it.
 */
function evidence() {
  const lock = JSON.parse(read('package-lock.json'));
  const { version } = JSON.parse(read('apps/gateway/package.json'));
  const published = packagesOf(lock, packageFolders);
  const demo = packagesOf(lock, [demoFolder, ...keysInPages(lock)]);
  const problems = [
    ...refusedLicences([...published, ...demo]).map((line) => `licence not allowed: ${line}`),
    ...missingTests(read, (path) => existsSync(new URL(path, root))),
  ];
  const sbom = softwareBillOfMaterials(lock, packageFolders, version);
  const files = [
    { path: 'docs/evidence/sbom.cdx.json', text: `${JSON.stringify(sbom, null, 1)}\n` },
    { path: 'docs/evidence/licences.md', text: licencesPage(published, demo) },
    { path: 'docs/evidence/asvs.md', text: asvsPage() },
    { path: 'docs/evidence/runs.md', text: runsPage(read), isFresh: true },
  ];
  return { problems, files };
}

const isCheck = process.argv.includes('--check');
const { problems, files } = evidence();
for (const { path, text, isFresh = false } of files) {
  if (/https?:\/\/[^/\s"]*registry/i.test(text)) problems.push(`${path} names the host of a registry`);
  const file = new URL(path, root);
  if (!isCheck) {
    mkdirSync(new URL('.', file), { recursive: true });
    writeFileSync(file, text);
  } else if (!existsSync(file) || (!isFresh && readFileSync(file, 'utf8') !== text)) {
    problems.push(`${path} is out of date: run npm run evidence, and commit it`);
  }
}
for (const problem of problems) console.error(`evidence: ${problem}`);
if (problems.length > 0) process.exitCode = 1;
