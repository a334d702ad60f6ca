// Packs a package as `npm publish` does, and checks what is in the tarball: licence, README, exports, types, scripts, size.
import { mkdir, mkdtemp, readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cleanEnvironment, run } from './command.mjs';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const tools = cleanEnvironment(join(repository, 'node_modules/.bin'));

/** npm runs these scripts of a package on the machine of everybody who installs it. */
const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall', 'prepare'];

/**
 * Packs the package of a folder into `target`.
 *
 * @param change is called with the package's name and unpacked folder before it is packed, so that a test can damage it
 * @returns the path of the tarball, the folder with its unpacked contents, its manifest and its sizes
 */
export async function packPackage(folder, target, change) {
  await mkdir(target, { recursive: true });
  let tarball = await npmPack(join(repository, folder), target);
  let unpacked = await unpack(tarball, target);
  if (change !== undefined) {
    await change(basename(folder), unpacked);
    tarball = await npmPack(unpacked, target);
    unpacked = await unpack(tarball, target);
  }
  const manifest = JSON.parse(await readFile(join(unpacked, 'package.json'), 'utf8'));
  const { size } = await stat(tarball);
  return { shortName: basename(folder), name: manifest.name, manifest, tarball, unpacked, bytes: size };
}

async function npmPack(folder, target) {
  const args = ['pack', '--ignore-scripts', '--silent', '--pack-destination', target];
  return join(target, (await run('npm', args, { cwd: folder })).trim());
}

async function unpack(tarball, target) {
  const folder = await mkdtemp(join(target, 'unpacked-'));
  await run('tar', ['-xzf', tarball, '-C', folder]);
  return join(folder, 'package');
}

/** Returns a line for each rule that the contents of a tarball break. */
export async function faultsOfContents({ manifest, unpacked, bytes }, { maxTarballBytes }) {
  const scripts = INSTALL_SCRIPTS.filter((name) => manifest.scripts?.[name] !== undefined);
  const faults = [
    ...(await faultsOfLicence(manifest, unpacked)),
    ...(await faultsOfReadme(manifest, unpacked)),
    ...scripts.map((name) => `package.json runs the script ${name} on installation: remove it`),
  ];
  if (bytes > maxTarballBytes)
    faults.push(`the tarball has ${bytes} bytes, over its budget of ${maxTarballBytes} (budgets.mjs)`);
  return faults;
}

/** Returns publint's complaint about the exports of a package, if it has one. */
export function faultsOfExports({ unpacked }) {
  return faultsOfTool('publint', [unpacked, '--strict']);
}

/** Returns attw's complaint about the types of a package, if it has one. */
export async function faultsOfTypes({ tarball, manifest }) {
  // A package without entry points has no types.
  if (Object.keys(manifest.exports).every((entry) => entry.endsWith('.json'))) return [];
  return faultsOfTool('attw', [tarball, '--profile', 'esm-only', '--format', 'ascii']);
}

async function faultsOfLicence({ license }, unpacked) {
  const text = await readFile(join(unpacked, 'LICENSE'), 'utf8').catch(() => '');
  return [
    ...(license === 'MIT' ? [] : [`package.json names the licence ${license}: it must be MIT`]),
    ...(text.startsWith('MIT License')
      ? []
      : ['the tarball has no file LICENSE with the text of the MIT licence']),
  ];
}

async function faultsOfReadme({ name }, unpacked) {
  const [found = ''] = (await readdir(unpacked)).filter((file) => file === 'README.md');
  const text = found === '' ? '' : await readFile(join(unpacked, found), 'utf8');
  if (!text.startsWith(`# ${name}\n`)) return [`README.md does not begin with the title “${name}”`];
  return /npm (?:install|create) /.test(text) || text.includes('not for direct use')
    ? []
    : ['README.md does not say how to install the package'];
}

async function faultsOfTool(tool, args) {
  try {
    await run(tool, args, { cwd: repository, env: tools });
    return [];
  } catch (error) {
    return [error.message];
  }
}
