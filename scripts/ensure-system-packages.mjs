// The tests need a real Redis and a real browser. On Debian as root this installs what is missing from Debian's own
// packages; anywhere else it says what to install. Nothing else is ever installed.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const needed = [
  { program: 'redis-server', debianPackage: 'redis-server' },
  { program: 'chromium', debianPackage: 'chromium' },
];

const isMissing = ({ program }) => spawnSync('which', [program]).status !== 0;
const missing = needed.filter(isMissing).map(({ debianPackage }) => debianPackage);

if (missing.length > 0) {
  if (!existsSync('/etc/debian_version') || process.getuid?.() !== 0) {
    console.error(
      `The tests need: ${missing.join(', ')}. Install with your package manager, e.g. sudo apt-get install ${missing.join(' ')}`,
    );
    process.exit(1);
  }
  console.log(`Installing from Debian's packages: ${missing.join(', ')}`);
  // RUNLEVEL=1 keeps the package's service from being started: the tests start their own servers.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  for (const args of [
    ['update', '-qq'],
    ['install', '-y', '-qq', '--no-install-recommends', ...missing],
  ]) {
    const { status } = spawnSync('apt-get', args, { stdio: ['ignore', 'ignore', 'inherit'], env });
    if (status !== 0) {
      console.error(`apt-get ${args.join(' ')} failed`);
      process.exit(1);
    }
  }
}
