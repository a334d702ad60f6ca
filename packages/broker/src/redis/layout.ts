// The layout: which keys and values Millrace stores in Redis. Additional fields after the known ones do not make a new
// layout; see `scripts/snippets.ts`. A change that earlier builds would misread, or that would let them damage data, makes a
// new layout.
//
// A build with a new layout must store the layout's number before it writes any other data. It may do so only while no
// gateway of an earlier build is live. Pure.
import { BrokerError } from '../errors.js';

/** The layout that this build reads and writes. Earlier builds stored no number, so the number of layout 1 is not stored. */
const LAYOUT = 1;

/**
 * Checks that Redis has the layout of this build. A missing value means layout 1.
 * @param stored the value at `key`
 * @throws BrokerError `layout_differs` if the layout is another one, or the value is not a number
 */
export function checkLayout(key: string, stored: unknown): void {
  const number = typeof stored === 'string' ? Number.parseInt(stored, 10) : stored;
  if (number === null || number === LAYOUT) return;
  const kept = JSON.stringify(stored)?.slice(0, 40);
  throw new BrokerError(
    'layout_differs',
    `Redis holds Millrace data of layout ${kept} (key ${key}), and this build knows layout ${LAYOUT} only: start a build that knows that layout, or give this one a Redis of its own`,
  );
}
