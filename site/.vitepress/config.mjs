// The site: VitePress over the sources that lib/prepare.mjs writes.
import { readFileSync } from 'node:fs';
import { defineConfig } from 'vitepress';
import { anchorOf } from '../../scripts/pages.mjs';
import { markdownRules } from '../lib/markdown-rules.mjs';

const menu = JSON.parse(readFileSync(new URL('../.pages/navigation.json', import.meta.url), 'utf8'));
const linkOf = (place) => `/${place.replace(/(^|\/)index\.md$/, '$1').replace(/\.md$/, '')}`;

/** Three waves. */
const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><g fill="none" stroke="#0d6aa3" stroke-width="3" stroke-linecap="round">
<path d="M4 9q6-5 12 0t12 0M4 17q6-5 12 0t12 0M4 25q6-5 12 0t12 0"/></g></svg>`;

export default defineConfig({
  title: 'Millrace',
  description:
    'Typed real-time events from any backend through Redis Streams to every SignalR client in a room: fast, in order, none lost.',
  lang: 'en',
  base: process.env.SITE_BASE ?? '/',
  srcDir: '.pages',
  srcExclude: ['public/**'],
  outDir: 'dist',
  cacheDir: '.cache',
  lastUpdated: false,
  head: [['link', { rel: 'icon', href: `data:image/svg+xml,${encodeURIComponent(icon)}` }]],
  ignoreDeadLinks: [/^\/files\//, /^https?:\/\/localhost/],
  markdown: {
    anchor: { slugify: anchorOf },
    attrs: { disable: true },
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
    config: markdownRules,
  },
  transformPageData(page) {
    if (page.frontmatter.layout === 'home') return;
    page.frontmatter.head ??= [];
    page.frontmatter.head.push([
      'link',
      {
        rel: 'alternate',
        type: 'text/markdown',
        href: `${process.env.SITE_BASE ?? '/'}${page.relativePath}`,
      },
    ]);
  },
  themeConfig: {
    search: { provider: 'local' },
    nav: [
      { text: 'Getting started', link: '/getting-started' },
      { text: 'Concepts', link: '/concepts/rooms-and-events' },
      { text: 'Settings', link: '/settings' },
      { text: 'Comparison', link: '/comparison' },
    ],
    // The groups cannot be closed: VitePress makes a button inside of a button of those that can.
    sidebar: menu.map(({ text, pages }) => ({
      text,
      items: pages.map(({ title, place }) => ({ text: title, link: linkOf(place) })),
    })),
    outline: { level: [2, 3] },
    footer: {
      message: 'MIT licence. For programs: <a href="/llms.txt">llms.txt</a>, and every page as Markdown.',
    },
  },
});
