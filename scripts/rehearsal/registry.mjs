// A package registry on this machine, for one rehearsal: verdaccio. It keeps what is published in a temporary folder, and gets every
// other package from the registry that npm is configured with.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cachedPackage } from '../cached-package.mjs';
import { closeAll, freePort, Running, run } from './command.mjs';

/**
 * Verdaccio is installed here on first use. As a dependency it would add 270 packages (58 MB) to every `npm ci`, for a rehearsal that
 * runs at night.
 */
const VERSION = '6.8.0';

/** Verdaccio asks for the tag `cjs` of this package, and some mirrors of the registry know only versions. */
const overrides = { 'node-fetch': '2.7.0' };

export class LocalRegistry {
  #folder;
  #server;

  /** Address of the registry, with a slash at its end. */
  url;

  static async start() {
    const upstream = (await run('npm', ['config', 'get', 'registry'])).trim();
    const modules = await cachedPackage('verdaccio', VERSION, { overrides });
    const registry = new LocalRegistry();
    registry.#folder = await mkdtemp(join(tmpdir(), 'millrace-registry-'));
    const port = await freePort();
    registry.url = `http://127.0.0.1:${port}/`;
    await writeFile(join(registry.#folder, 'config.yaml'), configuration(registry.#folder, upstream));
    registry.#server = new Running(process.execPath, [
      join(modules, 'verdaccio/bin/verdaccio'),
      '--config',
      join(registry.#folder, 'config.yaml'),
      '--listen',
      `127.0.0.1:${port}`,
    ]);
    try {
      await registry.#server.printed(/http address/);
    } catch (error) {
      await registry.close();
      throw error;
    }
    return registry;
  }

  /** Text of an `.npmrc` for this registry. It accepts any token, but npm does not publish without one. */
  get npmrc() {
    return [
      `registry=${this.url}`,
      `${this.url.slice('http:'.length)}:_authToken=rehearsal`,
      'audit=false',
      'fund=false',
      'update-notifier=false',
      'engine-strict=true',
      'omit-lockfile-registry-resolved=false',
      '',
    ].join('\n');
  }

  async publish(tarball) {
    const npmrc = join(this.#folder, '.npmrc');
    await writeFile(npmrc, this.npmrc);
    await run('npm', ['publish', tarball, '--userconfig', npmrc, '--cache', join(this.#folder, 'cache')], {
      cwd: this.#folder,
    });
  }

  async close() {
    const folder = { close: () => rm(this.#folder, { recursive: true, force: true }) };
    await closeAll([this.#server, folder]);
  }
}

function configuration(folder, upstream) {
  return `storage: ${join(folder, 'storage')}
uplinks:
  upstream:
    url: ${upstream}
packages:
  '@millrace/*':
    access: $all
    publish: $all
  'create-millrace':
    access: $all
    publish: $all
  '**':
    access: $all
    proxy: upstream
max_body_size: 50mb
web:
  enable: false
log: { type: stdout, format: pretty, level: warn }
`;
}
