// The rules for pages find dead links to headings, and blocks of code that no test covers.
import { expect, it } from 'vitest';
import { anchorFindings, anchorsOf, blockFindings, codeBlocks, shownTexts } from '../pages.mjs';

const page = (...lines) => lines.join('\n');
const fence = (language, ...lines) => page(`\`\`\`${language}`, ...lines, '```');

it('a block of code is found with its language, its line and the line in front of it', () => {
  const text = page('# A', '', '1. list', '', '   <!-- snippet: a -->', '   ```sh', '   ls', '', '   ```');
  expect(codeBlocks(text)).toEqual([
    { line: 6, language: 'sh', words: '', before: '<!-- snippet: a -->', code: 'ls\n' },
  ]);
  expect(codeBlocks(page('````md', '```js', '```', '````'))).toMatchObject([{ code: '```js\n```' }]);
});

it('an anchor is the one that GitHub gives to the heading', () => {
  const text = page(
    '# A `code`, and *more*!',
    '## Twice',
    '## Twice',
    fence('text', '# not a heading'),
    '## 7. Über [x](y)',
  );
  expect([...anchorsOf(text)]).toEqual(['a-code-and-more', 'twice', 'twice-1', '7-über-x']);
});

it.each([
  ['[a](#there)', 0],
  ['[a](#nowhere)', 1],
  ['[a](other.md#there)', 0],
  ['[a](other.md#nowhere)', 1],
  ['[a](https://example.com/x.md#nowhere)', 0],
  ['[a](file.json#L1)', 0],
])('the link %s has %d findings', (link, count) => {
  const text = page('## There', link);
  const readPage = (path) => (path === 'docs/other.md' ? '# There' : undefined);
  expect(anchorFindings('docs/page.md', text, readPage)).toHaveLength(count);
});

const tests = "readSnippet('tested'); readSnippet('other', 'docs/page.md');";
const evidence = { tests, examples: new Set(['const a = 1;']) };

it.each([
  ['a block without a language', fence('', 'x'), /no language/],
  ['code that no test knows', fence('js', 'const b = 1;'), /no test covers/],
  ['a snippet that no test names', page('<!-- snippet: unknown -->', fence('js', 'x')), /snippet unknown/],
  ['JSON that cannot be parsed', fence('json', '{'), /not JSON/],
  [
    'an untested snippet of shell commands',
    page('<!-- snippet: unknown -->', fence('sh', 'x')),
    /snippet unknown/,
  ],
])('a page with %s has one finding', (_, text, expected) => {
  const findings = blockFindings('docs/page.md', text, evidence);
  expect(findings).toEqual([expect.stringMatching(expected)]);
});

it.each([
  ['a tested example', fence('js', 'const a = 1;')],
  ['a snippet', page('<!-- snippet: other -->', fence('js', 'x'))],
  ['output', fence('text', 'x')],
  ['a picture', fence('mermaid', 'x')],
  ['a part of something', fence('yaml illustration', 'x')],
  ['shell commands', fence('sh', 'npm start')],
  ['JSON', fence('json', '{}')],
])('a page with %s has no finding', (_, text) => {
  expect(blockFindings('docs/page.md', text, evidence)).toEqual([]);
});

it('a page that the site does not show may have any code', () => {
  expect(blockFindings('CONTRIBUTING.md', fence('', 'x'), evidence)).toEqual([]);
});

it('an example may be shown as a whole, or one of its regions', () => {
  const text = page('import a;', '// #region', '  a();', '// #endregion', 'b();');
  expect(shownTexts(text)).toContain('a();');
});
