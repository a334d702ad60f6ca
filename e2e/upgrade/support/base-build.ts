// The build that is replaced: an earlier commit, taken out of git into a folder of its own and built there.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import type * as client from '@millrace/client';
import type * as publisher from '@millrace/publisher';
import { repositoryPath } from '../../fixtures/cli-process.js';

/** The oldest build with which the present one shares a Redis. */
const baseCommit = process.env['UPGRADE_BASE'] ?? '1966bb5';

/** The packages whose own dependencies stand beside them. */
const workspaceFolders = ['packages', 'apps'];

const run = promisify(execFile);

/** A build on disk. Removed when it is disposed of. */
export interface Build extends AsyncDisposable {
  readonly name: string;
  /** The command-line program. */
  readonly cli: string;
  readonly publisher: typeof publisher;
  readonly client: typeof client;
}

/** Builds the base. Needs the commit in git, and no network: the dependencies are those that are installed here. */
export async function buildBase(): Promise<Build> {
  const commit = await resolveCommit();
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'millrace-base-')));
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    await unpack(commit, folder);
    await linkDependencies(folder);
    await run(
      process.execPath,
      [join(repositoryPath, 'node_modules/typescript/bin/tsc'), '-b', 'apps/gateway', 'packages/client'],
      { cwd: folder },
    );
    return {
      name: commit.slice(0, 7),
      cli: join(folder, 'apps/gateway/bin/millrace.js'),
      publisher: (await load(folder, 'publisher')) as typeof publisher, // of the base: the parts that are used here are the same
      client: (await load(folder, 'client')) as typeof client, // likewise
      [Symbol.asyncDispose]: remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function resolveCommit(): Promise<string> {
  try {
    const { stdout } = await run('git', ['rev-parse', '--verify', `${baseCommit}^{commit}`], {
      cwd: repositoryPath,
    });
    return stdout.trim();
  } catch (cause) {
    throw new Error(
      `This clone has no commit ${baseCommit}, the build that is replaced. A shallow clone gets it by \`git fetch --unshallow\`; another base is \`npm run upgrade -- --base <commit>\`.`,
      { cause },
    );
  }
}

/** As `git worktree add` would, without an entry in the repository that a crash would leave behind. */
async function unpack(commit: string, folder: string): Promise<void> {
  const archive = join(folder, 'base.tar');
  await run('git', ['archive', '--output', archive, commit], { cwd: repositoryPath });
  await run('tar', ['-xf', archive, '-C', folder]);
  await rm(archive);
}

/** Links what is installed here, and the base's own packages in place of ours. */
async function linkDependencies(folder: string): Promise<void> {
  const modules = join(folder, 'node_modules');
  await mkdir(join(modules, '@millrace'), { recursive: true });
  for (const name of await readdir(join(repositoryPath, 'node_modules')))
    if (name !== '@millrace') await symlink(join(repositoryPath, 'node_modules', name), join(modules, name));
  for (const parent of workspaceFolders)
    for (const name of await readdir(join(folder, parent))) {
      await symlink(join(folder, parent, name), join(modules, '@millrace', name));
      const own = join(repositoryPath, parent, name, 'node_modules');
      if (existsSync(own)) await symlink(own, join(folder, parent, name, 'node_modules'));
    }
}

function load(folder: string, name: string): Promise<unknown> {
  return import(/* @vite-ignore */ pathToFileURL(join(folder, 'packages', name, 'dist/index.js')).href);
}
