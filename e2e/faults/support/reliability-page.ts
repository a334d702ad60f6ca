// Tables that measurements write into docs/reliability.md.
import { readFileSync, writeFileSync } from 'node:fs';
import { repositoryPath } from '../../fixtures/processes/cli-process.js';

const pagePath = `${repositoryPath}docs/reliability.md`;

/** Puts `table` between the page's markers `begin <name>` and `end <name>`, if the run was asked to (`--write`). */
export function offerTable(name: string, table: string): void {
  console.info(table);
  if (process.env['RELIABILITY_WRITE'] !== '1') return;
  const [begin, end] = [`<!-- begin ${name} -->`, `<!-- end ${name} -->`];
  const page = readFileSync(pagePath, 'utf8');
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < 0) throw new Error(`no place for the table ${name} in ${pagePath}`);
  writeFileSync(pagePath, `${page.slice(0, from + begin.length)}\n${table}\n${page.slice(to)}`);
}
