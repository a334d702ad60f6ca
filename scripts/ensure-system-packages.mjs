// Installs the programs that the tests need and that are missing: Redis, OpenSSL, Chromium, strace, and FastAPI for the README's
// example. It installs them only on Debian as root, from Debian's packages. Elsewhere it prints the names of the missing packages.
// It installs nothing else.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const needed = [
  { isThere: () => hasProgram('redis-server'), debianPackages: ['redis-server'] },
  // The tests use `openssl` to create the certificate of a Redis with TLS.
  { isThere: () => hasProgram('openssl'), debianPackages: ['openssl'] },
  { isThere: () => existsSync('/usr/bin/chromium'), debianPackages: ['chromium'] },
  // Only Linux has `strace`. The tests that trace a gateway leave themselves out without it.
  { isThere: () => process.platform !== 'linux' || hasProgram('strace'), debianPackages: ['strace'] },
  // Calls Debian's Python by its full path, because another Python on the PATH lacks Debian's packages.
  {
    isThere: () => succeeds('/usr/bin/python3', ['-c', 'import fastapi, redis.asyncio, uvicorn']),
    debianPackages: ['python3-fastapi', 'python3-redis', 'python3-uvicorn'],
  },
];

const missing = needed.filter(({ isThere }) => !isThere()).flatMap(({ debianPackages }) => debianPackages);

if (missing.length > 0) {
  if (!existsSync('/etc/debian_version') || process.getuid?.() !== 0) {
    console.error(
      `The tests need: ${missing.join(', ')}. On Debian: sudo apt-get install ${missing.join(' ')}`,
    );
    process.exit(1);
  }
  console.log(`Installing from Debian's packages: ${missing.join(', ')}`);
  // RUNLEVEL=1 prevents a package from starting its service. The tests start their own servers.
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

function hasProgram(name) {
  return succeeds('which', [name]);
}

function succeeds(command, args) {
  return spawnSync(command, args).status === 0;
}
