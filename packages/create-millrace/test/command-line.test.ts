// The command line of `npm create millrace`: what it accepts, and the sentence with which it refuses the rest.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { projectOf } from '../src/ask.js';
import { readCommandLine, usage } from '../src/command-line.js';

const program = fileURLToPath(new URL('../bin/create-millrace.js', import.meta.url));

test('the command line names the folder and the backend, and --yes gives the rest', async () => {
  const read = (...args: string[]) => projectOf(readCommandLine(args));
  await expect(read('shop', '--backend', 'FastAPI')).resolves.toEqual({ folder: 'shop', backend: 'fastapi' });
  await expect(read('--yes')).resolves.toEqual({ folder: 'millrace-app', backend: 'express' });
  await expect(read('-y', 'shop')).resolves.toEqual({ folder: 'shop', backend: 'express' });
  expect(readCommandLine(['--help'])).toMatchObject({ isHelp: true });
  for (const option of ['--backend', '--yes', '--help']) expect(usage).toContain(option);
});

test.each<[string, readonly string[], RegExp]>([
  [
    'an unknown backend',
    ['--backend', 'django'],
    /no backend "django".*--backend fastapi or --backend express/,
  ],
  ['an unknown option', ['--bakend', 'express'], /Unknown option '--bakend'.*--help/],
  ['an option without its value', ['--backend'], /--backend.*--help/],
  ['two folders', ['a', 'b'], /One folder is expected, not 2: a, b\. .* -- --backend/],
])('%s is refused with a sentence that says what is allowed', (_, args, message) => {
  expect(() => readCommandLine(args)).toThrow(message);
});

test('an old version of Node is refused with a readable message before anything else is loaded', () => {
  const old = `data:text/javascript,Object.defineProperty(process, 'versions', { value: { node: '18.20.4' } })`;
  const { status, stderr } = spawnSync(process.execPath, ['--import', old, program], { encoding: 'utf8' });
  expect(stderr).toMatch(/^create-millrace: Node 20\.19 or newer is needed, and this is 18\.20\.4\. .*\n$/);
  expect(status).toBe(1);
});
