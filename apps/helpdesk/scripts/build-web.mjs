// Builds the pages into dist/web, unless nothing they are made of has changed since the last time. Prints their size.
//
//   node apps/helpdesk/scripts/build-web.mjs
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const app = fileURLToPath(new URL('..', import.meta.url));
const repository = join(app, '../..');
const output = join(app, 'dist/web');
const mark = join(output, '.built-from');

/** Everything the pages are made of. Libraries of others are named by the lock file. */
const inputs = ['web', 'src/api-types.ts', 'src/texts.ts', 'vite.config.ts', 'scripts/build-web.mjs']
  .map((path) => join(app, path))
  .concat(['packages/client/src', 'package-lock.json'].map((path) => join(repository, path)));

function filesUnder(path) {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .flatMap((name) => filesUnder(join(path, name)));
}

function fingerprint() {
  const hash = createHash('sha256');
  for (const file of inputs.flatMap(filesUnder)) hash.update(file.slice(repository.length)).update(readFileSync(file));
  return hash.digest('hex');
}

/** Size of what a first visit loads, as it is sent. */
function transferBytes() {
  const compressible = /\.(js|css|html|svg)$/;
  return filesUnder(output)
    .filter((file) => file !== mark)
    .map((file) => (compressible.test(file) ? gzipSync(readFileSync(file)).length : statSync(file).size))
    .reduce((sum, size) => sum + size, 0);
}

/** Builds if need be. Safe to call from several processes one after the other, not at once. */
export async function buildWeb() {
  const builtFrom = fingerprint();
  if (existsSync(mark) && readFileSync(mark, 'utf8') === builtFrom) return { isFresh: false, bytes: transferBytes() };
  // Loading it takes as long as everything else here: only when it is needed.
  const { build } = await import('vite');
  await build({ root: join(app, 'web'), configFile: join(app, 'vite.config.ts'), logLevel: 'warn' });
  writeFileSync(mark, builtFrom);
  return { isFresh: true, bytes: transferBytes() };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { isFresh, bytes } = await buildWeb();
  if (isFresh) console.log(`helpdesk pages built: ${Math.round(bytes / 1024)} kB to load (compressed, font included)`);
}
