// Replaces generated text between markers in a page.
import { readFileSync, writeFileSync } from 'node:fs';

/**
 * Replaces the text between the lines `<!-- begin name -->` and `<!-- end name -->` of the file.
 * @throws Error if the file has no such lines
 */
export function replaceBetween(path: string, name: string, text: string): void {
  const begin = `<!-- begin ${name} -->`;
  const end = `<!-- end ${name} -->`;
  const page = readFileSync(path, 'utf8');
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from === -1 || to === -1)
    throw new Error(`${path} needs the lines ${begin} and ${end} around the table`);
  writeFileSync(path, `${page.slice(0, from + begin.length)}\n${text}\n${page.slice(to)}`);
}
