// A change of the public API is found by name, and a changeset announces only what it names.
import { expect, test } from 'vitest';
import { changedNames, changesetTextOf, declarationsOf, stableTable, unnamed } from '../api/report.mjs';

const report = (...declarations) =>
  ['## API Report', '', '```ts', '', "import { Other } from 'other';", '', ...declarations, '```', ''].join(
    '\n',
  );

const before = report(
  '// @public\nexport const limit = 3;\n',
  '// @beta\nexport interface Options {\n    readonly limit?: number;\n}\n',
  '// @beta\nexport function read(one: string): void;\n',
  '// @beta\nexport function read(one: number): void;\n',
  '// @beta (undocumented)\ntype Hidden = string;\n',
);

test('a report lists each declaration once, with its label and all overloads', () => {
  const found = declarationsOf(before);
  expect([...found.keys()]).toEqual(['limit', 'Options', 'read', 'Hidden']);
  expect(found.get('limit')).toMatchObject({ label: 'stable', isExported: true });
  expect(found.get('read')?.text).toContain('one: number');
  expect(found.get('Hidden')).toMatchObject({ label: 'experimental', isExported: false });
});

test('an added, a removed, a changed and a relabelled declaration are all changes of the API', () => {
  const after = before
    .replace('limit = 3', 'limit = 4')
    .replace('// @beta\nexport interface', '// @public\nexport interface')
    .replace('read(one: number)', 'read(one: boolean)')
    .replace('type Hidden', 'type Added');
  expect(changedNames(before, after)).toEqual(['Added', 'Hidden', 'Options', 'limit', 'read']);
  expect(changedNames(before, before)).toEqual([]);
});

test('a changeset announces a change only if it is for the package and names the export in backticks', () => {
  const changesets = [
    "---\n'@millrace/broker': minor\n---\n\n`read(one)` accepts numbers. Options changed.\n",
    "---\n'@millrace/client': minor\n---\n\n`Options` has `limit`.\n",
  ];
  const text = changesetTextOf(changesets, '@millrace/broker');
  expect(unnamed(['Options', 'limit', 'read'], text)).toEqual(['Options', 'limit']);
  expect(unnamed(['Options'], changesetTextOf([], '@millrace/broker'))).toEqual(['Options']);
});

test('the list of stable exports counts the experimental ones and leaves out what is not exported', () => {
  const table = stableTable([{ title: '@millrace/broker', text: before }]);
  expect(table).toContain('| `@millrace/broker` | `limit` | 2 |');
});
