// Writes the sources of the site to .pages/: the pages with their links, the files that they link, a plain Markdown twin of each
// page, and llms.txt.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sections } from '../navigation.mjs';
import { placeOfFile, placeOfPage } from './place.mjs';
import { readSources, repository } from './sources.mjs';

const folder = fileURLToPath(new URL('../.pages/', import.meta.url));

/** Writes everything again. */
export function prepare() {
  const site = readSources();
  rmSync(folder, { recursive: true, force: true });
  for (const [place, { text }] of site.pages) {
    write(place, text);
    write(`public/${place}`, text);
  }
  for (const file of site.files) copy(file, `public/${placeOfFile(file)}`);
  for (const file of site.all) if (file.startsWith('docs/images/')) copyImage(file);
  write('index.md', readFileSync(new URL('../home.md', import.meta.url), 'utf8'));
  write('public/llms.txt', llms(site));
  write('navigation.json', JSON.stringify(menu(site)));
  return site;
}

function write(place, text) {
  mkdirSync(dirname(join(folder, place)), { recursive: true });
  writeFileSync(join(folder, place), text);
}

function copy(file, place) {
  mkdirSync(dirname(join(folder, place)), { recursive: true });
  cpSync(join(repository, file), join(folder, place));
}

/** Pictures are beside the pages, and beside their twins. */
function copyImage(file) {
  const place = file.slice('docs/'.length);
  copy(file, place);
  copy(file, `public/${place}`);
}

/** The sections with those of their pages that exist, and with all other pages of docs/ as the last section. */
function menu(site) {
  const shown = sections.map(({ text, pages }) => ({
    text,
    pages: pages
      .map(([title, file]) => ({ title, place: placeOfPage(file) }))
      .filter(({ place }) => site.pages.has(place)),
  }));
  const named = new Set(shown.flatMap(({ pages }) => pages.map(({ place }) => place)));
  const more = [...site.pages]
    .filter(([place, { file }]) => /^docs\/[\w-]+\.md$/.test(file) && !named.has(place))
    .map(([place, { text }]) => ({ title: titleOf(text), place }));
  return more.length === 0 ? shown : [...shown, { text: 'More', pages: more }];
}

const titleOf = (text) => (/^# (.*)$/m.exec(text)?.[1] ?? '').replaceAll('`', '');

/** The first sentence below the title. */
function firstSentence(text) {
  const paragraph = text
    .split(/\n\s*\n/)
    .map((part) => part.trim())
    .find((part) => part !== '' && !/^[#|!<`-]/.test(part));
  const plain = (paragraph ?? '').replaceAll('\n', ' ').replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, '$1');
  return /^.*?[.:](?= |$)/.exec(plain)?.[0].replace(/:$/, '.') ?? plain;
}

/** llms.txt: all pages with their first sentence, as plain Markdown (llmstxt.org). */
function llms(site) {
  const parts = menu(site).map(({ text, pages }) => {
    const rows = pages.map(({ title, place }) => {
      const { text: page } = site.pages.get(place);
      return `- [${title}](/${place}): ${firstSentence(page)}`;
    });
    return `## ${text}\n\n${rows.join('\n')}`;
  });
  const intro = `# Millrace

> Typed real-time events from any backend through Redis Streams to every SignalR client in a room: fast, in order, none lost.

Each page of the site exists as plain Markdown: replace \`.html\` by \`.md\`. Start with Getting started; settings, errors, metrics, routes and commands are under Reference.`;
  return `${intro}\n\n${parts.join('\n\n')}\n`;
}
