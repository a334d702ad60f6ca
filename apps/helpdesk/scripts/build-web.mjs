// Builds the pages into dist/web and prints their size. Does nothing if no input has changed since the last
// build. Of several processes one builds, and the others wait for it.
//
//   node apps/helpdesk/scripts/build-web.mjs
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import Database from 'libsql';

const app = fileURLToPath(new URL('..', import.meta.url));
const repository = join(app, '../..');
const output = join(app, 'dist/web');
const fingerprintFile = join(output, '.built-from');
const lockFile = join(app, 'dist/web-lock.db');

/** The inputs of the build. `package-lock.json` stands for the installed libraries. */
const inputs = ['web', 'src/api-types.ts', 'src/texts.ts', 'vite.config.ts', 'scripts/build-web.mjs']
  .map((path) => join(app, path))
  .concat(
    ['packages/client/src', 'packages/react/src', 'package-lock.json'].map((path) => join(repository, path)),
  );

function filesUnder(path) {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .flatMap((name) => filesUnder(join(path, name)));
}

function fingerprint() {
  const hash = createHash('sha256');
  for (const file of inputs.flatMap(filesUnder))
    hash.update(file.slice(repository.length)).update(readFileSync(file));
  return hash.digest('hex');
}

/** Returns the compressed size of all files that a first visit loads, in bytes. */
function transferBytes() {
  const compressible = /\.(js|css|html|svg)$/;
  return filesUnder(output)
    .filter((file) => file !== fingerprintFile)
    .map((file) => (compressible.test(file) ? gzipSync(readFileSync(file)).length : statSync(file).size))
    .reduce((sum, size) => sum + size, 0);
}

/** Runs `act` while no other call with this file runs, in any process. */
export async function withLock(file, act) {
  mkdirSync(dirname(file), { recursive: true });
  const database = new Database(file);
  try {
    // The operating system releases the lock of a killed process.
    while (!isLockedBy(database)) await new Promise((resolve) => setTimeout(resolve, 100));
    return await act();
  } finally {
    database.close();
  }
}

function isLockedBy(database) {
  try {
    database.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if (error.code !== 'SQLITE_BUSY') throw error;
    return false;
  }
}

/** Builds the pages if an input has changed. */
export function buildWeb() {
  return withLock(lockFile, buildUnlessBuilt);
}

async function buildUnlessBuilt() {
  const builtFrom = fingerprint();
  if (existsSync(fingerprintFile) && readFileSync(fingerprintFile, 'utf8') === builtFrom)
    return { isFresh: false, bytes: transferBytes() };
  // vite is loaded only for a build, because loading it takes as long as everything else in this script.
  const { build } = await import('vite');
  // With NODE_ENV=test, as in a test run, the pages would contain the libraries' slow development code.
  const { NODE_ENV } = process.env;
  process.env.NODE_ENV = 'production';
  try {
    await build({ mode: 'production', configFile: join(app, 'vite.config.ts'), logLevel: 'warn' });
  } finally {
    if (NODE_ENV === undefined) delete process.env.NODE_ENV;
    else process.env.NODE_ENV = NODE_ENV;
  }
  writeFileSync(fingerprintFile, builtFrom);
  return { isFresh: true, bytes: transferBytes() };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { isFresh, bytes } = await buildWeb();
  if (isFresh)
    console.log(`helpdesk pages built: ${Math.round(bytes / 1024)} kB to load (compressed, font included)`);
}
