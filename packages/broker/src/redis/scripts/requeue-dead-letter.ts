// Appends a dead letter's entry to its stream again.
import { defineScript } from './script.js';

/**
 * KEYS: stream, dead. ARGV: ID of the dead letter, then the entry's field arguments (name, value, …).
 * Returns the ID of the new entry, or null when there is no such dead letter.
 *
 * The caller read the fields from the dead letter, which never change: the script only checks that it is
 * still there. XADD comes before XDEL: an error in the first (for example, the key is no stream) leaves the dead letter.
 */
export const requeueDeadLetterScript = defineScript(
  'requeueDeadLetter',
  [
    `
if #redis.call('XRANGE', KEYS[2], ARGV[1], ARGV[1]) == 0 then return false end
local id = redis.call('XADD', KEYS[1], '*', unpack(ARGV, 2))
redis.call('XDEL', KEYS[2], ARGV[1])
return id
`,
  ],
  { isAllowedWhenFull: false },
);
