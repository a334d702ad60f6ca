// Gets a Node of another version. The npm packages `node-<platform>-<processor>` contain the binaries.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cachedPackage } from './cached-package.mjs';

const run = promisify(execFile);

/** The versions of Node that the packages are tested with: the oldest one that is supported, then the newest of each line. */
export const nodeVersions = ['20.19.0', '22', '24', '26'];

/**
 * Returns the newest Node of a version such as `22` or `20.19.0`, as `{ version, folder }`. The folder holds the program `node`;
 * put it first in the `PATH`. Binaries stay in `cache`, by default below `node_modules/.cache`.
 *
 * @throws Error if the registry has no such binary for this machine
 */
export async function nodeBinary(wanted, { cache } = {}) {
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  const version = await newestOf(name, wanted);
  const modules = await cachedPackage(name, version, { cache });
  return { version, folder: join(modules, name, 'bin') };
}

async function newestOf(name, wanted) {
  try {
    // npm prints a string for one version and a list, in rising order, for several.
    const { stdout } = await run('npm', ['view', `${name}@${wanted}`, 'version', '--json']);
    return [JSON.parse(stdout)].flat().at(-1);
  } catch (cause) {
    const remedy = 'name a released version of Node, such as 22, and check that `npm ping` succeeds';
    throw new Error(`The registry names no ${name}@${wanted}: ${remedy}.`, { cause });
  }
}
