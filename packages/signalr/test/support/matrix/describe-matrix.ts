/*
 * The tests of the matrix: one for each cell, and one that compares the published table with the cells that have passed.
 */
import { describe, expect, test } from 'vitest';
import { type Cell, cellsOf, FEATURES, LANES, type RuntimeName, VERSIONS } from './cells.js';
import { cellName, laneTitle, publishedCells } from './table.js';

/**
 * Declares the tests of one runtime.
 * @param run tests one cell. Rejects if the cell fails
 */
export function describeMatrix(runtime: RuntimeName, run: (cell: Cell) => Promise<void>): void {
  const passed = new Set<string>();
  const cells = cellsOf(runtime);
  describe.each(VERSIONS)(`the official client %s in ${runtime}`, (version) => {
    describe.each(LANES.map((lane) => ({ ...lane, title: laneTitle(lane) })))(
      'over $title',
      ({ transport, protocol }) => {
        const own = cells.filter(
          (cell) => cell.version === version && cell.transport === transport && cell.protocol === protocol,
        );
        test.each(own.map((cell) => [FEATURES[cell.feature].title, cell] as const))(
          '%s',
          async (_title, cell) => {
            await run(cell);
            passed.add(cellName(cell));
          },
        );
      },
    );
  });

  test(`the published table for ${runtime} shows exactly the cells that have passed`, () => {
    expect(publishedCells(runtime)).toEqual(passed);
  });
}
