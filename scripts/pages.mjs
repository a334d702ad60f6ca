// Checks the pages of the project: every link leads to a heading that exists, and every block of code is covered by a test. No
// network is used. The house check runs these rules, and the site uses `anchorOf`.
import { dirname, join } from 'node:path';

/** A fence: three or more backticks, its language, and further words. */
const FENCE = /^(\s*)(`{3,})([\w-]*)\s*(.*)$/;

/**
 * Returns the code blocks of a page, without the indentation of a list around them.
 *
 * @returns the line of the fence (from 1), the language, the words behind it, the text, and the line in front of the block
 */
export function codeBlocks(text) {
  const blocks = [];
  let open;
  const lines = text.split('\n');
  for (const [index, line] of lines.entries()) {
    const fence = FENCE.exec(line);
    if (open === undefined) {
      if (fence === null) continue;
      const [, indentation, ticks, language, words] = fence;
      const before = lines[index - 1]?.trim() ?? '';
      open = { line: index + 1, indentation, ticks, language, words, before, code: [] };
    } else if (fence !== null && fence[2].length >= open.ticks.length && fence[3] === '') {
      const { code, indentation, ticks: _, ...block } = open;
      const own = code.map((each) => (each.startsWith(indentation) ? each.slice(indentation.length) : each));
      blocks.push({ ...block, code: own.join('\n') });
      open = undefined;
    } else open.code.push(line);
  }
  return blocks;
}

/** Returns the lines of a page with empty lines in place of its code blocks. */
function proseOf(text) {
  const lines = text.split('\n');
  for (const { line, code } of codeBlocks(text))
    lines.fill('', line - 1, line + code.split('\n').length + (code === '' ? 0 : 1));
  return lines;
}

/** Returns the anchor that GitHub and the site give to a heading. */
export function anchorOf(heading) {
  return heading
    .replaceAll(/<[^>]*>/g, '')
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .trim()
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\p{M}_\s-]/gu, '')
    .replaceAll(/\s/g, '-');
}

/** Returns the anchors of a page. The second heading with the same text gets `-1`. */
export function anchorsOf(text) {
  const seen = new Map();
  const anchors = new Set();
  for (const line of proseOf(text)) {
    const heading = /^#{1,6}\s+(.*?)\s*#*$/.exec(line)?.[1];
    for (const [, id] of line.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(id);
    if (heading === undefined) continue;
    const anchor = anchorOf(heading);
    const count = seen.get(anchor) ?? 0;
    seen.set(anchor, count + 1);
    anchors.add(count === 0 ? anchor : `${anchor}-${count}`);
  }
  return anchors;
}

const LINK = /\]\(([^)#\s]*)#([^)\s]+)\)/g;

/** Returns a finding for each link whose heading does not exist. `readPage` returns the text of a page, or undefined. */
export function anchorFindings(page, text, readPage) {
  return proseOf(text).flatMap((line, index) =>
    Array.from(line.matchAll(LINK)).flatMap(([, link, anchor]) => {
      if (/^[a-z]+:/.test(link) || (link !== '' && !link.endsWith('.md'))) return [];
      const target = link === '' ? page : join(dirname(page), link);
      const linked = link === '' ? text : readPage(target);
      if (linked === undefined || anchorsOf(linked).has(anchor)) return [];
      return [`${page}:${index + 1}  ${target} has no heading #${anchor}: correct the link`];
    }),
  );
}

/** Pages whose blocks of code a test must cover: the pages of the site. */
const SHOWN = /^(README\.md|docs\/.*\.md)$/;
/** Languages of blocks that nobody runs: output, pictures, recorded messages. */
const ILLUSTRATIONS = new Set(['text', 'mermaid']);

/**
 * Returns a finding for each block of code that no test covers. A block is covered in one of these cases:
 *
 * - Its text is that of a file below `examples/` or `deploy/`, or of a region of a tested example, and a test names this file.
 * - `<!-- snippet: NAME -->` stands in front of it, and a test names the snippet and the page.
 * - Its language is `sh`: apps/gateway/test/page-commands.test.ts compares each command with the programs, routes and settings.
 * - Its language is `json`, and it can be parsed.
 *
 * Output has the language `text`. A part that only makes sense inside something else is marked by the word `illustration` behind
 * its language.
 *
 * @param tests the text of all tests and their fixtures
 * @param examples the text of each example by its path
 */
export function blockFindings(page, text, { tests, examples }) {
  if (!SHOWN.test(page)) return [];
  const isNamed = (name) => tests.includes(`'${name}'`) || tests.includes(`\`${name}\``);
  return codeBlocks(text).flatMap((block) => {
    const fault = faultOf(block, isNamed, examples, page);
    return fault === undefined ? [] : [`${page}:${block.line}  ${fault}`];
  });
}

function faultOf({ language, words, before, code }, isNamed, examples, page) {
  if (language === '') return 'the block of code has no language: give it one (`text` for output)';
  if (ILLUSTRATIONS.has(language) || /\billustration\b/.test(words)) return undefined;
  const snippet = /^<!-- (?:snippet|example): ([\w-]+) -->$/.exec(before)?.[1];
  if (snippet !== undefined)
    return isNamed(snippet) && (page === 'README.md' || isNamed(page) || examples.has(code.trim()))
      ? undefined
      : `no test names the snippet ${snippet} of ${page}: let a test run it`;
  if (language === 'sh') return undefined;
  if (language === 'json') return jsonFault(code);
  return examples.has(code.trim())
    ? undefined
    : 'no test covers this block of code: make it a snippet that a test runs, copy it from a tested example, or mark it as `illustration`';
}

function jsonFault(code) {
  try {
    JSON.parse(code);
    return undefined;
  } catch (error) {
    return `the block is not JSON (${error.message}): correct it`;
  }
}

/** Returns the texts of an example that a page may show: the whole file, and each of its regions. */
export function shownTexts(text) {
  const regions = text.split(/^.*#(?:end)?region\b.*\n/m);
  return [text, ...regions.filter((_, index) => index % 2 === 1)]
    .flatMap((each) => [each, each.replaceAll(/^ {2}/gm, '')])
    .map((each) => each.trim());
}
