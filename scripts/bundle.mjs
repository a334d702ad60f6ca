// Bundles the packages that run in Node. Loading several hundred small modules took more than half of the CPU time of a gateway's start
// (decision 22). For these packages, the compiler writes only the types, and this script writes the code.
//
// node scripts/bundle.mjs [--if-stale]     --if-stale: leaves out packages whose bundle is newer than all that it is made of
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const repository = fileURLToPath(new URL('..', import.meta.url));

/** Modules of the package itself. Everything else is imported when the program runs. */
const isOwn = (id) => id.startsWith('.') || id.startsWith('/');

/**
 * @type {readonly { folder: string, output?: string, isBundled?: (id: string) => boolean, programs?: readonly string[] }[]}
 * `output` is `dist` and `isBundled` is `isOwn` if they are left out.
 */
const packages = [
  // Browsers and bundlers take the modules one by one, and leave out those that they do not need. TypeBox consists of 550 modules.
  {
    folder: 'packages/contract',
    output: 'dist/node',
    isBundled: (id) => isOwn(id) || id.startsWith('typebox'),
  },
  { folder: 'packages/api-documents' },
  { folder: 'packages/broker' },
  { folder: 'packages/signalr' },
  { folder: 'packages/publisher' },
  { folder: 'apps/gateway', programs: ['src/cli.ts'] },
];

/** Returns the entry modules of a package: those that its `exports` name, and its programs. */
function entriesOf({ folder, programs = [] }) {
  const { exports } = JSON.parse(readFileSync(join(repository, folder, 'package.json'), 'utf8'));
  const sources = Object.values(exports).flatMap((target) => target['@millrace/source'] ?? []);
  return [...sources, ...programs].map((path) => join(repository, folder, path));
}

function filesIn(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Bundles depend on these files, too: this script, and the versions of the dependencies that are bundled. */
const ingredients = ['scripts/bundle.mjs', 'package-lock.json'].map((path) => join(repository, path));

function isStale(source, output, entries) {
  const written = entries.map((path) => join(output, basename(path).replace(/\.ts$/, '.js')));
  if (!written.every(existsSync)) return true;
  const oldest = Math.min(...written.map((path) => statSync(path).mtimeMs));
  return [...filesIn(source), ...ingredients].some((path) => statSync(path).mtimeMs > oldest);
}

async function bundle(specification) {
  const { folder, output = 'dist', isBundled = isOwn } = specification;
  const entries = entriesOf(specification);
  const target = join(repository, folder, output);
  if (process.argv.includes('--if-stale') && !isStale(join(repository, folder, 'src'), target, entries))
    return;
  const build = await rolldown({
    input: entries,
    platform: 'node',
    external: (id) => !isBundled(id),
    resolve: { extensionAlias: { '.js': ['.ts', '.js'] } },
    transform: { target: 'node20.19' },
  });
  const { output: written } = await build.write({
    dir: target,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'shared/[name].js',
    sourcemap: true,
  });
  await build.close();
  // Code of modules that are no longer there is removed last, so that a program that starts meanwhile finds all that it imports.
  const present = new Set(written.map(({ fileName }) => join(target, fileName)));
  for (const path of filesIn(target))
    if (/\.js(?:\.map)?$/.test(path) && !present.has(path) && !present.has(path.replace(/\.map$/, '')))
      rmSync(path);
}

for (const specification of packages) await bundle(specification);
