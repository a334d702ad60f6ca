// Reduces package-lock.json to the packages that users of the published packages install. Packages for tests, benchmarks and
// tools are left out. `npm sbom --omit dev` cannot do that in this repository: it leaves out packages on which only a
// workspace depends.

/**
 * Returns the lock file's key of a dependency. Searches the folders in the same order as Node does, from the dependent's
 * folder upwards.
 */
function keyOf(packages, from, name) {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/')))) {
    const key = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (key in packages) return packages[key].link === true ? packages[key].resolved : key;
    if (folder === '') return undefined;
  }
}

/**
 * Returns the production dependencies of an entry by name. Leaves out optional peers, because the user chooses whether to
 * install them.
 */
function dependenciesOf({ dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta }) {
  const peers = Object.entries(peerDependencies ?? {}).filter(
    ([name]) => peerDependenciesMeta?.[name]?.optional !== true,
  );
  return { ...dependencies, ...optionalDependencies, ...Object.fromEntries(peers) };
}

/** Returns the entries of the lock file that the given folders need in production, by key. */
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

/** Returns the name of a package. The entry of a workspace has a name. For any other package, the name is part of the key. */
export function nameOf(key, entry) {
  return entry.name ?? key.split('node_modules/').at(-1);
}

/** Returns the package.json and package-lock.json of a project that depends only on the given folders. */
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
