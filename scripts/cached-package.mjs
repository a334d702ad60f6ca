// Installs a package that only a script needs, on first use. It stays below `node_modules/.cache`, so `npm ci` need not install it.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const defaultCache = fileURLToPath(new URL('../node_modules/.cache/millrace', import.meta.url));

/**
 * Returns the folder `node_modules` that contains a package of exactly this version.
 *
 * @param options `overrides` are those of a `package.json`; `cache` is the folder that keeps installed packages
 */
export async function cachedPackage(name, version, { overrides = {}, cache = defaultCache } = {}) {
  const place = join(cache, `${name}-${version}`);
  if (!existsSync(place)) await install(`${name}@${version}`, overrides, place);
  return join(place, 'node_modules');
}

/** Installs into a folder of its own, and moves that into place when it is complete. */
async function install(specifier, overrides, place) {
  const cache = join(place, '..');
  await mkdir(cache, { recursive: true });
  const staging = await mkdtemp(join(cache, 'incomplete-'));
  try {
    await writeFile(join(staging, 'package.json'), JSON.stringify({ private: true, overrides }));
    const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', specifier];
    await run('npm', args, { cwd: staging, maxBuffer: 2 ** 26 });
    await rename(staging, place).catch((error) => {
      // Another run was faster, and its copy is the same.
      if (!existsSync(place)) throw error;
    });
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
}
