// Reads a range of entries from one stream in Redis. The stream holds events or dead letters.
import { LAST_ENTRY_ID } from '../entries/entry-id.js';
import type { Entry, RangeOptions } from '../port/entry-log.js';
import { rangeCommand } from './calls/range-command.js';
import { asEntries } from './calls/replies.js';
import type { CommandRouter } from './routing/command-router.js';

/** Returns the entries of the stream with this key, as `Broker.readRange` does. The caller has checked the options. */
export async function readRange(
  router: Pick<CommandRouter, 'command'>,
  key: string,
  options: RangeOptions,
): Promise<Entry[]> {
  if (options.after === LAST_ENTRY_ID) return [];
  return asEntries(await router.command(key, rangeCommand(key, options)));
}
