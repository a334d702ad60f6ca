// Writes a project: the files of the templates, and a file with new secrets. In the files of the templates, only the name and the
// versions in package.json are changed.
import { randomBytes } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Backend } from './backends.js';
import { CreateError } from './create-error.js';

const templates = fileURLToPath(new URL('../templates/', import.meta.url));

/** The wanted project. */
export interface Project {
  /** Folder, relative to the working directory. It is made if it does not exist, and must be empty otherwise. */
  readonly folder: string;
  readonly backend: Backend;
}

/**
 * Writes the project and returns the paths of its files, in alphabetical order. Never overwrites a file.
 *
 * @throws CreateError if the folder is not empty, or no folder can be made there. Nothing is written then
 */
export async function createProject({ folder, backend }: Project): Promise<readonly string[]> {
  const path = resolve(folder);
  await checkEmpty(folder, path);
  await mkdir(path, { recursive: true });
  const options = { recursive: true, errorOnExist: true, force: false };
  await cp(join(templates, 'common'), path, options);
  await cp(join(templates, backend), path, options);
  // npm leaves every file with the name .gitignore out of a package.
  await rename(join(path, 'gitignore'), join(path, '.gitignore'));
  await writeManifest(path);
  await writeFile(join(path, '.env'), environmentText(), { flag: 'wx', mode: 0o600 });
  const files = await readdir(path, { recursive: true, withFileTypes: true });
  return files
    .filter((file) => file.isFile() && !file.parentPath.startsWith(join(path, '.git')))
    .map((file) => join(file.parentPath, file.name).slice(path.length + 1))
    .sort();
}

/** A folder with nothing but an empty Git repository counts as empty. */
async function checkEmpty(folder: string, path: string): Promise<void> {
  let names: readonly string[];
  try {
    names = (await readdir(path)).filter((name) => name !== '.git');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    const isFile = (await stat(path).catch(() => undefined))?.isDirectory() === false;
    throw new CreateError(
      isFile
        ? `${folder} is a file. Choose another folder.`
        : `The folder ${folder} cannot be used: ${(error as Error).message}.`,
    );
  }
  if (names.length === 0) return;
  const shown = names.slice(0, 3).join(', ');
  const more = names.length > 3 ? ` and ${names.length - 3} more` : '';
  throw new CreateError(
    `The folder ${folder} is not empty: it has ${shown}${more}. Choose another folder. Nothing was written.`,
  );
}

/** Sets the name of the project, and the version of the packages of Millrace, which is that of this package. */
async function writeManifest(path: string): Promise<void> {
  const file = join(path, 'package.json');
  const manifest = JSON.parse(await readFile(file, 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  const version = await ownVersion();
  const dependencies = Object.fromEntries(
    Object.entries(manifest.dependencies).map(([name, other]) => [
      name,
      name.startsWith('@millrace/') ? version : other,
    ]),
  );
  const text = JSON.stringify({ ...manifest, name: packageName(path), dependencies }, null, 2);
  await writeFile(file, `${text}\n`);
}

async function ownVersion(): Promise<string> {
  const text = await readFile(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}

/** Returns a valid name of a package that is close to the name of the folder. */
export function packageName(path: string): string {
  const name = basename(path)
    .toLowerCase()
    .replace(/[^a-z\d]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 214);
  return name === '' ? 'millrace-app' : name;
}

/** Returns the settings of a machine for development, with secrets that no other project has. */
function environmentText(): string {
  const secret = (): string => randomBytes(32).toString('hex');
  return `# Settings and secrets of this machine. Not for Git.
MILLRACE_PORT=4400
BACKEND_PORT=8000
PAGE_PORT=5173

# Signs the tokens of users: the backend signs, the gateway checks.
MILLRACE_JWT_SECRET=${secret()}
# With this key, the backend may publish events.
MILLRACE_API_KEYS=${secret()}

# Without Redis, the gateway keeps events in memory.
# MILLRACE_REDIS_URL=redis://localhost:6379
`;
}
