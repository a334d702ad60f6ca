// Changes how VitePress renders Markdown: charts and pictures become SVG in the page, which follows the theme; wide tables can be
// scrolled with the keyboard; long names may break; `{{` in text is text.
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chartOf } from './chart.mjs';

const pages = fileURLToPath(new URL('../.pages/', import.meta.url));

/** @param md the markdown-it instance of VitePress */
export function markdownRules(md) {
  const { fence, image } = md.renderer.rules;
  md.renderer.rules.fence = (tokens, index, ...rest) =>
    tokens[index].info.trim() === 'mermaid'
      ? `<figure>${chartOf(tokens[index].content)}</figure>\n`
      : fence(tokens, index, ...rest);
  md.renderer.rules.image = (tokens, index, options, env, self) => {
    const source = tokens[index].attrGet('src') ?? '';
    if (!source.endsWith('.svg')) return image(tokens, index, options, env, self);
    return picture(
      join(pages, dirname(env.relativePath), source),
      self.renderInlineAsText(tokens[index].children ?? []),
    );
  };
  md.renderer.rules.table_open = () =>
    '<div class="table" tabindex="0" role="region" aria-label="Table"><table>\n';
  md.renderer.rules.table_close = () => '</table></div>\n';
  md.renderer.rules.code_inline = (tokens, index) =>
    `<code v-pre>${breakable(md.utils.escapeHtml(tokens[index].content))}</code>`;
  md.renderer.rules.text = (tokens, index) =>
    md.utils.escapeHtml(tokens[index].content).replaceAll('{{', '&#123;&#123;');
}

/** Lets a long name break behind `_` and in front of capitals, so that it does not widen its column of a table. */
function breakable(name) {
  return /^\w{15,}$/.test(name) ? name.replaceAll(/_(?=\w)|(?<=[a-z])(?=[A-Z])/g, '$&<wbr>') : name;
}

/** Returns the SVG of a file, without its own colours: the style of the site gives them. */
function picture(path, description) {
  const svg = readFileSync(path, 'utf8')
    .replace(/<style>[\s\S]*?<\/style>/, '')
    .replace(/<title>[\s\S]*?<\/title>/, '');
  const label = description.replaceAll('"', '&quot;');
  return svg.replace('<svg', `<svg role="img" aria-label="${label}"`).replaceAll(/\n\s*/g, '');
}
