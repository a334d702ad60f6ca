// The layout of what is kept in Redis: its keys and their values. Fields behind the known ones are no new layout, see
// `scripts/snippets.ts`; a new layout is one that an earlier build would misread or damage. A build that introduces one stores its
// number before it writes anything else, and only when no gateway of an earlier build is live. Pure.
import { BrokerError } from '../errors.js';

/** The layout that this build reads and writes. The first one is not stored: earlier builds have no number for it. */
const LAYOUT = 1;

/**
 * @param stored the value at `key`
 * @throws BrokerError `layout_differs` for any other layout, and for a value that is no number
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
