/*
 * The published matrix equals the list of cells from which the tests are built. `npm run docs:signalr` rewrites it.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { cellsOf } from '../support/matrix/cells.js';
import { cellName, PAGE_PATH, publishedCells, renderPage } from '../support/matrix/table.js';

const TESTED_RUNTIMES = ['Node', 'Chromium'] as const;

const written = renderPage(readFileSync(PAGE_PATH, 'utf8'), TESTED_RUNTIMES);

test('the published page equals the one rendered from the list of cells', async () => {
  await expect(written).toMatchFileSnapshot(PAGE_PATH);
});

test.each(TESTED_RUNTIMES)('the table of %s yields its cells when it is read back', (runtime) => {
  expect(publishedCells(runtime, written)).toEqual(new Set(cellsOf(runtime).map(cellName)));
});
