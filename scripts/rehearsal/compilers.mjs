// The compilers of TypeScript that users have: the last one that is written in JavaScript, and the one of this repository.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cachedPackage } from '../cached-package.mjs';

const ownModules = fileURLToPath(new URL('../../node_modules', import.meta.url));

/** Returns `{ name, path }` of each compiler. */
export async function installCompilers() {
  return [await cachedPackage('typescript', '5.9.3'), ownModules].map((modules) => {
    const { version } = JSON.parse(readFileSync(join(modules, 'typescript/package.json'), 'utf8'));
    return { name: `TypeScript ${version}`, path: join(modules, 'typescript/bin/tsc') };
  });
}
