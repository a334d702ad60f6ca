/*
 * The matrix in docs/compatibility.md equals the list of cells from which the tests are built. `npm run docs:signalr`
 * rewrites it.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { cellsOf } from '../support/matrix/cells.js';
import { cellName, PAGE_PATH, publishedCells, renderPage } from '../support/matrix/table.js';

const TESTED_RUNTIMES = ['Node', 'Chromium'] as const;

const written = renderPage(readFileSync(PAGE_PATH, 'utf8'), TESTED_RUNTIMES);

test('the published compatibility page equals the page that is rendered from the list of cells', async () => {
  await expect(written).toMatchFileSnapshot(PAGE_PATH);
});

test.each(TESTED_RUNTIMES)(
  'the rendered table for %s gives the cells of its list when it is read back',
  (runtime) => {
    expect(publishedCells(runtime, written)).toEqual(new Set(cellsOf(runtime).map(cellName)));
  },
);
