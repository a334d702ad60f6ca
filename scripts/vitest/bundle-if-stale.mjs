// Global set-up of the tests that start programs: bundles the packages again if a source has changed since the last build.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('../bundle.mjs', import.meta.url));

export function setup() {
  execFileSync(process.execPath, [script, '--if-stale'], { stdio: 'inherit' });
}
