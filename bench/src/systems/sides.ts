// All sides that this machine can run, by name. Builds only the sides that a part needs.
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildEarlier } from '../../../scripts/earlier-build.mjs';
import { buildAspNet } from './aspnet-sides.js';
import { millraceSides, millraceStreams, nodePeers } from './node-sides.js';
import type { Side, SideName } from './side.js';

/** Builds sides on demand, each of them once, and removes the builds at the end. */
export class Sides implements Disposable {
  readonly #baseCommit: string;
  readonly #built = new Map<SideName, Side>();
  /** The sides that cannot run, with the reasons. */
  readonly #missing = new Map<SideName, string>();
  /** The folders of the builds. */
  readonly #folders: string[] = [];

  constructor(baseCommit: string) {
    this.#baseCommit = baseCommit;
    const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
    const build = { name: commit };
    for (const side of [...nodePeers, ...millraceSides('millrace', build), millraceStreams(build)])
      this.#built.set(side.name, side);
  }

  /** Returns the sides with these names that this machine can run. */
  async get(names: readonly SideName[]): Promise<readonly Side[]> {
    if (names.some((name) => name.startsWith('before'))) await this.#buildBefore();
    if (names.some((name) => name.startsWith('aspnet'))) await this.#buildAspNet();
    const unknown = names.filter((name) => !this.#built.has(name) && !this.#missing.has(name));
    if (unknown.length > 0)
      throw new Error(`no such side: ${unknown.join(', ')}; there are ${[...this.#built.keys()].join(', ')}`);
    return names.flatMap((name) => this.#built.get(name) ?? []);
  }

  /** Returns the sides among `names` that cannot run on this machine, each with the reason. */
  missing(names: readonly SideName[]): readonly string[] {
    return names.flatMap((name) => {
      const reason = this.#missing.get(name);
      return reason === undefined ? [] : [`${name}: ${reason}`];
    });
  }

  /** Removes the builds. Synchronous, because it also runs when a signal ends the program. */
  [Symbol.dispose](): void {
    for (const folder of this.#folders) rmSync(folder, { recursive: true, force: true });
  }

  async #buildBefore(): Promise<void> {
    if (this.#built.has('before') || this.#missing.has('before')) return;
    console.log(`building ${this.#baseCommit} …`);
    const { name, folder, cli } = await buildEarlier(this.#baseCommit);
    this.#folders.push(folder);
    const publisher = pathToFileURL(join(folder, 'packages/publisher/dist/index.js')).href;
    for (const side of millraceSides('before', { name, cli, publisher })) this.#built.set(side.name, side);
  }

  async #buildAspNet(): Promise<void> {
    if (this.#built.has('aspnet-stream') || this.#missing.has('aspnet-stream')) return;
    console.log('building the ASP.NET Core peer …');
    const built = await buildAspNet();
    if ('reason' in built) {
      console.log(`no ASP.NET Core: ${built.reason}`);
      for (const name of ['aspnet-stream', 'aspnet-backplane'] as const)
        this.#missing.set(name, built.reason);
      return;
    }
    this.#folders.push(built.folder);
    for (const side of built.sides) this.#built.set(side.name, side);
  }
}
