// The rehearsal of a release: publishes packages to a registry on this machine, and uses each of them as its users do.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { budgets } from './budgets.mjs';
import { closeAll } from './command.mjs';
import { atAddresses, compileExample, importEntries, readExample, runExample } from './example.mjs';
import { InstalledApp } from './installed-app.mjs';
import { LocalRegistry } from './registry.mjs';
import { Services } from './services.mjs';
import { faultsOfContents, faultsOfExports, faultsOfTypes, packPackage } from './tarball.mjs';

/** Packages that run in browsers, by their names without the scope. */
const forBrowsers = ['internal', 'contract', 'api-documents', 'client', 'react'];

/** Packages that applications do not import themselves. */
const withoutExample = ['internal', 'create-millrace'];

/** The types that users of Node and of React install. */
const types = {
  node: ['@types/node@20'],
  react: ['@types/react@19', '@types/react-dom@19'],
};

/**
 * Rehearses the release of all packages, and examines those of `only`.
 *
 * @param options `folders` of all packages; `nodes` and `compilers` to use each package with; `change(name, unpacked)` may damage
 * a package before it is published
 * @param onExamined called with the result of each package: its name, its sizes, and its faults by step
 */
export async function rehearse({ folders, only, change, ...tools }, onExamined) {
  const target = await mkdtemp(join(tmpdir(), 'millrace-rehearsal-'));
  const registry = await LocalRegistry.start();
  const services = new Services(registry, tools.nodes[0]);
  try {
    const packed = [];
    for (const folder of folders) packed.push(await packPackage(folder, target, change));
    for (const { tarball } of packed) await registry.publish(tarball);
    for (const each of packed)
      if (only === undefined || only.includes(each.shortName))
        onExamined(await examine(each, { registry, services, ...tools }));
  } finally {
    const folder = { close: () => rm(target, { recursive: true, force: true }) };
    await closeAll([services, registry, folder]);
  }
}

/** Uses one package in every way. A step that fails does not keep the others from running. */
async function examine(packed, tools) {
  const budget = budgets[packed.shortName];
  const faults = {
    contents: await faultsOfContents(packed, budget),
    exports: await faultsOfExports(packed),
    types: await faultsOfTypes(packed),
    TypeScript: [],
  };
  let size;
  for (const node of tools.nodes) {
    const app = await InstalledApp.create(tools.registry, node);
    try {
      const found = await useInstalled(app, packed, { ...tools, isFirst: node === tools.nodes[0] });
      faults[`Node ${node.version}`] = found.faults;
      faults.TypeScript.push(...found.typeFaults);
      size ??= found.size;
    } catch (error) {
      faults[`Node ${node.version}`] = [error.message];
    } finally {
      await app.close();
    }
  }
  if (size?.bytes > budget.maxInstalledBytes)
    faults.contents.push(`${size.bytes} bytes are installed, over the budget of ${budget.maxInstalledBytes}`);
  return { name: packed.name, bytes: packed.bytes, size, faults };
}

/** Installs a package alone, then what its README says, and runs the README's example. The first Node also compiles it. */
async function useInstalled(app, packed, { services, compilers, isFirst }) {
  const { name, manifest, unpacked } = packed;
  await app.install(`${name}@${manifest.version}`);
  const size = await app.size();
  const { imported, faults } = await importEntries(app, manifest);
  faults.push(...(await app.faultsOfTree(manifest.version)));
  if (manifest.bin !== undefined) faults.push(...(await faultsOfPrograms(app, manifest)));
  const example = await readExample(unpacked);
  if (example === undefined) {
    const mayLack = withoutExample.includes(packed.shortName);
    if (!mayLack) faults.push('the README has no example: put `<!-- example -->` before its first block');
    return { size, faults, typeFaults: [] };
  }
  await app.install(...example.install);
  const code = atAddresses(example.code, await services.addressesFor(example.code));
  let typeFaults = [];
  if (isFirst || example.language !== 'js') {
    const types = typePackagesOf(packed.shortName);
    if (types.length > 0) await app.install(...types);
    const needsNodeTypes = types.some((type) => type.startsWith('@types/node@'));
    typeFaults = await compileExample(
      app,
      { ...example, code },
      { compilers, entries: imported, needsNodeTypes },
    );
  }
  faults.push(...(await runExample(app, { ...example, code })));
  return { size, faults, typeFaults: isFirst ? typeFaults : [] };
}

/** Types that an application installs beside a package. The packages for browsers must not need the types of Node. */
function typePackagesOf(shortName) {
  if (forBrowsers.includes(shortName)) return shortName === 'react' ? types.react : [];
  return types.node;
}

/** Returns a line for each program of a package that does not explain itself. */
async function faultsOfPrograms(app, { bin }) {
  const faults = [];
  for (const name of Object.keys(bin)) {
    const printed = await app.run(join(app.folder, 'node_modules/.bin', name), ['--help']);
    if (!printed.startsWith('Usage:')) faults.push(`\`${name} --help\` does not print its usage`);
  }
  return faults;
}
