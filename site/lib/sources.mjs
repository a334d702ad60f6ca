// Reads the pages from the repository, and gives their links the places of the site. A link whose file or heading does not exist
// ends the build.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { anchorsOf, codeBlocks } from '../../scripts/pages.mjs';
import { placeOfFile, placeOfPage } from './place.mjs';

export const repository = fileURLToPath(new URL('../../', import.meta.url));

/** Markdown files of the repository that are not pages of the site. */
const NO_PAGES = /^\.changeset\/|^site\/|^etc\/|\/templates\/|(^|\/)CHANGELOG\.md$/;

/** Returns the tracked files, and those that git does not know yet and does not ignore. */
export function repositoryFiles() {
  const list = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    cwd: repository,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return list.trim().split('\n');
}

const read = (file) => readFileSync(join(repository, file), 'utf8');

/**
 * Reads all pages. Folders that a page links become pages that list their files.
 *
 * @returns `pages`: place → text; `files`: files of the repository to be copied
 */
export function readSources() {
  const all = repositoryFiles();
  const sources = all.filter((file) => file.endsWith('.md') && !NO_PAGES.test(file));
  const site = { all: new Set(all), pages: new Map(), files: new Set(), folders: new Set(), faults: [] };
  const texts = new Map(sources.map((file) => [file, read(file)]));
  for (const [file, text] of texts)
    site.pages.set(placeOfPage(file), { file, text: convert(file, text, site, texts) });
  for (const folder of site.folders) addFolder(folder, site, texts);
  if (site.faults.length > 0)
    throw new Error(`Some links of the pages lead nowhere. Correct them:\n${site.faults.join('\n')}`);
  return site;
}

/** Gives the links of a page the places of the site. Blocks of code keep their text. */
function convert(file, text, site, texts) {
  const code = new Set(
    codeBlocks(text).flatMap((block) => block.code.split('\n').map((_, index) => block.line + index)),
  );
  const lines = text.split('\n').map((line, index) =>
    code.has(index)
      ? line
      : line.replaceAll(/(!?\[(?:[^\]`]|`[^`]*`)*\])\(([^)\s]+)\)/g, (whole, label, link) => {
          const target = /^[a-z]+:/.test(link) ? undefined : targetOf(file, link, site, texts);
          return target === undefined ? whole : `${label}(${target})`;
        }),
  );
  return lines.filter((line) => !/^<!-- (?:snippet|example|begin|end)\b.*-->$/.test(line.trim())).join('\n');
}

function targetOf(file, link, site, texts) {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? file : posix.join(posix.dirname(file), path).replace(/\/$/, '');
  const text = texts.get(target) ?? texts.get(`${target}/README.md`);
  if (text !== undefined && anchor !== undefined && !anchorsOf(text).has(anchor))
    site.faults.push(`${file}: ${link} (no such heading)`);
  const place = placeOf(target, site, texts);
  if (place === undefined) {
    site.faults.push(`${file}: ${link} (no such file)`);
    return link;
  }
  const from = posix.dirname(placeOfPage(file));
  const relative = place.startsWith('/')
    ? place
    : `./${posix.relative(from, place)}`.replace(/^\.\/\.\./, '..');
  return path === '' ? `#${anchor}` : `${relative}${anchor === undefined ? '' : `#${anchor}`}`;
}

function placeOf(target, site, texts) {
  if (texts.has(target)) return placeOfPage(target);
  if (texts.has(`${target}/README.md`)) return placeOfPage(`${target}/README.md`);
  if (target.startsWith('docs/images/') && site.all.has(target)) return target.slice('docs/'.length);
  if (site.all.has(target)) {
    site.files.add(target);
    return `/${placeOfFile(target)}`;
  }
  if (![...site.all].some((file) => file.startsWith(`${target}/`))) return undefined;
  site.folders.add(target);
  return placeOfPage(`${target}/README.md`);
}

/** Adds a page that lists the files of a folder. */
function addFolder(folder, site, texts) {
  const inside = [...site.all].filter((file) => dirname(file) === folder);
  const rows = inside.map((file) => {
    const name = posix.basename(file);
    const title = texts.has(file) ? (/^# (.*)$/m.exec(texts.get(file))?.[1] ?? name) : name;
    if (texts.has(file)) return `- [${title}](./${name})`;
    site.files.add(file);
    return `- [${name}](/${placeOfFile(file)})`;
  });
  const text = `# ${posix.basename(folder)}\n\nThe files of \`${folder}\`.\n\n${rows.join('\n')}\n`;
  site.pages.set(placeOfPage(`${folder}/README.md`), { file: `${folder}/README.md`, text });
}
