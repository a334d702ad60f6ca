// Downloads a server program of another release of Debian than the one of this machine. It runs from its own folder with the libraries
// of its release. Nothing is installed.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const defaultCache = fileURLToPath(new URL('../../node_modules/.cache/millrace-debian', import.meta.url));
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
const libraries = 'root/usr/lib/x86_64-linux-gnu';

/**
 * Returns the path of a program that starts `program` of a Debian package, such as `valkey-server` of the release `trixie`. The
 * archive is the one that this machine's apt uses. Programs stay in `cache`, by default below `node_modules/.cache`.
 *
 * @throws Error if this machine is not Debian on x86-64, or the release has no such package
 */
export function debianServer({ suite, debianPackage, program, cache = defaultCache }) {
  const place = join(cache, `${suite}-${debianPackage}`);
  const launcher = join(place, program);
  if (existsSync(launcher)) return launcher;
  if (!existsSync('/etc/debian_version') || process.arch !== 'x64')
    throw new Error(`${debianPackage} of ${suite} needs Debian on x86-64: run this there, or leave it out.`);
  mkdirSync(cache, { recursive: true });
  const staging = mkdtempSync(join(cache, 'incomplete-'));
  try {
    unpack(staging, suite, debianPackage);
    const lines = [
      '#!/bin/sh',
      'here=$(dirname "$(readlink -f "$0")")',
      `exec "$here/${libraries}/ld-linux-x86-64.so.2" --library-path "$here/${libraries}" "$here/root/usr/bin/${program}" "$@"`,
    ];
    writeFileSync(join(staging, program), `${lines.join('\n')}\n`, { mode: 0o755 });
    renameSync(staging, place);
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
  return launcher;
}

/** Downloads a package with all packages that it needs, and unpacks them below `root`. */
function unpack(folder, suite, debianPackage) {
  const [lists, cache, root] = ['lists', 'cache', 'root'].map((name) => join(folder, name));
  for (const path of [join(lists, 'partial'), join(cache, 'archives/partial'), root])
    mkdirSync(path, { recursive: true });
  const sources = join(folder, 'sources.list');
  writeFileSync(sources, `deb [signed-by=${keyring}] ${archive()} ${suite} main\n`);
  const options = {
    'Dir::Etc::sourcelist': sources,
    'Dir::Etc::sourceparts': '-',
    'Dir::State::lists': lists,
    'Dir::Cache': cache,
    // An empty status file makes apt download the libraries, too, because no package counts as installed.
    'Dir::State::status': '/dev/null',
    'APT::Sandbox::User': 'root',
  };
  const given = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const apt = (...args) =>
    execFileSync('apt-get', [...given, '-qq', ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  apt('update');
  apt('install', '-y', '--no-install-recommends', '--download-only', debianPackage);
  const archives = join(cache, 'archives');
  for (const name of readdirSync(archives).filter((name) => name.endsWith('.deb')))
    execFileSync('dpkg-deb', ['-x', join(archives, name), root]);
  for (const used of [lists, cache]) rmSync(used, { recursive: true });
}

/** Returns the address of Debian's archive that this machine uses. */
function archive() {
  const format = ['--format', '$(REPO_URI)', 'Created-By: Packages', 'Origin: Debian'];
  const found = execFileSync('apt-get', ['indextargets', ...format], { encoding: 'utf8' });
  const address = found.split('\n').find((line) => /\/debian\/?$/.test(line));
  if (address === undefined)
    throw new Error('apt has no archive of Debian: run `apt-get update` as root first.');
  return address;
}
