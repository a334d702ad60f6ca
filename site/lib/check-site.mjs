// Checks the built site: every link within it leads to a file that exists, every `#…` to an element with this ID, every page has
// its twin in Markdown, and nothing is loaded from another host.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../dist/', import.meta.url));
const base = process.env.SITE_BASE ?? '/';

/** Throws with all faults. Returns how much was checked. */
export function checkSite() {
  const names = readdirSync(root, { recursive: true }).map((name) => name.replaceAll('\\', '/'));
  const pages = new Map(
    names
      .filter((name) => name.endsWith('.html'))
      .map((name) => [name, readFileSync(join(root, name), 'utf8')]),
  );
  const ids = new Map([...pages].map(([name, html]) => [name, idsOf(html)]));
  const faults = [];
  let links = 0;
  for (const [name, html] of pages) {
    if (!['404.html', 'index.html'].includes(name) && !existsSync(join(root, name.replace(/\.html$/, '.md'))))
      faults.push(`${name} has no twin in Markdown`);
    for (const [, host] of html.matchAll(/<(?:script|img|link)[^>]+(?:src|href)="(https?:[^"]+)"/g))
      faults.push(`${name} loads something from ${host}: put it on the site itself`);
    for (const [, link] of html.matchAll(/<a\b[^>]*\shref="([^"]*)"/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      links += 1;
      const fault = linkFault(name, link.replaceAll('&amp;', '&'), ids);
      if (fault !== undefined) faults.push(`${name}: ${link} ${fault}`);
    }
  }
  if (faults.length > 0) throw new Error(`the site has faults:\n${[...new Set(faults)].join('\n')}`);
  return { pages: pages.size, links };
}

const idsOf = (html) => new Set(Array.from(html.matchAll(/\sid="([^"]+)"/g), ([, id]) => id));

function linkFault(name, link, ids) {
  const [path, anchor] = link.split('#').map(decodeURIComponent);
  const target = path === '' ? name : fileOf(name, path);
  if (target === undefined) return 'leads nowhere';
  if (anchor === undefined || anchor === '' || !ids.has(target)) return undefined;
  return ids.get(target).has(anchor) ? undefined : `leads to no element with the ID ${anchor}`;
}

/** Returns the file that a static server sends for a path. */
function fileOf(name, path) {
  const absolute = path.startsWith('/') ? path.slice(base.length) : posix.join(posix.dirname(name), path);
  const choices = [absolute, `${absolute}.html`, posix.join(absolute, 'index.html')];
  return choices.find((each) => existsSync(join(root, each)) && statSync(join(root, each)).isFile());
}
