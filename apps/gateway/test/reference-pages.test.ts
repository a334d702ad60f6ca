// The pages of commands, metrics and HTTP routes equal what the code declares. `npm run docs:reference` writes them again.
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { renderCliPage } from './support/cli-page.js';
import { renderHttpPage } from './support/http-page.js';
import { renderMetricsPage } from './support/metrics-page.js';

it.each([
  ['cli.md', renderCliPage],
  ['metrics.md', renderMetricsPage],
  ['http.md', renderHttpPage],
])('the page docs/%s equals what the code declares', async (name, render) => {
  const path = fileURLToPath(new URL(`../../../docs/${name}`, import.meta.url));
  await expect(render()).toMatchFileSnapshot(path);
});
