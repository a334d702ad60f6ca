// The layout: which keys and values Millrace stores in Redis. Additional fields after the known ones do not make a new
// layout; see `scripts/snippets.ts`. A change that earlier builds would misread, or that would let them damage data, makes a
// new layout.
//
// A build with a new layout must store the layout's number before it writes any other data. It may do so only while no
// gateway of an earlier build is live.
import { BrokerError, isRefusal } from '../errors.js';

/** The layout that this build reads and writes. Earlier builds stored no number, so the number of layout 1 is not stored. */
const LAYOUT = 1;

/**
 * Checks that Redis has the layout of this build. A missing value means layout 1.
 * @param read reads the value at `key`
 * @throws BrokerError `layout_differs` if the layout is another one, or the value is not the number of a layout. Any error of `read`
 */
export async function checkLayout(key: string, read: () => Promise<unknown>): Promise<void> {
  const stored = await read().catch((error: unknown) => {
    const isNoText = isRefusal(error) && /\bWRONGTYPE\b/.test(error.message);
    throw isNoText ? foreignValue(key, 'a value that is not a string', error) : error;
  });
  const number = typeof stored === 'string' ? Number.parseInt(stored, 10) : stored;
  if (number === null || number === LAYOUT) return;
  const kept = JSON.stringify(stored)?.slice(0, 40);
  if (!(Number(number) > 0)) throw foreignValue(key, kept ?? 'no text');
  throw new BrokerError(
    'layout_differs',
    `Redis holds Millrace data of layout ${kept} (key ${key}), and this build knows layout ${LAYOUT} only: start a build that knows that layout, or give this one a Redis of its own`,
  );
}

/** No build of Millrace writes such a value. */
function foreignValue(key: string, kept: string, cause?: unknown): BrokerError {
  return new BrokerError(
    'layout_differs',
    `The key ${key} in Redis holds ${kept}, where Millrace keeps the number of its layout: another program has written it. Delete the key if no other program needs it (redis-cli DEL ${JSON.stringify(key)}), or give Millrace a key prefix or a Redis of its own`,
    { cause },
  );
}
