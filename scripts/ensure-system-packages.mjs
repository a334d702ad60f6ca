// Installs the programs that the tests need and that are missing: Redis, OpenSSL, Chromium, nginx, HAProxy, strace, and FastAPI for the
// README's example. This works only on Debian as root, and uses only Debian's packages. On any other system, the script
// prints the names of the missing packages.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const needed = [
  { isThere: () => hasProgram('redis-server'), debianPackages: ['redis-server'] },
  // The tests use `openssl` to create the certificate of a Redis with TLS.
  { isThere: () => hasProgram('openssl'), debianPackages: ['openssl'] },
  { isThere: () => existsSync('/usr/bin/chromium'), debianPackages: ['chromium'] },
  // nginx and HAProxy stand in front of two gateways. They are not on the PATH of every user, so they are looked for where
  // Debian puts them.
  { isThere: () => existsSync('/usr/sbin/nginx') || hasProgram('nginx'), debianPackages: ['nginx'] },
  { isThere: () => existsSync('/usr/sbin/haproxy') || hasProgram('haproxy'), debianPackages: ['haproxy'] },
  // Only Linux has `strace`. Without it, the tests that trace a gateway are skipped.
  { isThere: () => process.platform !== 'linux' || hasProgram('strace'), debianPackages: ['strace'] },
  // Calls Debian's Python by its full path, because another Python on the PATH lacks Debian's packages.
  {
    isThere: () => succeeds('/usr/bin/python3', ['-c', 'import fastapi, httpx, jwt, redis.asyncio, uvicorn']),
    debianPackages: ['python3-fastapi', 'python3-httpx', 'python3-jwt', 'python3-redis', 'python3-uvicorn'],
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
