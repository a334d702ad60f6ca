// Writes the tables of measurements into docs/reliability.md.
import { readFileSync, writeFileSync } from 'node:fs';
import { repositoryPath } from '../../fixtures/processes/cli-process.js';

const pagePath = `${repositoryPath}docs/reliability.md`;

/** Prints `table`. With `--write`, also puts it between the markers `begin <name>` and `end <name>` of docs/reliability.md. */
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
