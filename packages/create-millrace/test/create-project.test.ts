// The project that `npm create millrace` writes: its files, versions and secrets, and the folders that it refuses.
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BACKENDS } from '../src/backends.js';
import { createProject, packageName } from '../src/create-project.js';

const own = fileURLToPath(new URL('..', import.meta.url));

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

async function readManifest(folder: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest;
}

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-create-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe.for(BACKENDS)('a project with the backend %s', (backend) => {
  let place = '';
  let files: readonly string[] = [];
  beforeAll(async () => {
    place = join(folder, backend, 'Notes of Åse');
    files = await createProject({ folder: place, backend });
  });

  test('a project has the files of its README, a name, and no folder of Git or of modules', async () => {
    const readme = await readFile(join(place, 'README.md'), 'utf8');
    const named = Array.from(readme.matchAll(/^\| `([^`]+)`/gm)).map(([, file]) => file);
    expect(named.length).toBeGreaterThan(5);
    expect(files).toEqual(expect.arrayContaining(named));
    expect(files).toEqual(expect.arrayContaining(['.gitignore', 'package.json', 'tsconfig.json']));
    expect(files).not.toContain('gitignore');
    expect((await readManifest(place)).name).toBe('notes-of-se');
  });

  test('a project pins every package to the version that this repository is tested with', async () => {
    const { dependencies, devDependencies } = await readManifest(place);
    const { version, devDependencies: tested } = await readManifest(own);
    for (const [name, pinned] of Object.entries({ ...dependencies, ...devDependencies }))
      expect(`${name} ${pinned}`).toBe(`${name} ${name.startsWith('@millrace/') ? version : tested[name]}`);
  });

  test('a project keeps its secrets out of Git and out of the sight of others, and no other project has them', async () => {
    expect(await readFile(join(place, '.gitignore'), 'utf8')).toMatch(/^\.env$/m);
    expect((await stat(join(place, '.env'))).mode & 0o077).toBe(0);
    const secrets = await secretsOf(place);
    expect(secrets).toHaveLength(2);
    const other = join(folder, `other-${backend}`);
    await createProject({ folder: other, backend });
    expect(new Set([...secrets, ...(await secretsOf(other))]).size).toBe(4);
  });
});

async function secretsOf(place: string): Promise<readonly string[]> {
  return (await readFile(join(place, '.env'), 'utf8')).match(/[\da-f]{64}/g) ?? [];
}

test.each([
  ['has a file', 'one.txt', /is not empty: it has one\.txt\. Choose another folder/],
  ['has a file of the same name', 'README.md', /is not empty: it has README\.md\./],
  ['has a hidden file', '.env', /is not empty: it has \.env\./],
])('a folder that %s is refused, and keeps what it has', async (_, name, message) => {
  const place = await mkdtemp(join(folder, 'full-'));
  await writeFile(join(place, name), 'mine');
  await expect(createProject({ folder: place, backend: 'express' })).rejects.toThrow(message);
  expect(await readdir(place)).toEqual([name]);
  expect(await readFile(join(place, name), 'utf8')).toBe('mine');
});

test('a folder with nothing but a Git repository is accepted, and a file is refused', async () => {
  const place = join(folder, 'repository');
  await mkdir(join(place, '.git'), { recursive: true });
  await writeFile(join(place, '.git/HEAD'), 'ref');
  const files = await createProject({ folder: place, backend: 'express' });
  expect(files).toContain('package.json');
  expect(files.filter((file) => file.startsWith('.git/'))).toEqual([]);
  await writeFile(join(folder, 'file'), '');
  for (const path of ['file', 'file/below'])
    await expect(createProject({ folder: join(folder, path), backend: 'express' })).rejects.toThrow(
      /is a file|cannot be used/,
    );
});

test.each([
  ['my-app', 'my-app'],
  ['My App', 'my-app'],
  ['_private', 'private'],
  ['…', 'millrace-app'],
])('the folder %s gives the package the name %s', (path, name) => {
  expect(packageName(join('/home', path))).toBe(name);
});
