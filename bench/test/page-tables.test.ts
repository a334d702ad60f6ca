// The tables of docs/latency.md and docs/comparison.md that repeat earlier figures equal those that are made from the results.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { pageTables } from '../src/harness/page-tables.js';

it.each(pageTables())('the page docs/%s has the table %s as the results have it', (page, name, table) => {
  const text = readFileSync(new URL(`../../docs/${page}`, import.meta.url), 'utf8');
  expect(text).toContain(`<!-- begin ${name} -->\n${table}\n<!-- end ${name} -->`);
});
