// The documents for a security review match the code and the lock file, so that they cannot become out of date unnoticed.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, test } from 'vitest';
import { isAllowed, refusedLicences } from '../evidence/licences.mjs';
import { productionEntries } from '../evidence/production-lock.mjs';

test('the committed evidence equals the output of the script', () => {
  const script = fileURLToPath(new URL('../evidence.mjs', import.meta.url));
  const cwd = fileURLToPath(new URL('../..', import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { cwd, encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
});

describe('licences', () => {
  it.each(['MIT', 'ISC', '(MIT OR CC0-1.0)', 'GPL-3.0-only OR MIT', '(MIT AND Zlib)'])(
    'the licence %s is allowed',
    (licence) => expect(isAllowed(licence)).toBe(true),
  );

  it.each([
    'GPL-3.0-only',
    'AGPL-3.0-or-later',
    'MIT AND GPL-2.0-only',
    'SEE LICENSE IN LICENSE',
    'OFL-1.1',
    '',
    undefined,
  ])('the licence %s is refused', (licence) => expect(isAllowed(licence)).toBe(false));

  test('the message about a refused package contains its name, version and licence', () => {
    const packages = [
      { name: 'good', version: '1.0.0', licence: 'MIT' },
      { name: 'bad', version: '2.0.0', licence: 'GPL-3.0-only' },
      { name: 'mute', version: '3.0.0', licence: undefined },
      { name: '@fontsource-variable/inter', version: '5.0.0', licence: 'OFL-1.1' },
    ];
    expect(refusedLicences(packages)).toEqual(['bad 2.0.0: GPL-3.0-only', 'mute 3.0.0: names no licence']);
  });
});

test('the production entries are those that Node would load, without test dependencies and optional peers', () => {
  const packages = {
    'packages/a': { name: 'a', dependencies: { b: '1', c: '1' }, devDependencies: { t: '1' } },
    'node_modules/b': {
      dependencies: { c: '2' },
      peerDependencies: { p: '1', q: '1' },
      peerDependenciesMeta: { q: { optional: true } },
    },
    'node_modules/b/node_modules/c': { version: '2' },
    'packages/a/node_modules/c': { version: '1', optionalDependencies: { absent: '1' } },
    'node_modules/c': { version: '3' },
    'node_modules/p': {},
    'node_modules/q': {},
    'node_modules/t': {},
  };
  expect(new Set(productionEntries({ packages }, ['packages/a']).keys())).toEqual(
    new Set([
      'node_modules/b',
      'node_modules/b/node_modules/c',
      'node_modules/p',
      'packages/a',
      'packages/a/node_modules/c',
    ]),
  );
  const broken = { packages: { a: { dependencies: { missing: '1' } } } };
  expect(() => productionEntries(broken, ['a'])).toThrow('package-lock.json has no missing, which a needs');
});
