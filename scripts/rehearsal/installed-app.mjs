// An application of a user: an empty folder outside the repository, in which packages are installed from a registry.
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAllowed } from '../evidence/licences.mjs';
import { cleanEnvironment, Running, run } from './command.mjs';

export class InstalledApp {
  /** The folder that contains `package.json`. */
  folder;
  #place;
  #registry;
  #environment;

  /** @param node a Node from `nodeBinary`: npm and the application run on it */
  static async create(registry, node) {
    const app = new InstalledApp();
    app.#place = await mkdtemp(join(tmpdir(), 'millrace-app-'));
    app.folder = join(app.#place, 'app');
    app.#registry = registry;
    app.#environment = cleanEnvironment(node.folder);
    await mkdir(app.folder);
    await app.write('package.json', '{ "private": true, "type": "module" }');
    await app.write('.npmrc', registry.npmrc);
    return app;
  }

  /** Installs packages. The cache of npm is empty at first. */
  async install(...specifiers) {
    const args = ['install', '--ignore-scripts', '--cache', join(this.#place, 'cache'), ...specifiers];
    await this.run('npm', args);
  }

  write(file, text) {
    return writeFile(join(this.folder, file), text);
  }

  run(file, args) {
    return run(file, args, { cwd: this.folder, env: this.#environment });
  }

  /** Starts a program that runs until it is closed. */
  start(file, args, variables = {}) {
    return new Running(file, args, { cwd: this.folder, env: { ...this.#environment, ...variables } });
  }

  /**
   * Returns a line for each fault of an installed package: a link, another source than the registry, a script on installation, a licence
   * that is not permissive, or another version than `version`.
   */
  async faultsOfTree(version) {
    const list = await this.run('npm', ['ls', '--all']);
    const links = list.split('\n').filter((line) => line.includes(' -> '));
    const { packages } = JSON.parse(await readFile(join(this.folder, 'package-lock.json'), 'utf8'));
    const entries = Object.entries(packages).filter(([key]) => key !== '');
    return [
      ...links.map((line) => `\`npm ls\` shows a link: ${line.trim()}`),
      ...entries.flatMap(([key, entry]) => this.#faultsOfEntry(key, entry, version)),
      ...(await this.#linksOfScope()),
    ];
  }

  #faultsOfEntry(key, entry, version) {
    const name = key.slice(key.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const isOurs = /^(?:@millrace\/|create-millrace$)/.test(name);
    return [
      ...(entry.resolved?.startsWith(this.#registry.url)
        ? []
        : [`${name} came from ${entry.resolved ?? 'a folder'}, not from the registry`]),
      ...(entry.hasInstallScript ? [`${name} ${entry.version} runs a script on installation`] : []),
      ...(isAllowed(entry.license, name)
        ? []
        : [`${name} ${entry.version} has the licence ${entry.license ?? 'none'}, which is not permissive`]),
      ...(isOurs && entry.version !== version
        ? [`${name} has version ${entry.version}, not ${version}`]
        : []),
    ];
  }

  async #linksOfScope() {
    const scope = join(this.folder, 'node_modules/@millrace');
    const names = await readdir(scope).catch(() => []);
    const kinds = await Promise.all(names.map((name) => lstat(join(scope, name))));
    return names
      .filter((_, index) => kinds[index].isSymbolicLink())
      .map((name) => `@millrace/${name} is a symbolic link`);
  }

  /** Number of installed packages, and the bytes of their files. */
  async size() {
    const { packages } = JSON.parse(await readFile(join(this.folder, 'package-lock.json'), 'utf8'));
    const files = await readdir(join(this.folder, 'node_modules'), { recursive: true, withFileTypes: true });
    let bytes = 0;
    for (const file of files)
      if (file.isFile()) bytes += (await lstat(join(file.parentPath ?? file.path, file.name))).size;
    return { packages: Object.keys(packages).length - 1, bytes };
  }

  async close() {
    await rm(this.#place, { recursive: true, force: true });
  }
}
