// npm run pack [-- --to FOLDER]: writes a tarball of every published package to `tarballs/`. Each tarball can be installed
// alone. Its folder `inside` contains the packages of this repository on which it depends, and its modules import them from
// there. A plain `npm pack` writes a tarball for a registry instead. From a registry, packages find each other by name.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const repository = fileURLToPath(new URL('..', import.meta.url));

/** The folders of the packages that are published. */
export const packageFolders = [
  'packages/internal',
  'packages/contract',
  'packages/api-documents',
  'packages/broker',
  'packages/signalr',
  'packages/publisher',
  'packages/client',
  'packages/react',
  'apps/gateway',
  'packages/create-millrace',
];

/**
 * The folder in a tarball that contains the other packages of this repository. Decision 7 explains why it is not `node_modules`.
 */
const insideFolder = 'inside';

/** The fields of package.json and the files that every published package must have. */
const neededFields = ['description', 'license', 'engines', 'files', 'exports'];
const neededFiles = ['README.md', 'LICENSE'];

const manifests = new Map(
  packageFolders.map((folder) => {
    const manifest = JSON.parse(readFileSync(join(repository, folder, 'package.json'), 'utf8'));
    return [manifest.name, { folder: join(repository, folder), manifest }];
  }),
);

/** Writes the tarballs of the built packages into `target` and returns their paths. */
export function packAll(target) {
  mkdirSync(target, { recursive: true });
  const staging = mkdtempSync(join(tmpdir(), 'millrace-pack-'));
  try {
    return [...manifests.keys()].map((name) => pack(name, join(staging, name), target));
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

function pack(name, stage, target) {
  copyPackage(name, stage);
  checkLinks(name, stage);
  const inside = [...insideOf(name)];
  for (const other of inside) copyPackage(other, join(stage, insideFolder, other));
  importFromInside(stage, inside);
  const { devDependencies: _, dependencies: __, ...manifest } = manifests.get(name).manifest;
  // The packages of this repository are in the tarball. Only dependencies from a registry must be installed.
  const dependencies = [...inside, name].flatMap((each) =>
    Object.entries(manifests.get(each).manifest.dependencies ?? {}).filter(
      ([other]) => !manifests.has(other),
    ),
  );
  writeManifest(stage, {
    ...manifest,
    ...(inside.length > 0 ? { files: [...manifest.files, insideFolder] } : {}),
    dependencies: Object.fromEntries(dependencies.sort(([a], [b]) => (a < b ? -1 : 1))),
  });
  const { status, stdout, stderr } = spawnSync('npm', ['pack', '--silent', '--pack-destination', target], {
    cwd: stage,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`npm pack ${name} failed: ${stderr}`);
  return join(target, stdout.trim());
}

/**
 * Rewrites the imports in the compiled modules of a package and of the packages inside it. Afterwards they import the
 * packages inside it by relative path.
 */
function importFromInside(stage, inside) {
  const modules = readdirSync(stage, { recursive: true, encoding: 'utf8' }).filter((path) =>
    /\.(?:js|d\.ts)$/.test(path),
  );
  for (const path of modules) {
    const file = join(stage, path);
    const text = readFileSync(file, 'utf8');
    const relinked = text.replace(
      /\b(from\s+|import\s*\(?\s*)(['"])(@[\w-]+\/[\w-]+)((?:\/[\w-]+)*)\2/g,
      (whole, before, quote, name, subpath) => {
        if (!inside.includes(name)) return whole;
        const { default: target } = manifests.get(name).manifest.exports[`.${subpath}`];
        const to = relative(dirname(file), join(stage, insideFolder, name, target));
        return `${before}${quote}${to.startsWith('.') ? to : `./${to}`}${quote}`;
      },
    );
    if (relinked !== text) writeFileSync(file, relinked);
  }
}

/** Returns the packages of this repository that a package depends on, directly or indirectly. */
function insideOf(name, found = new Set()) {
  for (const other of Object.keys(manifests.get(name).manifest.dependencies ?? {})) {
    if (!manifests.has(other) || found.has(other)) continue;
    found.add(other);
    insideOf(other, found);
  }
  return found;
}

function copyPackage(name, to) {
  const { folder, manifest } = manifests.get(name);
  const lacking = neededFields.filter((field) => manifest[field] === undefined);
  const missing = [...neededFiles, ...(manifest.files ?? [])].filter(
    (file) => !existsSync(join(folder, file)),
  );
  if (lacking.length > 0) throw new Error(`${name}: package.json lacks ${lacking.join(', ')}`);
  if (missing.length > 0)
    throw new Error(`${name} lacks ${missing.join(', ')}. Is it built (npm run build)?`);
  for (const file of [...neededFiles, ...manifest.files]) {
    cpSync(join(folder, file), join(to, file), { recursive: true });
  }
  const { devDependencies: _, ...published } = manifest;
  writeManifest(to, published);
}

/** Throws if a page of the package has a relative link to a file that is not in the package. */
function checkLinks(name, folder) {
  const pages = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.md'),
  );
  for (const page of pages) {
    const text = readFileSync(join(folder, page), 'utf8');
    for (const [, target] of text.matchAll(/\]\((?![a-z]+:|#)([^)#\s]+)/g)) {
      if (existsSync(join(folder, dirname(page), target))) continue;
      throw new Error(`${name}: ${page} links to ${target}, which is not in the package`);
    }
  }
}

function writeManifest(folder, manifest) {
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: { to: { type: 'string', default: join(repository, 'tarballs') } },
  });
  for (const path of packAll(resolve(values.to))) console.log(path);
}
