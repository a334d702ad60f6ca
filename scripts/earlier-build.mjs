// Copies an earlier commit from git into a temporary folder and builds it there, with the dependencies that are installed in this
// repository.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const repository = fileURLToPath(new URL('..', import.meta.url));

/** The folders of the workspaces. A workspace may have its own `node_modules`. */
const workspaceFolders = ['packages', 'apps'];

const run = promisify(execFile);

/** Builds the gateway and the client of a commit. Needs the commit in this clone, but no network. `remove` deletes the folder. */
export async function buildEarlier(reference) {
  const commit = await resolveCommit(reference);
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'millrace-base-')));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    await unpack(commit, folder);
    await linkDependencies(folder);
    await run(
      process.execPath,
      [join(repository, 'node_modules/typescript/bin/tsc'), '-b', 'apps/gateway', 'packages/client'],
      { cwd: folder },
    );
    const bundle = join(folder, 'scripts/bundle.mjs');
    // In commits without this script, the compiler writes the code too.
    if (existsSync(bundle)) await run(process.execPath, [bundle], { cwd: folder });
    return { name: commit.slice(0, 7), folder, cli: join(folder, 'apps/gateway/bin/millrace.js'), remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function resolveCommit(reference) {
  try {
    const { stdout } = await run('git', ['rev-parse', '--verify', `${reference}^{commit}`], {
      cwd: repository,
    });
    return stdout.trim();
  } catch (cause) {
    throw new Error(
      `This clone has no commit ${reference}, the earlier build. A shallow clone gets it by \`git fetch --unshallow\`; \`--base <commit>\` names another one.`,
      { cause },
    );
  }
}

/** Unpacks a commit into a folder. `git worktree add` would write into the repository, and a crash would leave that behind. */
async function unpack(commit, folder) {
  const archive = join(folder, 'base.tar');
  await run('git', ['archive', '--output', archive, commit], { cwd: repository });
  await run('tar', ['-xf', archive, '-C', folder]);
  await rm(archive);
}

/** Links the installed dependencies into the folder. The `@millrace` packages are linked to the commit's own packages instead. */
async function linkDependencies(folder) {
  const modules = join(folder, 'node_modules');
  await mkdir(join(modules, '@millrace'), { recursive: true });
  for (const name of await readdir(join(repository, 'node_modules')))
    if (name !== '@millrace') await symlink(join(repository, 'node_modules', name), join(modules, name));
  for (const parent of workspaceFolders)
    for (const name of await readdir(join(folder, parent))) {
      await symlink(join(folder, parent, name), join(modules, '@millrace', name));
      const own = join(repository, parent, name, 'node_modules');
      if (existsSync(own)) await symlink(own, join(folder, parent, name, 'node_modules'));
    }
}
