// Reduces package-lock.json to what users of the published packages install: their dependencies, without those of tests, benchmarks
// and tools. `npm sbom --omit dev` cannot do that in this repository: it leaves out packages on which only a workspace depends.

/** Returns the key of a dependency in the lock file, as Node finds it from the folder of its dependent. */
function keyOf(packages, from, name) {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/')))) {
    const key = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (key in packages) return packages[key].link === true ? packages[key].resolved : key;
    if (folder === '') return undefined;
  }
}

/** Returns the production dependencies of an entry by name. Optional peers are the choice of the user and left out. */
function dependenciesOf({ dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta }) {
  const peers = Object.entries(peerDependencies ?? {}).filter(
    ([name]) => peerDependenciesMeta?.[name]?.optional !== true,
  );
  return { ...dependencies, ...optionalDependencies, ...Object.fromEntries(peers) };
}

/** Returns the entries of the lock file that some folders need in production, by key. */
export function productionEntries({ packages }, folders) {
  const found = new Map();
  const waiting = [...folders];
  for (let key = waiting.pop(); key !== undefined; key = waiting.pop()) {
    if (found.has(key)) continue;
    const entry = packages[key];
    found.set(key, entry);
    for (const name of Object.keys(dependenciesOf(entry))) {
      const dependency = keyOf(packages, key, name);
      const isOptional = entry.optionalDependencies?.[name] !== undefined;
      if (dependency !== undefined) waiting.push(dependency);
      else if (!isOptional) throw new Error(`package-lock.json has no ${name}, which ${key} needs`);
    }
  }
  return found;
}

/** The name of a package, from its key or, for a workspace, from its entry. */
export function nameOf(key, entry) {
  return entry.name ?? key.split('node_modules/').at(-1);
}

/** Returns a package.json and a package-lock.json of a project that depends on the folders and on nothing else. */
export function productionProject(lock, folders, version) {
  const entries = productionEntries(lock, folders);
  const workspaces = [...entries].filter(
    ([key]) => !key.startsWith('node_modules/') && !key.includes('/node_modules/'),
  );
  const newKeys = workspaces.map(([key, entry]) => [key, `node_modules/${entry.name}`]);
  const newKeyOf = (key) => {
    const [folder, replaced] = newKeys.find(([old]) => key === old || key.startsWith(`${old}/`)) ?? ['', ''];
    return `${replaced}${key.slice(folder.length)}`;
  };
  const root = {
    name: 'millrace',
    version,
    license: 'MIT',
    dependencies: Object.fromEntries(workspaces.map(([, entry]) => [entry.name, entry.version])),
  };
  const packages = { '': root };
  for (const [key, entry] of entries) {
    const { version: own, integrity, license, dependencies, optionalDependencies, os, cpu, optional } = entry;
    packages[newKeyOf(key)] = {
      version: own,
      integrity,
      license,
      dependencies,
      optionalDependencies,
      os,
      cpu,
      optional,
    };
  }
  return { root, lock: { name: root.name, version, lockfileVersion: 3, requires: true, packages } };
}
