// The rehearsal of a release finds damaged packages. Needs the package registry, and runs at night.
import { readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { packageFolders } from '../pack.mjs';
import { installCompilers } from '../rehearsal/compilers.mjs';
import { rehearse } from '../rehearsal/rehearse.mjs';

const edit = async (file, from, to) => {
  const text = await readFile(file, 'utf8');
  expect(text).toContain(from);
  await writeFile(file, text.replace(from, to));
};

/** The damage of each package, by its name. */
const damages = {
  internal: (folder) => rm(join(folder, 'LICENSE')),
  contract: (folder) => edit(join(folder, 'README.md'), 'catalog.parsePayload(', 'catalog.parsePayloads('),
  'api-documents': (folder) =>
    edit(join(folder, 'package.json'), '"exports"', '"scripts": { "postinstall": "true" }, "exports"'),
  broker: (folder) => edit(join(folder, 'package.json'), './dist/index.js', './dist/indexes.js'),
};

/** The faults of each package by step, without the steps that found none. */
const found = new Map();
const node = `Node ${process.versions.node}`;

beforeAll(async () => {
  const compilers = (await installCompilers()).slice(-1);
  const nodes = [{ version: process.versions.node, folder: dirname(process.execPath) }];
  const change = (name, unpacked) => damages[name]?.(unpacked);
  const only = Object.keys(damages);
  await rehearse({ folders: packageFolders, only, nodes, compilers, change }, ({ name, faults }) => {
    found.set(name, Object.fromEntries(Object.entries(faults).filter(([, lines]) => lines.length > 0)));
  });
}, 900_000);

test('a package without its licence is found', () => {
  expect(found.get('@millrace/internal')).toEqual({
    contents: ['the tarball has no file LICENSE with the text of the MIT licence'],
  });
});

test('the compiler and the run both report a README example that calls a missing function', () => {
  const faults = found.get('@millrace/contract');
  expect(Object.keys(faults)).toEqual(['TypeScript', node]);
  expect(faults.TypeScript.join('\n')).toContain("Property 'parsePayloads' does not exist");
  expect(faults[node].join('\n')).toContain('parsePayloads is not a function');
});

test('a package that runs a script on installation is found', () => {
  const faults = found.get('@millrace/api-documents');
  expect(faults.contents).toEqual(['package.json runs the script postinstall on installation: remove it']);
  expect(faults[node]).toEqual([
    expect.stringMatching(/^@millrace\/api-documents \S+ runs a script on installation$/),
  ]);
});

test('publint and the import both report an export that names a missing file', () => {
  const faults = found.get('@millrace/broker');
  expect(faults.exports.join('\n')).toContain('indexes.js');
  expect(faults[node].join('\n')).toContain('@millrace/broker cannot be imported');
});
